#include "net.h"
#include "numbers.h"
#include "support/check.h"
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

/*
 * Processes of both ends are killed at random moments while lines are sealed all the time; then what the
 * receiver has on record is compared with what the agent sealed. Witnesses are a file that the agent writes
 * all lines to, what came over the serial line, and what was seen in the spool.
 *
 * TOCSIN_KILLS (40) says how many, TOCSIN_KILLS_SEED (1) which. TOCSIN_STEPS (10) says how many are let go on
 * to a boundary of a system call and killed there: a random one or, with TOCSIN_STEPS_FROM, of each kind of
 * process that one, the next, and so on.
 */
#define KILLS 40
#define PLANTED_KILLS 60 /* of the receiver that is wrong, */
#define PLANTED_TURNS 5  /* again, as it may be lucky */
#define STEPS 10
#define STEP_WAIT_MS 25000
#define BOUNDARIES 600 /* of random ones, at most so far from where it was seized */
#define SLICE_MS 240
#define BURST 60
#define SETTLE_MS 120000 /* without any progress */
#define WELL_MS 600000

static struct net ground;
static struct net_numbers spooled; /* ever seen in the spool */
static int64_t spool_us;

static unsigned
setting(const char *name, unsigned usual)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : usual;
}

/* ---- what happens ---- */

static void
look_into_spool(void)
{
    DIR *d;
    const struct dirent *e;

    if (net_now_us() - spool_us < 20000 || (d = opendir(net_path(&ground, "agent/courier"))) == NULL) {
        return;
    }
    spool_us = net_now_us();
    while ((e = readdir(d)) != NULL) {
        char path[300];

        if (strncmp(e->d_name, "spool.", 6) == 0) {
            snprintf(path, sizeof(path), "%s/%s", net_path(&ground, "agent/courier"), e->d_name);
            net_numbers_of_file(&spooled, path);
        }
    }
    closedir(d);
    if (spooled.count > 200000) {
        net_numbers_sort(&spooled);
    }
}

/* Lines are sealed, sent and heard: test alarms, which go to every channel, and notes of ports that close. */
static void
live(int ms)
{
    static pid_t opener;
    int64_t until_us = net_now_us() + (int64_t)ms * 1000;
    char name[16];

    do {
        net_stop(&opener, SIGKILL);
        opener = random() % 4 == 0 ? net_open_port(&ground, name) : 0;
        net_ring(&ground, (int)(random() % 4));
        net_listen(&ground, 5);
        look_into_spool();
    } while (net_now_us() < until_us);
}

/* Whoever is not there is started; it may be that the one before still goes. */
static bool
keep_alive(void)
{
    net_reap(&ground);
    if (ground.agent == 0) {
        net_spawn_agent(&ground);
    }
    return ground.belfry != 0 || net_spawn_belfry(&ground);
}

/* Both ends run, and the network carries lines. */
static bool
all_is_well(void)
{
    int64_t until_us = net_now_us() + (int64_t)WELL_MS * 1000;

    while (net_now_us() < until_us) {
        net_listen(&ground, 100);
        if (!keep_alive()) {
            return false;
        }
        if (net_carries(&ground, 3000)) {
            return true;
        }
    }
    return false;
}

static bool
kill_one(bool receiver_only)
{
    static const char *const roles[] = { "core", "wire", "courier", "courier", "fscheck", "procscan",
        "netwatch" };
    unsigned which = receiver_only ? 9 + (unsigned)(random() % 7) : (unsigned)(random() % 16);
    pid_t pid;

    if (which < 7) {
        pid = ground.agent > 1 ? net_child(ground.agent, roles[which]) : 0;
    } else if (which < 9) {
        pid = ground.agent;
    } else if (which < 12) {
        pid = ground.belfry > 1 ? net_child(ground.belfry, "belfry-gate") : 0;
    } else {
        pid = ground.belfry;
    }
    return pid > 1 && kill(pid, SIGKILL) == 0;
}

static unsigned
kill_many(unsigned kills, bool receiver_only)
{
    unsigned killed = 0;
    time_t told = time(NULL);

    while (killed < kills) {
        live((int)(random() % SLICE_MS));
        if (receiver_only) {
            net_ring(&ground, BURST); /* so that there is something to lose at this moment */
            poll(NULL, 0, (int)(random() % 8));
        }
        killed += kill_one(receiver_only);
        if (random() % 4 == 0) {
            live(3);
            killed += kill_one(receiver_only);
        }
        if (!keep_alive()) {
            break;
        }
        if (time(NULL) - told >= 30) {
            told = time(NULL);
            printf("  %u of %u killed, %zu events\n", killed, kills, ground.events);
            fflush(stdout);
        }
    }
    return killed;
}

/* ---- at a system call ---- */

static pid_t
process_of(unsigned kind)
{
    static const char *const roles[] = { "core", "courier", "wire", "netwatch" };

    switch (kind) {
    case 0:
        return ground.belfry;
    case 1:
        return ground.belfry > 1 ? net_child(ground.belfry, "belfry-gate") : 0;
    case 2:
        return ground.agent;
    default:
        return ground.agent > 1 ? net_child(ground.agent, roles[kind - 3]) : 0;
    }
}

#define KINDS 7

/* True when it was killed there. */
static bool
kill_at(unsigned kind, unsigned boundary)
{
    pid_t pid = process_of(kind);
    char who[16];
    char where[16];
    const char *argv[] = { net_program("stepper"), who, where, NULL };
    int64_t until_us = net_now_us() + (int64_t)STEP_WAIT_MS * 1000;
    int status = -1;

    if (pid <= 1) {
        return false;
    }
    snprintf(who, sizeof(who), "%d", (int)pid);
    snprintf(where, sizeof(where), "%u", boundary);
    pid_t stepper = net_spawn(&ground, NET_AGENT, argv, -1, -1);
    do {
        live(20);
    } while (waitpid(stepper, &status, WNOHANG) == 0 && net_now_us() < until_us);
    net_stop(&stepper, SIGKILL);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static unsigned
kill_at_boundaries(unsigned steps)
{
    unsigned from = setting("TOCSIN_STEPS_FROM", 0);
    unsigned killed = 0;

    for (unsigned i = 0; i < steps; i++) {
        unsigned boundary = from > 0 ? from + i / KINDS : 1 + (unsigned)(random() % BOUNDARIES);

        killed += kill_at(i % KINDS, boundary);
        live(200);
        if (!keep_alive()) {
            break;
        }
    }
    return killed;
}

/* ---- what the receiver knows ---- */

struct ledger {
    struct net_numbers lines;
    struct net_numbers holes;
};

static bool
read_ledger(struct ledger *l)
{
    const char *path = net_path(&ground, "belfry/ledger.db");

    net_numbers_free(&l->lines);
    net_numbers_free(&l->holes);
    bool good = net_numbers_of_query(&l->lines, path, NET_QUERY_LINES) &&
                net_numbers_of_query(&l->holes, path, "SELECT session, nonce, first, last FROM holes") &&
                net_numbers_of_query(&l->holes, path,
                        "SELECT session, nonce, first, last FROM events WHERE verdict = 'GAP'");
    net_numbers_sort(&l->lines);
    net_numbers_sort(&l->holes);
    return good;
}

static unsigned
count_verdict(const char *verdict)
{
    unsigned many = 0;

    for (size_t i = 0; i < ground.events; i++) {
        many += !ground.event[i].alarm && strcmp(ground.event[i].verdict, verdict) == 0;
    }
    return many;
}

/*
 * A line that was lost behind the last one that came of its session leaves no hole: that the session did not
 * end cleanly is said by the one after it.
 */
static bool
is_behind_an_unclean_end(const struct net_number *x, const struct ledger *l)
{
    bool later = false;

    for (size_t i = 0; i < l->lines.count; i++) {
        const struct net_number *y = &l->lines.at[i];

        if (y->session == x->session && y->number > x->number) {
            return false;
        }
        later = later || y->session > x->session;
    }
    return later;
}

/* Everything that waits comes to be on record. */
static bool
settle(struct ledger *l, const struct net_numbers *waiting, int64_t settle_ms)
{
    struct net_numbers missing = { 0 };
    char text[256];
    int64_t until_us = net_now_us() + settle_ms * 1000;
    size_t before = SIZE_MAX;
    size_t count;

    do {
        net_listen(&ground, 500);
        if (!keep_alive() || !read_ledger(l)) {
            return false;
        }
        missing.count = 0;
        count = net_numbers_missing(waiting, &l->lines, &missing);
        if (count < before) {
            before = count;
            until_us = net_now_us() + settle_ms * 1000;
        }
    } while (count > 0 && net_now_us() < until_us);
    if (count > 0) {
        printf("  of %zu lines that were to come %zu did not: %s\n", waiting->count, count,
                net_numbers_text(&missing, text, sizeof(text)));
    }
    net_numbers_free(&missing);
    return count == 0;
}

static void
compare(const struct net_numbers *sealed, const struct ledger *l)
{
    struct net_numbers missing = { 0 };
    struct net_numbers unnamed = { 0 };
    char text[256];
    size_t ends = 0;
    size_t lost = net_numbers_missing(sealed, &l->lines, &missing);

    net_numbers_missing(&missing, &l->holes, &unnamed);
    for (size_t i = 0; i < unnamed.count; i++) {
        if (is_behind_an_unclean_end(&unnamed.at[i], l)) {
            ends++;
        } else {
            printf("  neither on record nor named: %u-%s.%u\n", unnamed.at[i].session, unnamed.at[i].nonce,
                    unnamed.at[i].number);
        }
    }
    printf("  %zu lines sealed, %zu on record, %zu named as holes, %zu behind an unclean end\n",
            sealed->count, l->lines.count, lost - unnamed.count, ends);
    if (lost > 0) {
        printf("  not on record: %s\n", net_numbers_text(&missing, text, sizeof(text)));
    }
    CHECK_INT(unnamed.count - ends, 0);
    net_numbers_free(&missing);
    net_numbers_free(&unnamed);
}

static bool
begin(bool serial, const char *belfry)
{
    const struct net_options options = {
        .serial = "policy=fallback", .no_serial = !serial, .belfry = belfry
    };
    bool good = net_begin(&ground, &options) && net_carries(&ground, NET_LINKED_S * 1000);

    CHECK(good);
    return good;
}

static void
kill_and_compare(bool serial, bool stepped)
{
    struct net_numbers sealed = { 0 };
    struct ledger ledger = { 0 };
    unsigned kills = stepped ? setting("TOCSIN_STEPS", STEPS) : setting("TOCSIN_KILLS", KILLS);

    srandom(setting("TOCSIN_KILLS_SEED", 1));
    if (begin(serial, NULL)) {
        unsigned killed = stepped ? kill_at_boundaries(kills) : kill_many(kills, false);

        CHECK(killed >= kills / (stepped ? 2 : 1));
        CHECK(all_is_well());
        net_numbers_sort(&spooled);
        CHECK(settle(&ledger, &spooled, SETTLE_MS));
        net_numbers_of_file(&sealed, net_path(&ground, "witness"));
        net_numbers_of_file(&sealed, net_path(&ground, "belfry/lines/" NET_LINE ".raw"));
        for (size_t i = 0; i < spooled.count; i++) {
            const struct net_number *x = &spooled.at[i];
            net_numbers_add(&sealed, x->session, x->nonce, x->number, x->tag);
        }
        net_numbers_sort(&sealed);
        net_numbers_from(&sealed, ground.reserved);
        net_listen(&ground, 2000);
        CHECK(read_ledger(&ledger));
        printf("  %u killed, %u sessions\n", killed,
                sealed.count > 0 ? sealed.at[sealed.count - 1].session : 0);
        CHECK(spooled.count > 0);
        CHECK_INT(sealed.reused + spooled.reused, 0);
        CHECK_INT(count_verdict("CLONE") + count_verdict("ROLLBACK") + count_verdict("FORGED"), 0);
        compare(&sealed, &ledger);
    }
    net_numbers_free(&sealed);
    net_numbers_free(&ledger.lines);
    net_numbers_free(&ledger.holes);
    net_numbers_free(&spooled);
    net_end(&ground);
}

static void
every_line_sealed_is_on_record_once_or_named_whoever_is_killed(void)
{
    kill_and_compare(true, false);
}

static void
the_same_without_a_serial_line(void)
{
    kill_and_compare(false, false);
}

static void
the_same_when_it_is_killed_at_a_boundary_of_a_system_call(void)
{
    kill_and_compare(true, true);
}

/* Only processes of the receiver are killed: nothing may be missing then. True when nothing is. */
static bool
receiver_keeps_all(const char *belfry, unsigned kills, unsigned turn, int64_t settle_ms)
{
    struct net_numbers sealed = { 0 };
    struct ledger ledger = { 0 };
    bool keeps = false;

    srandom(setting("TOCSIN_KILLS_SEED", 1) + turn);
    if (begin(false, belfry)) {
        CHECK(kill_many(kills, true) >= kills);
        CHECK(all_is_well());
        net_numbers_of_file(&sealed, net_path(&ground, "witness"));
        net_numbers_sort(&sealed);
        net_numbers_from(&sealed, ground.reserved);
        keeps = settle(&ledger, &sealed, settle_ms);
    }
    net_numbers_free(&sealed);
    net_numbers_free(&ledger.lines);
    net_numbers_free(&ledger.holes);
    net_numbers_free(&spooled);
    net_end(&ground);
    return keeps;
}

static void
a_receiver_that_is_killed_at_any_moment_has_everything_in_the_end(void)
{
    CHECK(receiver_keeps_all(NULL, setting("TOCSIN_KILLS", KILLS), 0, SETTLE_MS));
}

static void
one_that_acknowledges_before_its_commit_is_found_to_lose_lines(void)
{
    bool keeps = true;

    for (unsigned turn = 0; keeps && turn < PLANTED_TURNS; turn++) {
        keeps = receiver_keeps_all(net_program("belfry-ack-early"), PLANTED_KILLS, turn, 5000);
    }
    CHECK(!keeps);
}

static int
tests(void)
{
    CHECK_RUN(every_line_sealed_is_on_record_once_or_named_whoever_is_killed);
    CHECK_RUN(the_same_without_a_serial_line);
    CHECK_RUN(the_same_when_it_is_killed_at_a_boundary_of_a_system_call);
    CHECK_RUN(a_receiver_that_is_killed_at_any_moment_has_everything_in_the_end);
    CHECK_RUN(one_that_acknowledges_before_its_commit_is_found_to_lose_lines);
    return check_result();
}

int
main(void)
{
    return net_inside(tests);
}
