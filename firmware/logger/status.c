/* What a USB host may know (usb/SPEC.md, section 4). */
#include "logger/state.h"
#include "store/store.h"
#include "usb/count.h"
#include "usb/usb.h"

static uint16_t
flags(void)
{
    static const uint16_t of_condition[PANEL_CONDITIONS] = {
        [PANEL_FAULT] = USB_STATUS_FAULT,
        [PANEL_ALARM] = USB_STATUS_ALARM,
        [PANEL_SILENCE] = USB_STATUS_SILENCE,
        [PANEL_RESERVE] = USB_STATUS_RESERVE_FULL,
    };
    uint16_t set = app.log_open ? USB_STATUS_READY : 0;

    for (unsigned c = 0; c < PANEL_CONDITIONS; c++) {
        set |= panel_on(&app.panel, (enum panel_condition)c) ? of_condition[c] : 0;
    }
    return set | (app.mode == MODE_RECORD ? 0 : USB_STATUS_DUMP);
}

static void
status_of_log(struct usb_status *out)
{
    struct store_counts counts;

    if (!app.log_open) {
        return;
    }
    store_counts(&counts);
    out->boots = counts.boots;
    out->committed = store_committed();
    out->harvested = counts.harvested;
    out->kept = counts.reserve_slots - counts.reserve_free;
    out->ring = counts.ring < counts.ring_slots ? counts.ring : counts.ring_slots;
    out->reserve_free = counts.reserve_free * STORE_RECORD_MAX;
    out->refused = counts.refused;
    out->torn = counts.torn;
    out->bad_sectors = counts.bad_sectors;
    out->wear_min = counts.wear_min;
    out->wear_max = counts.wear_max;
}

void
status_fill(struct usb_status *out)
{
    struct usb_counts usb;

    *out = (struct usb_status){ .flags = flags(),
        .cause = (uint8_t)app.cause,
        .uptime_s = app.uptime_s,
        .session = app.session,
        .number = app.number };
    status_of_log(out);
    for (unsigned i = 0; i < INTAKES; i++) {
        count_add(&out->lines, app.intake[i].assembler.counts.lines);
        count_add(&out->rubbish, app.intake[i].assembler.counts.rubbish);
    }
    for (unsigned i = 0; i < HAL_UARTS; i++) {
        struct hal_uart_counts counts;

        hal_uart_count((enum hal_uart)i, &counts);
        count_add(&out->overruns, counts.overruns);
    }
    usb_counts(&usb);
    out->usb_refused = usb.refused;
}
