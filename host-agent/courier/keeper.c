#include "courier/keeper.h"
#include "courier/syncer.h"
#include <string.h>

int
keeper_open(struct keeper *k, int dir, struct news *news)
{
    k->news = news;
    int error = spool_open(&k->spool, dir, SPOOL_LIMIT);
    return error < 0 ? error : syncer_start();
}

static void
append(struct keeper *k, const struct line_message *m)
{
    if (!spool_append(&k->spool, m->bytes, m->len)) {
        k->refused++;
    }
    k->number = m->number;
    k->owes = true;
}

void
keeper_take(struct keeper *k, const struct line_message *m)
{
    if (!k->busy) {
        append(k, m);
    } else if (k->waits < COURIER_WINDOW) {
        k->waiting[k->waits++] = *m;
    } else {
        k->refused++;
    }
}

static void
tell_lost(struct keeper *k)
{
    uint32_t lost = spool_lost(&k->spool) + k->refused;
    struct courier_message m = { .kind = COURIER_DROPPED, .value = (int32_t)(lost & INT32_MAX) };

    k->refused = 0;
    if (lost > 0) {
        news_tell(k->news, &m);
    }
}

/* What could not be done as long as the spool was the syncer's, in the order in which it came about. */
static void
catch_up(struct keeper *k)
{
    if (k->any_acked) {
        spool_acked(&k->spool, k->acked);
    }
    if (k->rewinds) {
        spool_rewind(&k->spool);
    }
    for (unsigned i = 0; i < k->waits; i++) {
        append(k, &k->waiting[i]);
    }
    k->any_acked = false;
    k->rewinds = false;
    k->waits = 0;
}

/* A disk that takes lines again is told as one that did not, so that the core's finding ends. */
static void
take_back(struct keeper *k, int result)
{
    struct courier_message m = { .kind = COURIER_KEPT, .number = k->given, .value = -result };

    if (k->answers || k->error != result) {
        news_tell(k->news, &m);
    }
    k->error = result;
    k->busy = false;
    k->means = k->means || k->unsaved;
    tell_lost(k);
    catch_up(k);
}

void
keeper_end_sync(struct keeper *k)
{
    int synced;
    int saved;

    if (k->busy && syncer_take(&synced, &saved)) {
        k->unsaved = saved != 0;
        take_back(k, synced);
    }
}

/* When the disk is asked next. */
static int64_t
due_at(const struct keeper *k)
{
    if (k->error != 0 || k->unsaved) {
        return k->sync_ms + KEEPER_RETRY_MS;
    }
    return k->means ? k->sync_ms : k->sync_ms + KEEPER_SYNC_MS;
}

int64_t
keeper_sync(struct keeper *k, bool now, int64_t now_ms)
{
    if (k->busy || (!k->owes && !k->means && spool_idle(&k->spool))) {
        return INT64_MAX;
    }
    int64_t due_ms = due_at(k);
    if (now_ms < due_ms && !(now && k->owes)) {
        return due_ms;
    }
    k->busy = true;
    k->answers = k->owes;
    k->owes = false;
    k->given = k->number;
    k->sync_ms = now_ms;
    k->given_meant = k->meant;
    syncer_give(&k->spool, k->means ? &k->given_meant : NULL);
    k->means = false;
    return INT64_MAX;
}

void
keeper_mean(struct keeper *k, const char *name, const struct addresses *list)
{
    k->meant = (struct addresses_order){ .dir = k->spool.folder, .name = name, .list = *list };
    k->means = true;
}

bool
keeper_peek(struct keeper *k, struct spool_line *out)
{
    return !k->busy && spool_peek(&k->spool, out);
}

void
keeper_acked(struct keeper *k, uint64_t position)
{
    if (k->busy) {
        k->any_acked = true;
        k->acked = position;
    } else {
        spool_acked(&k->spool, position);
    }
}

void
keeper_rewind(struct keeper *k)
{
    if (k->busy) {
        k->rewinds = true;
    } else {
        spool_rewind(&k->spool);
    }
}

bool
keeper_settled(const struct keeper *k)
{
    return !k->busy && !k->owes && (k->error != 0 || spool_idle(&k->spool));
}

bool
keeper_stuck(const struct keeper *k, int64_t now_ms)
{
    return k->busy && now_ms - k->sync_ms > KEEPER_STUCK_MS;
}
