#include "logger/app.h"

#include <string.h>

#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/gpio.h"
#include "hal/random.h"
#include "hal/result.h"
#include "hal/watchdog.h"
#include "logger/state.h"
#include "store/store.h"
#include "usb/usb.h"

#define BAUD 115200u
#define WATCHDOG_MS 4000
#define TICK_US ((uint64_t)BUTTON_SAMPLE_MS * 1000)
#define TICKS_A_TURN 8 /* most, when the loop is behind */
#define TICKS_A_STEP (LAMP_STEP_MS / BUTTON_SAMPLE_MS)
#define TICKS_A_SECOND (1000 / BUTTON_SAMPLE_MS)
#define START_TICKS 12    /* a button that is still bouncing then is not held */
#define FLASH_LOOK_US 250 /* how long to sleep while the flash is at work, which wakes nobody */

struct app app;

void
state_tell(enum report_kind kind, const struct note_detail *details, unsigned count)
{
    report_add(&app.report, kind, details, count, app.uptime_s);
}

void
state_alarm(void)
{
    panel_tell(&app.panel, PANEL_ALARM, LATCH_RAISE);
    panel_tell(&app.panel, PANEL_ALARM, LATCH_END);
}

/* ---- the button and what it is for */

static void
write_hex(uint32_t n, char out[9])
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = "0123456789ABCDEF"[n >> (28 - 4 * i) & 15];
    }
    out[8] = '\0';
}

static void
tell_boot(void)
{
    static const char *const causes[] = {
        [HAL_RESET_POWER] = "power",
        [HAL_RESET_PIN] = "pin",
        [HAL_RESET_WATCHDOG] = "watchdog",
        [HAL_RESET_FAULT] = "fault",
    };
    bool bad = app.cause == HAL_RESET_WATCHDOG || app.cause == HAL_RESET_FAULT;
    struct hal_reset_note note = { .what = 0 };
    bool noted = hal_reset_note(&note);
    char where[9];
    char from[9];
    const struct note_detail details[] = {
        { "cause", causes[app.cause], 0 },
        { "mode", app.mode == MODE_DUMP ? "dump" : "record", 0 },
        { "what", NULL, note.what },
        { "where", where, 0 },
        { "from", from, 0 },
    };

    write_hex(note.where, where);
    write_hex(note.from, from);
    state_tell(bad ? REPORT_REBOOT : REPORT_BOOT, details, noted ? 5 : 2);
    if (bad && !panel_on(&app.panel, PANEL_FAULT)) {
        panel_tell(&app.panel, PANEL_FAULT, LATCH_RAISE);
        panel_tell(&app.panel, PANEL_FAULT, LATCH_END);
    }
}

/* It is known what the device is for. */
static void
settle(enum mode mode)
{
    const struct usb_setup setup = { .serial = app.serial, .dump = mode == MODE_DUMP };
    int result = usb_start(&setup);

    app.mode = mode;
    tell_boot();
    if (result != HAL_OK && result != HAL_E_NONE) {
        watch_fault("usb", 0);
    }
    signal_init(&app.dtr, hal_gpio_get(HAL_GPIO_DTR));
    signal_init(&app.vbus, usb_attached());
    deadman_init(&app.deadman, app.uptime_s);
}

static void
mode_event(enum mode_event event)
{
    enum mode next = mode_next(app.mode, event);

    if (app.mode == MODE_START && next != MODE_START) {
        settle(next);
    } else if (app.mode != MODE_HARVESTED && next == MODE_HARVESTED) {
        app.mark_due = true;
        app.mark_upto = harvest_last(&app.harvest);
    }
    app.mode = next;
}

static void
button_look(void)
{
    enum button_news news = button_sample(&app.button, hal_gpio_get(HAL_GPIO_BUTTON));

    if (app.mode == MODE_START && news == BUTTON_NOTHING && ++app.start_ticks == START_TICKS) {
        news = button_step(&app.button, BUTTON_OPEN);
    }
    switch (news) {
    case BUTTON_STARTED_UP:
        mode_event(MODE_BUTTON_UP);
        break;
    case BUTTON_STARTED_HELD:
        mode_event(MODE_BUTTON_HELD);
        break;
    case BUTTON_PRESSED:
        if (app.mode == MODE_RECORD) {
            watch_acknowledge();
        }
        break;
    case BUTTON_PRESSED_LONG:
        mode_event(MODE_PRESSED_LONG);
        break;
    case BUTTON_NOTHING:
        break;
    }
}

static void
tick(void)
{
    button_look();
    if (app.mode == MODE_RECORD) {
        watch_tick();
    }
    if (app.ticks % TICKS_A_STEP == 0) {
        panel_step(&app.panel, app.mode);
    }
    if (++app.ticks == TICKS_A_SECOND) {
        app.ticks = 0;
        app.uptime_s++;
        if (app.mode == MODE_RECORD) {
            watch_second();
        }
    }
}

static void
ticks_poll(void)
{
    for (unsigned i = 0; i < TICKS_A_TURN && hal_clock_us() >= app.tick_us; i++) {
        app.tick_us += TICK_US;
        tick();
    }
}

/* ---- reading out */

static void
dump_poll(void)
{
    static const enum mode_event event[] = {
        [HARVEST_BEGUN] = MODE_DUMP_BEGUN,
        [HARVEST_TAKEN] = MODE_DUMP_TAKEN,
    };
    enum harvest_news news = harvest_poll(&app.harvest, app.serial);

    if (news != HARVEST_NOTHING) {
        mode_event(event[news]);
    }
    if (app.mark_due) {
        const struct note_detail details[] = { { "upto", NULL, app.mark_upto } };

        if (store_harvested(app.mark_upto) == 0) {
            app.mark_due = false;
            state_tell(REPORT_HARVESTED, details, 1);
        }
    }
}

/* usb/ asks by this name. */
void
usb_status(struct usb_status *out)
{
    status_fill(out);
}

/* ---- start, and the loop */

static void
log_start(void)
{
    struct store_counts counts = { .boots = 0 };
    bool flash = hal_flash_start() == HAL_OK;

    app.log_open = flash && store_open() == 0;
    if (app.log_open) {
        store_counts(&counts);
        app.records_lost = counts.lost;
    }
    report_init(&app.report, app.serial, counts.boots);
    if (!app.log_open) {
        watch_fault(flash ? "log" : "flash", 0);
    }
}

void
app_start(void)
{
    bool clock;
    bool lines;

    memset(&app, 0, sizeof(app));
    app.cause = hal_reset_cause();
    clock = hal_clock_start() == HAL_OK;
    hal_gpio_start();
    (void)hal_watchdog_start(WATCHDOG_MS); /* a board without one is a board without one */
    hal_reset_serial(app.serial);
    lines = hal_uart_start(HAL_UART_SERVER, BAUD) == HAL_OK;
    lines = hal_uart_start(HAL_UART_CONSOLE, BAUD) == HAL_OK && lines;
    panel_init(&app.panel);
    button_init(&app.button);
    outq_init(&app.outq);
    harvest_init(&app.harvest);
    recall_init(&app.recall);
    for (unsigned i = 0; i < INTAKES; i++) {
        intake_init(&app.intake[i]);
    }
    (void)hal_random(&app.copies_key, sizeof(app.copies_key)); /* a bad key is a key */
    for (unsigned c = 0; c < STORE_CLASSES; c++) {
        copies_init(&app.copies[c]);
    }
    log_start();
    if (!clock || !lines) {
        watch_fault(clock ? "uart" : "clock", 0);
    }
    memcpy(app.out, STATE_LINE_END, 2); /* ends what an earlier life began to send */
    app.out_len = 2;
    app.tick_us = hal_clock_us();
}

/* Nobody wakes the loop when the flash is done, or when there is more to read out. */
static void
rest(bool more)
{
    uint64_t until = app.tick_us;
    bool flash = app.log_open && !store_idle();

    if (more) {
        return;
    }
    if ((flash || app.mode > MODE_RECORD) && until > hal_clock_us() + FLASH_LOOK_US) {
        until = hal_clock_us() + FLASH_LOOK_US;
    }
    hal_clock_wait(until);
}

/* True while there is more to read. */
static bool
recall(void)
{
    if (app.log_open && recall_poll(&app.recall, &app.copies_key, app.copies)) {
        state_alarm();
    }
    return app.log_open && !app.recall.done && store_idle();
}

void
app_poll(void)
{
    bool more = false;

    hal_watchdog_feed();
    if (app.mode != MODE_START) {
        usb_poll();
    }
    if (app.log_open) {
        store_poll();
    }
    if (app.mode == MODE_RECORD) {
        more = lines_poll() || recall();
    } else if (app.mode != MODE_START && app.log_open) {
        dump_poll();
    }
    lines_notes();
    lines_send();
    ticks_poll();
    rest(more);
}
