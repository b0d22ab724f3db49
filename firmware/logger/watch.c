/* Levels, losses, silence: what is looked at again and again, and what is told of it. */
#include "hal/gpio.h"
#include "logger/state.h"
#include "store/store.h"
#include "usb/usb.h"

#define LOST_REST_S 60 /* between notes of losses of one kind */
#define BEAT_S 60

void
watch_fault(const char *what, uint32_t lost)
{
    const struct note_detail details[] = { { "what", what, 0 }, { "lost", NULL, lost } };

    panel_tell(&app.panel, PANEL_FAULT, LATCH_RAISE);
    state_tell(REPORT_FAULT, details, 2);
}

void
watch_silence(const struct deadman_event *event)
{
    static const enum report_kind kind[] = {
        [DEADMAN_SILENT] = REPORT_SILENT,
        [DEADMAN_BACK] = REPORT_BACK,
        [DEADMAN_FULL] = REPORT_HOSTS,
    };
    const struct note_detail details[] = { { "host", event->host, 0 }, { "for", NULL, event->for_s } };

    if (event->news != DEADMAN_NOTHING) {
        state_tell(kind[event->news], details, event->news == DEADMAN_FULL ? 0 : 2);
    }
    if (event->news == DEADMAN_SILENT) {
        panel_tell(&app.panel, PANEL_SILENCE, LATCH_RAISE);
    } else if (deadman_silent(&app.deadman) == 0) { /* also when a silent one's place went to another */
        panel_tell(&app.panel, PANEL_SILENCE, LATCH_END);
    }
}

/* True when more was lost than told, and it is time to tell it. */
static bool
loss_due(struct losses *l, uint32_t lost)
{
    if (lost == l->told || app.uptime_s < l->next_s) {
        return false;
    }
    l->told = lost;
    l->next_s = app.uptime_s + LOST_REST_S;
    return true;
}

static void
losses_look(void)
{
    for (unsigned i = 0; i < HAL_UARTS; i++) {
        struct hal_uart_counts counts;

        hal_uart_count((enum hal_uart)i, &counts);
        if (loss_due(&app.overruns[i], counts.overruns)) {
            const struct note_detail details[] = { { "in", intake_name((enum intake_input)i), 0 },
                { "bytes", NULL, counts.overruns } };

            state_tell(REPORT_LOST, details, 2);
        }
    }
    if (loss_due(&app.unsent, app.outq.ring[OUTQ_GRAVE].lost + app.outq.ring[OUTQ_OTHER].lost)) {
        const struct note_detail details[] = { { "grave", NULL, app.outq.ring[OUTQ_GRAVE].lost },
            { "other", NULL, app.outq.ring[OUTQ_OTHER].lost } };

        state_tell(REPORT_OUT, details, 2);
    }
}

static void
reserve_look(const struct store_counts *counts)
{
    const struct note_detail details[] = { { "free", NULL, counts->reserve_free },
        { "refused", NULL, counts->refused } };
    bool full = counts->reserve_free == 0;

    if (full == app.reserve_full) {
        return;
    }
    app.reserve_full = full;
    panel_tell(&app.panel, PANEL_RESERVE, full ? LATCH_RAISE : LATCH_END);
    state_tell(full ? REPORT_RESERVE_FULL : REPORT_RESERVE_FREE, details, 2);
}

static void
log_look(void)
{
    struct store_counts counts;

    if (!app.log_open) {
        return;
    }
    store_counts(&counts);
    reserve_look(&counts);
    if (counts.lost > app.records_lost) {
        app.records_lost = counts.lost;
        watch_fault("flash", counts.lost);
    }
}

static void
beat(void)
{
    const struct note_detail details[] = {
        { "next", NULL, BEAT_S },
        { "committed", NULL, app.log_open ? store_committed() : 0 },
        { "silent", NULL, deadman_silent(&app.deadman) },
        { "unsaved", NULL, app.unsaved },
    };

    state_tell(REPORT_BEAT, details, 4);
}

static void
signal_look(struct signal *s, bool level, enum report_kind lost, enum report_kind back)
{
    uint32_t changes;

    if (signal_sample(s, level, app.uptime_s, &changes)) {
        const struct note_detail details[] = { { "state", s->level ? "back" : "lost", 0 },
            { "changes", NULL, changes } };

        state_tell(s->level ? back : lost, details, 2);
    }
}

void
watch_tick(void)
{
    if (hal_gpio_fitted(HAL_GPIO_DTR)) {
        signal_look(&app.dtr, hal_gpio_get(HAL_GPIO_DTR), REPORT_DTR_LOST, REPORT_DTR_BACK);
    }
    signal_look(&app.vbus, usb_attached(), REPORT_VBUS_LOST, REPORT_VBUS_BACK);
}

void
watch_second(void)
{
    struct deadman_event event;

    deadman_look(&app.deadman, app.uptime_s, &event);
    watch_silence(&event);
    losses_look();
    log_look();
    if (app.uptime_s == RECALL_S && app.log_open && !app.recall.known) {
        state_alarm();
    }
    if (app.uptime_s % BEAT_S == 0) {
        beat();
    }
}

void
watch_acknowledge(void)
{
    const struct note_detail details[] = {
        { "alarm", NULL, latch_calls(app.panel.latch[PANEL_ALARM]) },
        { "silence", NULL, latch_calls(app.panel.latch[PANEL_SILENCE]) },
        { "reserve", NULL, latch_calls(app.panel.latch[PANEL_RESERVE]) },
        { "fault", NULL, latch_calls(app.panel.latch[PANEL_FAULT]) },
    };

    if (panel_acknowledge(&app.panel)) {
        state_tell(REPORT_ACK, details, 4);
    }
    deadman_seen(&app.deadman);
}
