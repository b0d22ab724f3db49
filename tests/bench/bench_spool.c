/*
 * bench_spool [DIR]: what the spool costs beside the least that keeps as many bytes: one pwrite and one
 * fdatasync, one read of them all. A line a figure, tab-separated, as bench_wire; the goal is for the ratio.
 * Ours and the reference take turns. DIR is on the disk that is measured, else /var/tmp.
 */
#include "courier/spool.h"
#include "wire/seal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 11
#define LINES 4096
#define SYNCS 32 /* a round */
#define GROUP 32 /* lines a sync, when many come */

struct sealed {
    char text[WIRE_LINE_MAX + 1];
    size_t len;
};

static struct sealed line[LINES];
static struct spool spool;
static char all[LINES * (WIRE_LINE_MAX + 1)];
static size_t all_len;
static uint32_t next;
static int dir = -1;
static int bare = -1;
static uint64_t bare_len;
static volatile unsigned sink;

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

static void
seal_lines(void)
{
    static const struct wire_key key = { { 7 } };
    static const char detail[] = "path=/etc/passwd mode=0644>0666";

    for (uint32_t n = 0; n < LINES; n++) {
        const struct wire_head head = { .severity = WIRE_CRIT,
            .host = "web03",
            .nonce = "K3QF",
            .session = 17,
            .number = n,
            .mono_s = n,
            .utc_s = 1795289645,
            .code = "integrity.changed" };
        int body = wire_line_compose(&head, detail, sizeof(detail) - 1, line[n].text, WIRE_LINE_MAX);

        line[n].len = (size_t)wire_seal(&key, line[n].text, (size_t)body, WIRE_LINE_MAX);
        line[n].text[line[n].len] = '\n';
        memcpy(all + all_len, line[n].text, line[n].len + 1);
        all_len += line[n].len + 1;
    }
}

static void
keep(unsigned group)
{
    for (unsigned i = 0; i < group; i++, next++) {
        if (!spool_append(&spool, line[next % LINES].text, line[next % LINES].len)) {
            fail("append");
        }
    }
    if (spool_sync(&spool) != 0) {
        fail("sync");
    }
    if (next % LINES == 0) { /* numbers begin again */
        memset(&spool.appended, 0, sizeof(spool.appended));
    }
}

static void
keep_bare(unsigned group)
{
    static char bytes[GROUP * (WIRE_LINE_MAX + 1)];
    size_t len = 0;

    for (unsigned i = 0; i < group; i++) {
        memcpy(bytes + len, line[i].text, line[i].len + 1);
        len += line[i].len + 1;
    }
    if (pwrite(bare, bytes, len, (off_t)bare_len) != (ssize_t)len || fdatasync(bare) < 0) {
        fail("write");
    }
    bare_len += len;
}

static void
keep_singly(void)
{
    for (unsigned i = 0; i < SYNCS; i++) {
        keep(1);
    }
}

static void
keep_singly_bare(void)
{
    for (unsigned i = 0; i < SYNCS; i++) {
        keep_bare(1);
    }
}

static void
keep_groups(void)
{
    for (unsigned i = 0; i < SYNCS; i++) {
        keep(GROUP);
    }
}

static void
keep_groups_bare(void)
{
    for (unsigned i = 0; i < SYNCS; i++) {
        keep_bare(GROUP);
    }
}

/* Each line is parsed and its check computed, as after a restart. */
static void
hand_out(void)
{
    struct spool_line l;
    unsigned count = 0;

    spool_rewind(&spool);
    while (count < LINES && spool_peek(&spool, &l)) {
        spool_take(&spool);
        sink += (unsigned)l.len;
        count++;
    }
    if (count != LINES) {
        fail("take");
    }
}

static void
parse_all(void)
{
    struct wire_line parsed;

    for (unsigned i = 0; i < LINES; i++) {
        if (wire_line_parse(line[i].text, line[i].len, &parsed) != 0) {
            fail("parse");
        }
        sink += parsed.head.number;
    }
}

static double
seconds(void (*work)(void))
{
    struct timespec from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);
    work();
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
row(const char *name, void (*ours)(void), const char *reference_name, void (*reference)(void), unsigned lines,
        double most)
{
    double took[2][ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++) {
        took[0][i] = seconds(ours) / lines * 1e6;
        took[1][i] = seconds(reference) / lines * 1e6;
    }
    qsort(took[0], ROUNDS, sizeof(took[0][0]), compare);
    qsort(took[1], ROUNDS, sizeof(took[1][0]), compare);
    double ratio = took[0][ROUNDS / 2] / took[1][ROUNDS / 2];
    printf("%s, us\t%.4g\t%s\t%.4g\t%.3g\tratio <= %.2g\t%s\n", name, took[0][ROUNDS / 2], reference_name,
            took[1][ROUNDS / 2], ratio, most, ratio <= most ? "met" : "short");
}

int
main(int argc, char **argv)
{
    char path[512];
    char command[600];

    snprintf(path, sizeof(path), "%s/tocsin-bench-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
    if (mkdtemp(path) == NULL) {
        fail(path);
    }
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bare = openat(dir, "bare", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (dir < 0 || bare < 0 || spool_open(&spool, dir, SPOOL_LIMIT) != 0) {
        fail(path);
    }
    seal_lines();
    row("spool, a line a sync", keep_singly, "pwrite, fdatasync", keep_singly_bare, SYNCS, 1.2);
    row("spool, 32 lines a sync", keep_groups, "pwrite, fdatasync", keep_groups_bare, SYNCS * GROUP, 1.3);
    row("spool, a line handed out", hand_out, "its check and form", parse_all, LINES, 1.5);
    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    return system(command) == 0 ? 0 : 1;
}
