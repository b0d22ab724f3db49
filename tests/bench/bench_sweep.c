/*
 * bench_sweep CONFIG STATE: what a sweep of the agent costs that finds nothing, when all was seen before.
 * Prints the CPU time in microseconds an entry, and the number of entries.
 */
#include "conf/conf.h"
#include "watch/fs_pass.h"
#include <stdio.h>
#include <time.h>

static struct conf conf;
static struct baseline base;
static struct fs_roots roots;
static struct fs_walk walk;
static struct fs_pass pass;
static struct fs_seen seen;

static void
print_error(void *to, const char *message)
{
    (void)to;
    fprintf(stderr, "%s\n", message);
}

static void
nothing(void *to, enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    (void)to;
    (void)verdict;
    (void)was;
    (void)now;
    (void)differs;
}

static void
run(void)
{
    fs_pass_begin(&pass, roots.root, roots.count);
    while (fs_pass_step(&pass) != FS_PASS_OVER) {
    }
}

static double
cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
    struct baseline_error error;
    char path[CONF_PATH + sizeof(BASELINE_FILE)];

    if (argc != 3 || !conf_init(&conf, argv[1], argv[2]) || conf_load(&conf, print_error, NULL) > 0 ||
            !conf_state_path(&conf, BASELINE_FILE, path, sizeof(path)) ||
            baseline_load(&base, path, &error) < 0 || fs_walk_map(&walk, FS_WALK_ARENA) < 0 ||
            !fs_roots_init(&roots, &conf, &base) || fs_seen_reset(&seen, base.count) < 0) {
        fprintf(stderr, "usage: bench_sweep CONFIG STATE, with a baseline\n");
        return 2;
    }
    pass.base = &base;
    pass.roots = &roots;
    pass.walk = &walk;
    pass.seen = &seen;
    pass.trust_seen = true;
    pass.told = nothing;
    run();
    double from = cpu_us();
    run();
    printf("%.2f %llu %llu\n", (cpu_us() - from) / (double)pass.looked, (unsigned long long)pass.looked,
            (unsigned long long)pass.bytes);
    return pass.bytes == 0 ? 0 : 1;
}
