#include "belfry/run.h"

#include <string.h>

#define FIRST_MS 60000
#define PASS_MS INT64_C(3600000)
#define DAY_MS INT64_C(86400000)

/* Before which row of both tables every notifier that publishes rows has published. */
static void
find_told(const struct run *run, struct ledger_forget *f)
{
    f->told_lines = INT64_MAX;
    f->told_events = INT64_MAX;
    for (unsigned i = 0; i < run->tell.count; i++) {
        const struct tell_one *t = run->tell.one[i];

        if (t->kind->rows) {
            f->told_lines = t->place.lines < f->told_lines ? t->place.lines : f->told_lines;
            f->told_events = t->place.events < f->told_events ? t->place.events : f->told_events;
        }
    }
}

void
forget_look(struct run *run)
{
    struct forget *f = &run->forget;

    if (run->conf->ledger_keep_s == 0 || run->utc_us / 1000 < DAY_MS) {
        return; /* or without a clock */
    }
    if (f->next_ms == 0) {
        f->next_ms = run->now_ms + FIRST_MS;
    }
    if (run->now_ms >= f->next_ms && !f->due) {
        f->at.before_ms = run->utc_us / 1000 - INT64_C(1000) * run->conf->ledger_keep_s;
        find_told(run, &f->at);
        f->due = true;
        run->unsaved = true;
    }
}

int
forget_save(struct run *run)
{
    struct forget *f = &run->forget;

    if (!f->due) {
        return 0;
    }
    f->saving = f->at;
    return ledger_forget(run->ledger, &f->saving);
}

void
forget_saved(struct run *run)
{
    struct forget *f = &run->forget;

    if (!f->due) {
        return;
    }
    f->due = false;
    f->at = f->saving;
    if (!f->at.more) {
        memset(&f->at, 0, sizeof f->at);
        f->next_ms = run->now_ms + PASS_MS;
    }
}
