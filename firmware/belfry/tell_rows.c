#include "belfry/tell.h"

#include "belfry/run.h"

#include <string.h>
#include <sys/socket.h>

#define LOOK_AT_ONCE 256 /* rows that are not for a notifier */

static const enum notify_what whats[TELL_ROWS] = { [TELL_LINES] = NOTIFY_LINE, [TELL_EVENTS] = NOTIFY_EVENT };

static void
begin_at(struct tell_rows *rows, int64_t row)
{
    rows->sent = row;
    rows->reached = row;
    rows->count = 0;
}

void
tell_rows_begin(struct tell_one *t)
{
    begin_at(&t->rows[TELL_LINES], t->place.lines);
    begin_at(&t->rows[TELL_EVENTS], t->place.events);
    t->rows_ready = t->kind->rows;
}

void
tell_rows_made(struct run *run)
{
    for (unsigned i = 0; i < run->tell.count; i++) {
        run->tell.one[i]->rows_ready = run->tell.one[i]->kind->rows;
    }
}

/* All in front that are done are done for good. */
static void
move_on(struct tell_rows *rows)
{
    unsigned done = 0;

    while (done < rows->count && rows->flight[done].done) {
        rows->reached = rows->flight[done++].row;
    }
    rows->count -= done;
    memmove(rows->flight, rows->flight + done, rows->count * sizeof rows->flight[0]);
    if (rows->count == 0) {
        rows->reached = rows->sent;
    }
}

void
tell_rows_answer(struct run *run, struct tell_one *t, const struct notify_answer *a)
{
    struct tell_rows *rows = &t->rows[a->what == NOTIFY_LINE ? TELL_LINES : TELL_EVENTS];

    for (unsigned i = 0; i < rows->count; i++) {
        if (rows->flight[i].row == a->seq) {
            rows->flight[i].done = true;
            t->rows_told += a->said == NOTIFY_TOLD;
            t->rows_failed += a->said != NOTIFY_TOLD;
        }
    }
    move_on(rows);
    t->rows_ready = true;
    run->unsaved = true; /* the place moves with the next commit; told again is no harm */
}

static int
next_row(struct run *run, enum tell_row_kind kind, int64_t row, struct notify_row *out)
{
    return kind == TELL_LINES ? ledger_line_after(run->ledger, row, &out->record, &out->row)
                              : ledger_event_after(run->ledger, row, &out->record, &out->row);
}

/* One row, or none is left: true while there may be more. */
static bool
send_one(struct run *run, struct tell_one *t, enum tell_row_kind kind, bool *full)
{
    static struct notify_message m;
    struct tell_rows *rows = &t->rows[kind];
    size_t size;

    if (rows->count == TELL_FLIGHT || next_row(run, kind, rows->sent, &m.of.row) != 0) {
        return false;
    }
    m.what = whats[kind];
    size = notify_size(&m);
    if (!tell_is_for(t, m.of.row.record.host, m.of.row.record.line)) {
        rows->sent = m.of.row.row;
        move_on(rows);
        return true;
    }
    if (send(t->process.fd, &m, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) {
        *full = true;
        return false;
    }
    rows->sent = m.of.row.row;
    rows->flight[rows->count++] = (struct tell_row){ .row = m.of.row.row };
    return true;
}

bool
tell_rows_send(struct run *run, struct tell_one *t)
{
    bool full = false;
    unsigned looked = 0;

    t->rows_ready = false;
    for (unsigned kind = 0; kind < TELL_ROWS; kind++) {
        while (!full && looked < LOOK_AT_ONCE && send_one(run, t, (enum tell_row_kind)kind, &full)) {
            looked++;
        }
    }
    t->rows_ready = looked == LOOK_AT_ONCE;
    return !full && !t->rows_ready;
}

bool
tell_rows_save(struct tell_one *t)
{
    t->saving.lines = t->kind->rows ? t->rows[TELL_LINES].reached : t->place.lines;
    t->saving.events = t->kind->rows ? t->rows[TELL_EVENTS].reached : t->place.events;
    t->saving.told += t->rows_told;
    t->saving.failed += t->rows_failed;
    return t->saving.lines != t->place.lines || t->saving.events != t->place.events;
}
