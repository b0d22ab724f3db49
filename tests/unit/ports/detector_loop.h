#ifndef TESTS_UNIT_PORTS_DETECTOR_LOOP_H
#define TESTS_UNIT_PORTS_DETECTOR_LOOP_H
/*
 * detector_loop - the ports detector in a loop as its role process has one, and what it told
 *
 * Included once in a test program.
 */
#include "support/check.h"
#include "watch/detector.h"
#include "watch/procfs.h"
#include <poll.h>
#include <time.h>

#define NOTES 4096
#define HANG_MS 20000

static struct conf conf;
static struct finding notes[NOTES];
static unsigned note_count;
static char own_exe[PROCFS_EXE];

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
take_note(void *to, const struct finding *f)
{
    (void)to;
    CHECK(finding_valid(f, sizeof(*f)));
    if (note_count < NOTES) {
        notes[note_count++] = *f;
    }
}

static const struct detector_env env = { .conf = &conf, .report = take_note };

/* The newest note about a subject with that op, or NULL. */
static const struct finding *
note_of(enum finding_op op, const char *subject)
{
    char head[64];
    int len = snprintf(head, sizeof(head), "port=%s", subject);

    for (unsigned i = note_count; i-- > 0;) {
        char after = notes[i].text[len];

        if (notes[i].op == op && strncmp(notes[i].text, head, (size_t)len) == 0 &&
                (after == ' ' || after == '\0')) {
            return &notes[i];
        }
    }
    return NULL;
}

static bool
has(const struct finding *f, const char *text)
{
    return f != NULL && strstr(f->text, text) != NULL;
}

/* Is an agent.self about this open, as what, by what was told last? */
static inline bool
self_open(const char *source, const char *state)
{
    char subject[48], whole[64];
    bool open = false;
    int len = snprintf(subject, sizeof(subject), "source=%s ", source);

    snprintf(whole, sizeof(whole), "%sstate=%s", subject, state);
    for (unsigned i = 0; i < note_count; i++) {
        if (notes[i].code == FINDING_AGENT_SELF && strncmp(notes[i].text, subject, (size_t)len) == 0) {
            open = notes[i].op == FINDING_OPEN && strcmp(notes[i].text, whole) == 0;
        }
    }
    return open;
}

/* Turns the detector's loop for a while, as if it were `ahead_ms` later. */
static void
turn(int for_ms, int64_t ahead_ms)
{
    int64_t end = now_ms() + for_ms;

    do {
        struct pollfd fds[DETECTOR_FDS];
        int64_t due = detector_ports_ops.work(now_ms() + ahead_ms) - ahead_ms;
        int n = detector_ports_ops.fds(fds, DETECTOR_FDS);
        int64_t wait = due - now_ms();

        wait = wait < 0 ? 0 : wait > 5 ? 5 : wait;
        if (poll(fds, (nfds_t)n, (int)wait) > 0) {
            detector_ports_ops.ready(fds, n);
        }
    } while (now_ms() < end);
}

/* Until there is such a note, at most HANG_MS. The milliseconds, or -1. */
static int64_t
wait_note(enum finding_op op, const char *subject)
{
    int64_t start = now_ms();

    while (note_of(op, subject) == NULL) {
        turn(0, 0);
        if (now_ms() - start > HANG_MS) {
            return -1;
        }
    }
    return now_ms() - start;
}

static void
expect_port(enum conf_proto proto, uint16_t port, const char *process)
{
    struct conf_port *p = &conf.port[conf.ports++];

    memset(p, 0, sizeof(*p));
    p->proto = (uint8_t)proto;
    p->port = port;
    p->processes = 1;
    strcpy(p->process[0], process);
}

static void
begin(void)
{
    CHECK(conf_init(&conf, NULL, NULL));
    conf.port_sweep_ms = 200;
    note_count = 0;
}

static void
start(void)
{
    CHECK_INT(detector_ports_ops.open(&env), 0);
    turn(30, 0);
}

#endif
