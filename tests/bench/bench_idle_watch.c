/*
 * bench_idle_watch WARDEN SECONDS: what each process of an agent takes of a CPU, by the kernel's count.
 *
 * Looks at the warden and its children in the middle of each second, as they wake when it begins. Prints a
 * line a process (name, us a second, how often it woke, the median second, the most in one), and all of them:
 * in the mean, and in the seconds without a sweep, which are those in which fscheck took less than SWEEP_US.
 * Then what a sweep takes, and how many there were. Tab-separated.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 64
#define SECONDS 3600
#define SWEEP_US 2000
#define PATH 300

static struct watched {
    pid_t pid;
    char name[32];
    clockid_t clock;
    double us[SECONDS]; /* in each second */
    int64_t last_ns;
    long long wakes;
} watched[PROCESSES];

static int processes;
static double all_us[SECONDS];

static void
die(const char *what)
{
    fprintf(stderr, "bench_idle_watch: %s: %s\n", what, strerror(errno));
    exit(2);
}

static FILE *
open_of(pid_t pid, const char *what)
{
    char path[PATH];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        die(path);
    }
    return f;
}

static void
add(pid_t pid)
{
    if (processes == PROCESSES) {
        errno = E2BIG;
        die("processes");
    }
    struct watched *w = &watched[processes++];
    FILE *comm = open_of(pid, "comm");

    w->pid = pid;
    if (fgets(w->name, sizeof(w->name), comm) == NULL || clock_getcpuclockid(pid, &w->clock) != 0) {
        die("a process");
    }
    w->name[strcspn(w->name, "\n")] = '\0';
    fclose(comm);
}

static void
find(pid_t warden)
{
    char children[PATH];
    char line[1024] = "";
    char *rest = NULL;

    add(warden);
    snprintf(children, sizeof(children), "task/%d/children", (int)warden);
    FILE *f = open_of(warden, children);
    if (fgets(line, sizeof(line), f) == NULL) {
        die("children");
    }
    fclose(f);
    for (char *word = strtok_r(line, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        add((pid_t)strtol(word, NULL, 10));
    }
}

static int64_t
taken_ns(const struct watched *w)
{
    struct timespec t;

    if (clock_gettime(w->clock, &t) != 0) {
        die(w->name);
    }
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* How often its threads ran: the third number of each one's schedstat. */
static long long
ran(const struct watched *w)
{
    char path[PATH];
    long long all = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)w->pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) {
        die(path);
    }
    for (const struct dirent *d = readdir(tasks); d != NULL; d = readdir(tasks)) {
        char line[128] = "";
        char *at = line;

        if (d->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "task/%.32s/schedstat", d->d_name);
        FILE *f = open_of(w->pid, path);
        if (fgets(line, sizeof(line), f) != NULL) {
            (void)strtoll(at, &at, 10);
            (void)strtoll(at, &at, 10);
            all += strtoll(at, NULL, 10);
        }
        fclose(f);
    }
    closedir(tasks);
    return all;
}

static void
until_middle_of_second(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    t.tv_sec += t.tv_nsec >= 500000000 ? 1 : 0;
    t.tv_nsec = 500000000;
    clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
}

static void
watch(int seconds)
{
    until_middle_of_second();
    for (int i = 0; i < processes; i++) {
        watched[i].last_ns = taken_ns(&watched[i]);
        watched[i].wakes = -ran(&watched[i]);
    }
    for (int s = 0; s < seconds; s++) {
        until_middle_of_second();
        for (int i = 0; i < processes; i++) {
            struct watched *w = &watched[i];
            int64_t now_ns = taken_ns(w);

            w->us[s] = (double)(now_ns - w->last_ns) / 1000;
            w->last_ns = now_ns;
            all_us[s] += w->us[s];
        }
    }
    for (int i = 0; i < processes; i++) {
        watched[i].wakes += ran(&watched[i]);
    }
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
mean(const double us[], int count)
{
    double sum = 0;

    for (int s = 0; s < count; s++) {
        sum += us[s];
    }
    return count > 0 ? sum / count : 0;
}

/* name, mean, what, of it; sorts us[]. */
static void
tell(const char *name, double us[], int seconds, long long wakes)
{
    double average = mean(us, seconds);

    qsort(us, (size_t)seconds, sizeof(us[0]), by_size);
    printf("%s\t%.1f\t%.1f\t%.0f\t%.0f\n", name, average, (double)wakes / seconds, us[seconds / 2],
            us[seconds - 1]);
}

/* The seconds without a sweep, moved to the front. */
static int
without_sweep(const struct watched *fscheck, double us[], int seconds)
{
    int count = 0;

    for (int s = 0; s < seconds; s++) {
        if (fscheck == NULL || fscheck->us[s] < SWEEP_US) {
            us[count++] = all_us[s];
        }
    }
    return count;
}

/* What fscheck takes in a second with a sweep more than in the mean of those without, in all of them. */
static void
tell_sweeps(const struct watched *fscheck, int seconds)
{
    double sweeping = 0;
    double resting = 0;
    int sweeps = 0, busy = 0;

    for (int s = 0; s < seconds; s++) {
        bool now = fscheck->us[s] >= SWEEP_US;

        sweeps += now && (s == 0 || fscheck->us[s - 1] < SWEEP_US);
        busy += now;
        sweeping += now ? fscheck->us[s] : 0;
        resting += now ? 0 : fscheck->us[s];
    }
    if (sweeps > 0 && busy < seconds) {
        printf("sweep\t%.1f\t%d\n", (sweeping - resting / (seconds - busy) * busy) / sweeps, sweeps);
    }
}

int
main(int argc, char **argv)
{
    static double between[SECONDS];
    pid_t warden = argc == 3 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
    int seconds = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 0;
    const struct watched *fscheck = NULL;
    long long wakes = 0;

    if (warden < 1 || seconds < 1 || seconds > SECONDS) {
        fprintf(stderr, "usage: bench_idle_watch WARDEN SECONDS (1 to %d)\n", SECONDS);
        return 2;
    }
    find(warden);
    for (int i = 0; i < processes; i++) {
        fscheck = strstr(watched[i].name, "fscheck") != NULL ? &watched[i] : fscheck;
    }
    watch(seconds);
    int count = without_sweep(fscheck, between, seconds);
    if (fscheck != NULL) {
        tell_sweeps(fscheck, seconds);
    }
    for (int i = 0; i < processes; i++) {
        wakes += watched[i].wakes;
        tell(watched[i].name, watched[i].us, seconds, watched[i].wakes);
    }
    if (count > 0) {
        tell("between", between, count, wakes);
    }
    tell("all", all_us, seconds, wakes);
    return 0;
}
