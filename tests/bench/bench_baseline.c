/*
 * A baseline that is there: bytes an entry, and the CPU time of opening it and of looking a path up.
 * References: what sha256sum would write of the same paths, one read and BLAKE3 of the whole file, and one
 * lstat.
 */
#include "watch/baseline.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 15
#define LOOKS 20000

static struct baseline_iter iter;
static uint8_t buffer[1 << 16];

static double
cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *times)
{
    qsort(times, ROUNDS, sizeof(*times), by_value);
    return times[ROUNDS / 2];
}

static void
say(const char *name, const char *unit, double ours, const char *reference, double theirs, double goal)
{
    printf("%s\t%.2f %s\t%s\t%.2f %s\t%.2f\t<= %.0f %s\t%s\n", name, ours, unit, reference, theirs, unit,
            theirs / ours, goal, unit, ours <= goal ? "met" : "short");
}

static double
open_once(const char *file)
{
    struct baseline b = { .index = NULL };
    struct baseline_error error;
    double begin = cpu_us();

    if (baseline_load(&b, file, &error) < 0) {
        fprintf(stderr, "bench_baseline: %s\n", error.text);
        exit(2);
    }
    double took = cpu_us() - begin;
    baseline_unload(&b);
    return took;
}

static double
read_once(const char *file)
{
    struct wire_hasher hash;
    uint8_t digest[WIRE_HASH_SIZE];
    double begin = cpu_us();
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    wire_hash_init(&hash);
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        wire_hash_update(&hash, buffer, (size_t)n);
    }
    wire_hash_final(&hash, digest);
    close(fd);
    return cpu_us() - begin;
}

/* All paths, NUL-terminated. Returns their bytes without the NULs. */
static size_t
paths_of(const struct baseline *b, char **path)
{
    struct baseline_entry e;
    size_t bytes = 0;

    baseline_seek(&iter, b, (const uint8_t *)"/", 1);
    for (size_t i = 0; i < b->count && baseline_next(&iter, &e) == BASELINE_ENTRY; i++) {
        path[i] = strndup((const char *)e.path, e.path_len);
        bytes += e.path_len;
    }
    return bytes;
}

static void
look_up(const struct baseline *b, char **path)
{
    double find[ROUNDS], stats[ROUNDS];
    struct baseline_entry e;
    struct stat st;

    for (unsigned round = 0; round < ROUNDS; round++) {
        double begin = cpu_us();
        for (unsigned i = 0; i < LOOKS; i++) {
            const char *at = path[(size_t)i * 7919 % b->count];

            baseline_find(&iter, b, (const uint8_t *)at, strlen(at), &e);
        }
        find[round] = (cpu_us() - begin) / LOOKS;
        begin = cpu_us();
        for (unsigned i = 0; i < LOOKS; i++) {
            lstat(path[(size_t)i * 7919 % b->count], &st);
        }
        stats[round] = (cpu_us() - begin) / LOOKS;
    }
    say("baseline-find", "us", median(find), "lstat", median(stats), 20);
}

int
main(int argc, char **argv)
{
    struct baseline b;
    struct baseline_error error;
    double opens[ROUNDS], reads[ROUNDS];

    if (argc != 2 || baseline_load(&b, argv[1], &error) < 0) {
        fprintf(stderr, "usage: bench_baseline FILE\n");
        return 2;
    }
    char **path = calloc(b.count + 1, sizeof(*path));
    size_t bytes = paths_of(&b, path);
    double count = (double)b.count;
    say("baseline-entry", "B", (double)b.size / count, "sha256sum's list", (double)bytes / count + 67, 72);
    for (unsigned round = 0; round < ROUNDS; round++) {
        opens[round] = open_once(argv[1]) / 1000 / count * 100000;
        reads[round] = read_once(argv[1]) / 1000 / count * 100000;
    }
    say("baseline-open-100k", "ms", median(opens), "read and BLAKE3", median(reads), 5);
    look_up(&b, path);
    return 0;
}
