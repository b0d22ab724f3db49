/*
 * The power goes at every step of a life with restarts, acknowledgements, failed syncs and a full spool: at
 * each call and at each byte that is written. What was reported kept must be there afterwards, once, in
 * order.
 */
#include "courier/spool.h"
#include "support/check.h"
#include "unit/spool/disk.h"

#define SESSIONS 4
#define NUMBERS 64
#define SEEDS 3
#define STRIDE 13
#define BAD_ENOUGH 100

static struct disk disk;
static struct spool spool;

/* What the courier was told of each line, and what the receiver has said of it. */
struct fate {
    bool given;
    bool kept;
    bool acked;
    bool seen; /* it came after the power was back */
};

static struct fate fate[SESSIONS][NUMBERS];
static bool may_lose_info;
static uint64_t limit;

static enum wire_severity
severity_of(uint32_t number)
{
    return number % 3 == 1 ? WIRE_INFO : WIRE_CRIT;
}

static void
wake(void)
{
    (void)spool_open_on(&spool, &disk_ops, &disk, limit);
    spool.segment_bytes = 700;
}

static void
append(uint32_t session, uint32_t number)
{
    char line[WIRE_LINE_MAX];

    fate[session][number].given = true;
    (void)spool_append(&spool, line, disk_line(session, number, severity_of(number), line));
}

/* What was pushed out was told as lost, and is reported kept by no later sync. */
static void
sync_lines(void)
{
    static struct spool_id in_memory[SPOOL_RING];
    unsigned count = spool.ring_lines;

    for (unsigned i = 0; i < count; i++) {
        in_memory[i] = spool.ring[i].id;
    }
    if (disk.off || spool_sync(&spool) != 0) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        fate[in_memory[i].session][in_memory[i].number].kept = true;
    }
}

/* Lines `from` to `to`, three a sync. */
static void
write_lines(uint32_t session, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n <= to && !disk.off; n++) {
        append(session, n);
        if (n % 3 == 2 || n == to) {
            sync_lines();
        }
    }
}

static void
mark_acked(const struct spool_id *id)
{
    for (uint32_t s = 0; s <= id->session; s++) {
        for (uint32_t n = 0; n < NUMBERS && (s < id->session || n <= id->number); n++) {
            fate[s][n].acked = true;
        }
    }
}

/* Takes so many, and the receiver acknowledges all but the last two. What that leaves to do is done soon. */
static void
send(unsigned count)
{
    struct spool_line sent[NUMBERS];
    unsigned n = 0;

    while (n < count && !disk.off && spool_peek(&spool, &sent[n])) {
        spool_take(&spool);
        n++;
    }
    if (n > 2) {
        mark_acked(&sent[n - 3].id);
        spool_acked(&spool, sent[n - 3].position);
        if (!spool_idle(&spool)) {
            sync_lines();
        }
    }
}

/* The core gives again what was not reported kept. */
static void
restart(uint32_t session, uint32_t upto)
{
    spool_close(&spool);
    wake();
    for (uint32_t n = 0; n <= upto && !disk.off; n++) {
        if (fate[session][n].given && !fate[session][n].kept) {
            append(session, n);
        }
    }
    sync_lines();
}

static void
live(void)
{
    memset(fate, 0, sizeof(fate));
    wake();
    write_lines(1, 4, 20);
    send(9);
    write_lines(1, 21, 24);
    spool_rewind(&spool);
    send(6);
    restart(1, 24);
    write_lines(1, 25, 33);
    send(12);
    spool_close(&spool);
    wake();
    write_lines(2, 4, 22);
    send(30);
    restart(2, 22);
    write_lines(2, 23, 30);
    spool_close(&spool);
}

static bool
must_be_there(uint32_t session, uint32_t number)
{
    const struct fate *f = &fate[session][number];

    return f->kept && !f->acked && !(may_lose_info && severity_of(number) == WIRE_INFO);
}

static bool
rises(const struct spool_id *before, const struct spool_id *id)
{
    return id->session > before->session || (id->session == before->session && id->number > before->number);
}

/* False when a line is none of ours, or comes out of its order. */
static bool
read_all(void)
{
    struct spool_id before = { .session = 0 };
    struct spool_line line;
    bool good = true;

    while (spool_peek(&spool, &line)) {
        char want[WIRE_LINE_MAX];
        size_t len = disk_line(line.id.session, line.id.number, severity_of(line.id.number), want);

        good = good && line.id.session < SESSIONS && line.id.number < NUMBERS && line.len == len &&
               memcmp(line.bytes, want, len) == 0 && rises(&before, &line.id);
        if (good) {
            fate[line.id.session][line.id.number].seen = true;
        }
        before = line.id;
        spool_take(&spool);
    }
    return good;
}

/* How many lines that were reported kept are not there. */
static unsigned
missing(void)
{
    unsigned count = 0;

    for (uint32_t s = 0; s < SESSIONS; s++) {
        for (uint32_t n = 0; n < NUMBERS; n++) {
            count += must_be_there(s, n) && !fate[s][n].seen;
            fate[s][n].seen = false;
        }
    }
    return count;
}

/* The life up to `steps`, then the power goes. True when all is well after it, and after another one. */
static bool
survives(long steps, enum disk_after after, unsigned seed)
{
    disk.left = steps;
    live();
    disk_cut(&disk, after, seed);
    wake();
    bool good = read_all() && missing() == 0;
    spool_rewind(&spool);
    write_lines(3, 0, 8);
    good = good && read_all() && missing() == 0;
    spool_close(&spool);
    disk_cut(&disk, DISK_NOTHING_MORE, seed);
    wake();
    good = good && read_all() && missing() == 0;
    spool_close(&spool);
    return good;
}

static void
prepare(unsigned fail_sync, unsigned fail_syncs)
{
    disk_reset(&disk);
    disk.fail_sync = fail_sync;
    disk.fail_syncs = fail_syncs;
}

static long
steps_of_a_life(unsigned fail_sync, unsigned fail_syncs)
{
    prepare(fail_sync, fail_syncs);
    disk.left = 1L << 30;
    live();
    return (1L << 30) - disk.left;
}

/* How many cuts lose or confuse something. */
static unsigned
cut_everywhere(unsigned fail_sync, unsigned fail_syncs, long stride)
{
    long all = steps_of_a_life(fail_sync, fail_syncs);
    unsigned bad = 0;

    for (long steps = 0; steps <= all && bad < BAD_ENOUGH; steps += stride) {
        for (unsigned seed = 0; seed < SEEDS + 2; seed++) {
            enum disk_after after = seed == 0   ? DISK_NOTHING_MORE
                                    : seed == 1 ? DISK_ALL_OF_IT
                                                : DISK_SOME_OF_IT;

            prepare(fail_sync, fail_syncs);
            bad += !survives(steps, after, seed + (unsigned)steps);
        }
    }
    return bad;
}

static void
whatever_was_reported_kept_survives_the_power_going_at_every_byte(void)
{
    may_lose_info = false;
    limit = SPOOL_LIMIT;
    CHECK(steps_of_a_life(0, 0) > 5000);
    CHECK_INT(cut_everywhere(0, 0, 1), 0);
}

static void
a_sync_that_fails_once_loses_nothing_wherever_it_is(void)
{
    may_lose_info = false;
    limit = SPOOL_LIMIT;
    for (unsigned k = 1; k <= 20; k++) {
        CHECK_INT(cut_everywhere(k, 1, STRIDE), 0);
    }
}

static void
syncs_that_fail_for_a_while_lose_nothing_that_was_reported_kept(void)
{
    may_lose_info = false;
    limit = SPOOL_LIMIT;
    for (unsigned k = 1; k <= 20; k += 3) {
        CHECK_INT(cut_everywhere(k, 4, STRIDE), 0);
    }
}

static void
a_spool_that_is_cut_while_it_makes_room_loses_notes_of_life_only(void)
{
    may_lose_info = true;
    limit = 1700;
    CHECK(steps_of_a_life(0, 0) > 5000);
    CHECK(disk.renames >= 4);
    CHECK_INT(cut_everywhere(0, 0, 3), 0);
    for (unsigned k = 5; k <= 20; k += 5) {
        CHECK_INT(cut_everywhere(k, 2, STRIDE), 0);
    }
}

int
main(void)
{
    CHECK_RUN(whatever_was_reported_kept_survives_the_power_going_at_every_byte);
    CHECK_RUN(a_sync_that_fails_once_loses_nothing_wherever_it_is);
    CHECK_RUN(syncs_that_fail_for_a_while_lose_nothing_that_was_reported_kept);
    CHECK_RUN(a_spool_that_is_cut_while_it_makes_room_loses_notes_of_life_only);
    return check_result();
}
