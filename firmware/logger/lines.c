/* Lines: from the inputs to the log and to the console. */
#include <string.h>

#include "logger/state.h"
#include "store/store.h"
#include "usb/count.h"

/* Records in the queue, with which a USB host waits: the rest is for lines that cannot wait. */
#define USB_BEHIND 8
#define LINES_SENT 2 /* most in a turn */

static void
pass_on(const struct wire_line *line, enum intake_input from, bool copy)
{
    enum outq_rank rank = line->head.severity <= WIRE_ERRO ? OUTQ_GRAVE : OUTQ_OTHER;

    /* Copies fill what time there is. One that came by the console's own line may be our echo. */
    if (!copy || (outq_empty(&app.outq) && from != INTAKE_CONSOLE)) {
        (void)outq_put(&app.outq, rank, line->bytes, line->len);
    }
}

static enum store_class
class_of(const struct wire_line *line)
{
#ifdef PLANT_LOGGER_CLASS
    return STORE_RING;
#endif
    return line->head.severity <= WIRE_ERRO ? STORE_KEPT : STORE_RING;
}

/* False when it has to be held. */
static bool
take_line(const struct wire_line *line, enum intake_input from)
{
    enum store_class class = class_of(line);
    struct copies_mark mark = copies_mark_of(&app.copies_key, line);
    struct deadman_event event;

    if (copies_seen(&app.copies[class], &mark)) {
        pass_on(line, from, true);
        return true;
    }
    if (!app.log_open) {
        count_add(&app.unsaved, 1);
    } else if (store_append(class, line->bytes, line->len) == STORE_E_BUSY) {
#ifdef PLANT_LOGGER_HOLD
        return true;
#endif
        return false;
    }
    copies_add(&app.copies[class], &mark);
    app.session = line->head.session;
    app.number = line->head.number;
    pass_on(line, from, false);
    if (class == STORE_KEPT) {
        state_alarm();
    }
    deadman_line(&app.deadman, line, app.uptime_s, &event);
    watch_silence(&event);
    return true;
}

/* A USB host can wait, a serial line cannot. */
static bool
may_take(enum intake_input which)
{
#ifdef PLANT_LOGGER_GREEDY
    return true;
#endif
    return which != INTAKE_USB || !app.log_open ||
           (store_waiting() < USB_BEHIND && !recall_holds(&app.recall, app.uptime_s));
}

/* True when there may be more at once. */
bool
lines_poll(void)
{
    bool more = false;

    /* Another one first each turn: when there is room for one line, it shall not always be the same's. */
    app.first_input = (uint8_t)((app.first_input + 1) % INTAKES);
    for (unsigned i = 0; i < INTAKES; i++) {
        enum intake_input which = (enum intake_input)((app.first_input + i) % INTAKES);
        struct intake *in = &app.intake[which];

        if (!may_take(which)) {
            continue;
        }
        if (intake_poll(in, which) && take_line(&in->line, which)) {
            intake_done(in);
        }
        more = more || (in->len > 0 && !in->held);
    }
    return more;
}

void
lines_send(void)
{
    for (unsigned i = 0; i < LINES_SENT; i++) {
        if (app.out_at == app.out_len) {
            size_t len = outq_take(&app.outq, app.out);

            if (len == 0) {
                return;
            }
            memcpy(app.out + len, STATE_LINE_END, 2);
            app.out_len = (uint8_t)(len + 2);
            app.out_at = 0;
        }
        app.out_at =
                (uint8_t)(app.out_at + hal_uart_write(HAL_UART_CONSOLE, (const uint8_t *)app.out + app.out_at,
                                               (size_t)(app.out_len - app.out_at)));
        if (app.out_at < app.out_len) {
            return;
        }
    }
}

static bool
keep_note(const struct report_note *note)
{
    enum store_class class = note->keep ? STORE_KEPT : STORE_RING;

    return !note->store || !app.log_open || store_append(class, note->line, note->len) != STORE_E_BUSY;
}

/* Stores and queues one note a turn. */
void
lines_notes(void)
{
    const struct report_note *note = report_next(&app.report);

    if (note != NULL && keep_note(note)) {
        (void)outq_put(&app.outq, OUTQ_OWN, note->line, note->len);
        report_done(&app.report);
    }
}
