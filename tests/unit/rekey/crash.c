/*
 * A rekey, and whatever may die on the way: the agent before and in each write of its session file, the
 * receiver before and after what it has to keep is kept, the connection between any two words, the agent's
 * line; its disk may fail as well. Every combination is played with the code of both ends, but for the
 * network.
 */
#include "alarm/session.h"
#include "belfry/judge/bench.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 3 /* connections, each with a rekey */
#define CALLS 4  /* that write and sync the two slots */
#define CHOICES 60
#define RECORDS 64
#define HANG_MS 10000
#define SHOWN 20 /* failing paths that are printed */

/* ---- all paths, one after the other */

static unsigned choice[CHOICES];
static unsigned choices[CHOICES]; /* how many there were */
static unsigned depth;

/* The next choice of this path, 0 to n - 1. */
static unsigned
choose(unsigned n)
{
    if (depth >= CHOICES) {
        abort();
    }
    choices[depth] = n;
    return choice[depth++];
}

static bool
next_path(void)
{
    while (depth > 0) {
        depth--;
        if (++choice[depth] < choices[depth]) {
            memset(choice + depth + 1, 0, (CHOICES - depth - 1) * sizeof choice[0]);
            return true;
        }
    }
    return false;
}

/* ---- the disk of the agent: its thread stops before each call */

ssize_t __real_pwrite(int fd, const void *src, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *src, size_t len, off_t at);
int __wrap_fdatasync(int fd);

static pthread_t the_core;
static sem_t came;
static sem_t may_go;
static atomic_bool steps;
static atomic_bool fails; /* what the thread calls now */

static struct {
    const void *src; /* NULL: fdatasync */
    size_t len;
    off_t at;
    int fd;
} call;

static bool
stops_here(int fd, const void *src, size_t len, off_t at)
{
    if (!steps || pthread_equal(pthread_self(), the_core)) {
        return true;
    }
    call.fd = fd;
    call.src = src;
    call.len = len;
    call.at = at;
    (void)sem_post(&came);
    while (sem_wait(&may_go) != 0) {
    }
    return !fails;
}

ssize_t
__wrap_pwrite(int fd, const void *src, size_t len, off_t at)
{
    if (!stops_here(fd, src, len, at)) {
        errno = EIO;
        return -1;
    }
    return __real_pwrite(fd, src, len, at);
}

int
__wrap_fdatasync(int fd)
{
    if (!stops_here(fd, NULL, 0, 0)) {
        errno = EIO;
        return -1;
    }
    return 0;
}

static void
wait_for_call(void)
{
    while (sem_wait(&came) != 0) {
    }
}

/* ---- the receiver: bench, and what is on its disk */

static struct bench bench;
static struct record seen[RECORDS];
static unsigned count;
static struct bench_moment at = { .line = "net", .now_ms = 1000000 };

static struct {
    struct host_record host;
    struct wire_judge judge;
    unsigned count;
} kept;

static void
on_record(void *to, const struct record *r)
{
    (void)to;
    if (count < RECORDS) {
        seen[count++] = *r;
    }
}

static bool
tag_of(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce, uint32_t number,
        char tag[WIRE_TAG_CHARS])
{
    (void)to;
    (void)host;
    (void)pairing;
    for (unsigned i = 0; i < count; i++) {
        if (seen[i].kind == RECORD_LINE && seen[i].session == session && seen[i].first == number &&
                strcmp(seen[i].nonce, nonce) == 0) {
            memcpy(tag, seen[i].tag, WIRE_TAG_CHARS);
            return true;
        }
    }
    return false;
}

static bool
key_of(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        struct wire_key *key)
{
    (void)to;
    (void)host;
    (void)pairing;
    (void)session;
    (void)nonce;
    (void)key;
    return false;
}

static const struct bench_ops ops = { .record = on_record, .tag_of = tag_of, .key_of = key_of };

static void
receiver_commit(void)
{
    kept.judge = bench.host[0]->judge;
    kept.count = count;
    bench_saved(bench.host[0]);
}

static void
receiver_start(void)
{
    struct host_record host = kept.host;
    struct bench_host *h;

    host.root = kept.judge.root;
    host.root_session = kept.judge.root_session;
    host.rekeyed = kept.judge.rekeyed;
    host.next_root = kept.judge.next_root;
    host.rekey = kept.judge.rekey;
    memcpy(host.passed, kept.judge.passed, sizeof host.passed);
    bench_free(&bench);
    bench_init(&bench, &ops, NULL);
    count = kept.count;
    h = bench_take(&bench, &host, at.now_ms);
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        if (kept.judge.session[i].used) {
            bench_resume(h, &kept.judge.session[i], kept.judge.hole[i], 0);
        }
    }
}

/* ---- the agent: a session, and its file */

static char dir[] = "/tmp/tocsin-rekey-XXXXXX";
static char path[64];
static char image_path[64];
static struct session session;
static struct session_line line; /* sealed last */
static struct session_line lost; /* len 0 for none */
static int fd = -1;
static bool heard;

static void
keep_line(void *to, const struct session_line *l)
{
    (void)to;
    line = *l;
}

static bool
has_told(enum wire_verdict v)
{
    for (unsigned i = 0; i < count; i++) {
        if (seen[i].kind == RECORD_EVENT && seen[i].verdict == v) {
            return true;
        }
    }
    return false;
}

/* The line sealed last reaches the receiver. True when it is proved. */
static bool
arrives(void)
{
    struct wire_line parsed;

    CHECK_INT(wire_line_parse(line.bytes, line.len, &parsed), 0);
    at.utc_us = (int64_t)time(NULL) * 1000000;
    return bench_line(&bench, &parsed, WIRE_SEEN_WHOLE, &at);
}

static void
tell(struct session *s, const char *code, const char *text)
{
    CHECK(session_tell(s, WIRE_NOTE, code, text, -1, keep_line, NULL) >= 0);
}

static void
agent_begin(void)
{
    struct session_past past;

    CHECK_INT(session_begin(&session, fd, "web03", &past), 0);
    tell(&session, "agent.start", "beat=10");
}

static void
world_begin(void)
{
    struct wire_key root;

    memset(&root, 7, sizeof root);
    lost.len = 0;
    (void)unlink(path);
    CHECK_INT(session_create(path, "web03", &root, false), 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    fd = open(path, O_RDWR | O_CLOEXEC);
    memset(&kept, 0, sizeof kept);
    kept.host = (struct host_record){ .host = "web03", .pairing = 1 };
    kept.judge.root = root;
    receiver_start();
    agent_begin();
    heard = arrives();
    receiver_commit();
}

/* ---- a copy of the disk, kept by somebody */

struct image {
    uint8_t bytes[WIRE_SLOT_FILE];
};

static void
image_take(struct image *image)
{
    CHECK_INT(pread(fd, image->bytes, sizeof image->bytes, 0), sizeof image->bytes);
}

/* Begins a session from it. True when the receiver proves its first line. */
static bool
image_is_proved(const struct image *image)
{
    static struct session thief;
    struct session_past past;
    int copy = open(image_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool proved;

    CHECK_INT(__real_pwrite(copy, image->bytes, sizeof image->bytes, 0), sizeof image->bytes);
    CHECK_INT(session_begin(&thief, copy, "web03", &past), 0);
    tell(&thief, "agent.start", "beat=10");
    proved = arrives();
    (void)close(copy);
    return proved;
}

/* ---- one connection, and a rekey on it */

enum end { GOES_ON, AGENT_DIED };

static struct wire_talk
hello_of_the_agent(void)
{
    struct wire_talk hello = { .kind = WIRE_TALK_HELLO, .session = session.number };

    memcpy(hello.host, session.host, sizeof hello.host);
    memcpy(hello.nonce, session.nonce, sizeof hello.nonce);
    memcpy(hello.token, session.rekey_id, sizeof hello.token);
    return hello;
}

/* The receiver has what is to be kept, or dies before; says =rekey when it may. */
static bool
receiver_says_rekey(const struct wire_talk *hello, const struct wire_key *x)
{
    bool said;

    at.now_ms += BENCH_REKEY_MS;
    bench_rekey_settle(&bench, hello);
    if (!bench_rekey_begin(&bench, hello, x->bytes, at.now_ms)) {
        return false;
    }
    said = bench_rekey_due(&bench, hello, x->bytes);
    if (choose(2) == 1) {
        receiver_start();
        return said;
    }
    receiver_commit();
    said = said || bench_rekey_due(&bench, hello, x->bytes);
    CHECK(said);
    if (choose(2) == 1) {
        receiver_start();
        return choose(2) == 1; /* the word was out, or was not */
    }
    return choose(2) == 0;
}

/* The core: as soon as it is told that the rekey is stored, it seals that. */
static bool
core_turns(void)
{
    char text[32];
    enum session_rekey what = session_rekey_poll(&session);

    if (what != SESSION_REKEY_STORED) {
        CHECK_INT(what, SESSION_REKEY_NONE);
        return false;
    }
    (void)snprintf(text, sizeof text, "id=%s", session.rekey_id);
    tell(&session, "agent.rekey", text);
    switch (choose(3)) {
    case 0:
        CHECK(arrives());
        receiver_commit();
        break;
    case 1:
        CHECK(arrives());
        receiver_start(); /* before it was kept */
        break;
    default:
        lost = line;
        break;
    }
    return true;
}

static void
agent_dies_in_a_call(void)
{
    if (call.src != NULL) {
        /* What a power cut leaves of a page that was not synced: nothing, a part, all. */
        static const size_t part[] = { 0, 100, WIRE_SLOT_SIZE };
        size_t len = part[choose(3)];

        CHECK_INT(__real_pwrite(call.fd, call.src, len, call.at), (int)len);
    }
    fails = true;
    (void)sem_post(&may_go);
}

/* Another connection while the disk is slow: nothing may be forgotten, and nothing begun. */
static void
connects_again(const struct wire_key *x)
{
    struct wire_talk hello = hello_of_the_agent();
    bool pending = bench.host[0]->judge.rekey.pending;

    at.now_ms += BENCH_REKEY_MS;
    bench_rekey_settle(&bench, &hello);
    CHECK_INT(bench.host[0]->judge.rekey.pending, pending);
    CHECK(!pending || !bench_rekey_begin(&bench, &hello, x->bytes, at.now_ms));
    receiver_commit();
}

/* The thread is done with its job, good or bad. */
static void
wait_for_the_thread(void)
{
    struct pollfd p = { .fd = session_fd(), .events = POLLIN };

    CHECK_INT(poll(&p, 1, HANG_MS), 1);
}

/* Does a session that begins from the file now have another root than this? */
static bool
file_differs(const struct wire_key *root)
{
    struct wire_slot slot;

    CHECK_INT(session_peek(fd, "web03", &slot), 0);
    return !wire_key_equal(&slot.root, root);
}

/* `told`: the thread has said that all is well before it was (a planted mistake). */
static void
take_failure(const struct wire_key *x, bool told)
{
    if (!told) {
        wait_for_the_thread();
        CHECK_INT(session_rekey_poll(&session), SESSION_REKEY_FAILED);
        CHECK(session_rekey_begin(&session, x) == -EROFS);
    }
}

static enum end
agent_rekeys(const struct wire_key *x)
{
    bool told = false;

    steps = true;
    fails = false;
    CHECK_INT(session_rekey_begin(&session, x), 0);
    CHECK(session_rekey_begin(&session, x) == -EBUSY);
    for (int n = 0; n < CALLS; n++) {
        wait_for_call();
        told = core_turns() || told;
        switch (choose(n == 1 ? 4 : 3)) {
        case 0:
            break;
        case 1:
            agent_dies_in_a_call();
            take_failure(x, told);
            return AGENT_DIED;
        case 2:
            fails = true;
            (void)sem_post(&may_go);
            take_failure(x, told);
            return GOES_ON;
        default:
            connects_again(x);
            break;
        }
        (void)sem_post(&may_go);
    }
    if (!told) {
        wait_for_the_thread();
        CHECK(core_turns());
    }
    return choose(2) == 1 ? AGENT_DIED : GOES_ON;
}

/* What was lost on the way may come on another one. */
static void
arrives_late(void)
{
    if (lost.len > 0) {
        line = lost;
        CHECK(arrives());
    }
}

static void
play(void)
{
    static struct image before;
    enum end end = GOES_ON;
    struct wire_key root;
    bool stored;

    world_begin();
    CHECK(heard);
    image_take(&before);
    root = session.next.root;
    for (unsigned round = 0; round < ROUNDS && end == GOES_ON; round++) {
        const struct wire_key x = { .bytes = { 1, (uint8_t)round } };
        const struct wire_talk hello = hello_of_the_agent();

        if (receiver_says_rekey(&hello, &x)) {
            end = agent_rekeys(&x);
        }
    }
    steps = false;
    if (end == GOES_ON && choose(2) == 1) {
        CHECK_INT(session_end(&session), 0);
    }
    stored = file_differs(&root);
    agent_begin();
    CHECK(arrives());
    arrives_late();
    CHECK(!has_told(WIRE_ROLLBACK));
    receiver_commit();
    CHECK_INT(image_is_proved(&before), !stored);
    CHECK(stored || has_told(WIRE_ROLLBACK));
    receiver_start();
    agent_begin();
    CHECK(arrives());
}

static void
whatever_dies_and_whenever_the_next_session_is_proved(void)
{
    unsigned paths = 0;
    unsigned bad = 0;

    do {
        int failures = check_failures;

        depth = 0;
        play();
        paths++;
        if (check_failures != failures) {
            printf("path");
            for (unsigned i = 0; i < depth; i++) {
                printf(" %u", choice[i]);
            }
            printf("\n");
            bad++;
        }
    } while (bad < SHOWN && next_path());
    printf("%u paths\n", paths);
    CHECK(paths > 1000 || bad > 0);
}

/* The last one: its job is never taken off the thread. */
static void
a_disk_that_hangs_holds_up_no_goodbye(void)
{
    const struct wire_key x = { .bytes = { 9 } };

    world_begin();
    steps = true;
    fails = false;
    CHECK_INT(session_rekey_begin(&session, &x), 0);
    wait_for_call();
    CHECK_INT(session_end(&session), -ETIMEDOUT);
    CHECK_INT(session_rekey_poll(&session), SESSION_REKEY_NONE);
    CHECK_INT(session_rekey_begin(&session, &x), -EROFS);
    steps = false;
    (void)sem_post(&may_go);
}

int
main(void)
{
    if (mkdtemp(dir) == NULL || sem_init(&came, 0, 0) != 0 || sem_init(&may_go, 0, 0) != 0) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/session", dir);
    (void)snprintf(image_path, sizeof image_path, "%s/image", dir);
    the_core = pthread_self();
    if (session_background() != 0) {
        return 1;
    }
    CHECK_RUN(whatever_dies_and_whenever_the_next_session_is_proved);
    CHECK_RUN(a_disk_that_hangs_holds_up_no_goodbye);
    (void)unlink(path);
    (void)unlink(image_path);
    (void)rmdir(dir);
    return check_result();
}
