#include "watch/views_load.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * What is told must last for three looks, and is over after ten without it: a build with many jobs, or a
 * moment in which all cron jobs start, is no alarm. The counts are of this very moment; averages would come
 * too late. From the first look on that finds much the next ones come each AGAIN_MS.
 */
#define AGAIN_MS 1000
#define BEGIN_LOOKS 3
#define END_LOOKS 10
#define TEXT_MAX 256
#define VMSTAT_MAX 8192

enum load_kind { LOAD_CPU, LOAD_TASKS, LOAD_MEMORY, LOAD_KINDS };

static const struct {
    const char *name;
    enum wire_severity severity;
} kinds[LOAD_KINDS] = {
    [LOAD_CPU] = { "cpu", WIRE_WARN },
    [LOAD_TASKS] = { "processes", WIRE_ERRO },
    [LOAD_MEMORY] = { "memory", WIRE_ERRO },
};

static struct {
    int proc;
    int average; /* loadavg, and what memory costs: -1 where it is not told */
    int memory;
    bool unreadable;
    uint64_t processors;
    uint64_t tasks_most;
    struct {
        unsigned looks; /* in a row that were not as the state is */
        bool high;
        uint64_t value; /* when it was told */
    } kind[LOAD_KINDS];
    char pressed[TEXT_MAX]; /* what memory cost at the last look */
    size_t pressed_len;
    bool counted;
    uint64_t kills; /* by the kernel, for want of memory */
    uint64_t stalls;
    uint64_t killed; /* when it was told */
} load = { .proc = -1, .average = -1, .memory = -1 };

static bool
skip(const char **at, const char *end, char c)
{
    const char *found = *at < end ? memchr(*at, c, (size_t)(end - *at)) : NULL;

    if (found == NULL) {
        return false;
    }
    *at = found + 1;
    return true;
}

bool
load_average_parse(const char *src, size_t len, uint64_t *running, uint64_t *tasks)
{
    const char *end = src + len;
    const char *at = src;
    uint64_t one, all;

    for (int average = 0; average < 3; average++) {
        if (!skip(&at, end, ' ')) {
            return false;
        }
    }
    if (!procfs_decimal(&at, end, UINT32_MAX, &one) ||
#ifndef PLANT_LOAD
            at == end ||
#endif
            *at++ != '/' || !procfs_decimal(&at, end, UINT32_MAX, &all)) {
        return false;
    }
    *running = one;
    *tasks = all;
    return true;
}

bool
load_pressure_parse(const char *src, size_t len, uint64_t *percent)
{
    static const char key[] = "full avg10=";
    const char *at = memmem(src, len, key, strlen(key));

    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    return procfs_decimal(&at, src + len, 100, percent);
}

/* The number behind the first word from here on that begins so. */
static bool
number_of(const char **at, const char *end, const char *word, uint64_t *n)
{
    const char *found = memmem(*at, (size_t)(end - *at), word, strlen(word));

    if (found == NULL) {
        return false;
    }
    *at = found;
    return skip(at, end, ' ') && procfs_decimal(at, end, UINT64_MAX / 16, n);
}

bool
load_vmstat_parse(const char *src, size_t len, uint64_t *kills, uint64_t *stalls)
{
    const char *at = src;
    uint64_t n;

    *stalls = 0;
    while (number_of(&at, src + len, "\nallocstall", &n)) {
        *stalls += n;
    }
    at = src;
    return number_of(&at, src + len, "\noom_kill ", kills);
}

/* A number that stands alone in a file of the kernel's; `usual` without it. */
static uint64_t
number_in(const char *path, uint64_t usual)
{
    char text[TEXT_MAX];
    const char *at = text;
    uint64_t n;
    ssize_t len = procfs_read(load.proc, path, text, sizeof(text));

    return len > 0 && procfs_decimal(&at, text + len, UINT32_MAX, &n) ? n : usual;
}

/* Counts looks until the state is another. */
static void
take(enum load_kind kind, uint64_t value, uint64_t limit)
{
    bool high = value > limit;

    load.kind[kind].looks = high != load.kind[kind].high ? load.kind[kind].looks + 1 : 0;
    if (load.kind[kind].looks >= (high ? BEGIN_LOOKS : END_LOOKS)) {
        load.kind[kind].high = high;
        load.kind[kind].value = value;
        load.kind[kind].looks = 0;
    }
}

/*
 * Whom the kernel kills frees so much at once that nobody waits for long. A control group that has used up
 * its own memory is not the machine: others do not stall then. Nothing is read while memory costs nothing.
 */
static void
take_kills(const char *pressed, size_t len, uint64_t percent)
{
    char text[VMSTAT_MAX];
    uint64_t kills;
    uint64_t stalls;

    if (load.counted && len > 0 && len == load.pressed_len && memcmp(pressed, load.pressed, len) == 0) {
        return;
    }
    load.pressed_len = len;
    memcpy(load.pressed, pressed, len);
    ssize_t n = procfs_read(load.proc, "vmstat", text, sizeof(text));
    if (n <= 0 || !load_vmstat_parse(text, (size_t)n, &kills, &stalls)) {
        return;
    }
    if (load.counted && kills > load.kills && stalls > load.stalls) {
        load.killed = load.kind[LOAD_MEMORY].high ? load.killed : kills - load.kills;
        load.kind[LOAD_MEMORY].value = load.kind[LOAD_MEMORY].high ? load.kind[LOAD_MEMORY].value : percent;
        load.kind[LOAD_MEMORY].high = true;
        load.kind[LOAD_MEMORY].looks = 0;
    } else if (!load.kind[LOAD_MEMORY].high) {
        load.killed = 0;
    }
    load.counted = true;
    load.kills = kills;
    load.stalls = stalls;
}

static void
tell(struct views *v, enum load_kind kind)
{
    const char *name = kinds[kind].name;
    struct finding f;

    if (!load.kind[kind].high || conf_allows(v->env.conf, CONF_VIEW_LOAD, name, strlen(name))) {
        return;
    }
    finding_begin(&f, FINDING_LOAD_HIGH, "what", name, strlen(name));
    f.severity = (uint8_t)kinds[kind].severity;
    finding_addf(
            &f, kind == LOAD_MEMORY ? "percent" : "n", "%llu", (unsigned long long)load.kind[kind].value);
    if (kind == LOAD_MEMORY && load.killed > 0) {
        finding_addf(&f, "killed", "%llu", (unsigned long long)load.killed);
    }
    view_found(v, CONF_VIEW_LOAD, &f);
}

static int64_t
load_look(struct views *v, int64_t now_ms)
{
    char text[TEXT_MAX];
    uint64_t running = 0;
    uint64_t tasks = 0;
    uint64_t stalled = 0;
    ssize_t len = load.average < 0 ? -1 : pread(load.average, text, sizeof(text), 0);
    bool read = len > 0 && load_average_parse(text, (size_t)len, &running, &tasks);

    (void)now_ms;
    view_self(v, &load.unreadable, !read, "load", "unreadable");
    len = load.memory < 0 ? -1 : pread(load.memory, text, sizeof(text), 0);
    if (len > 0) {
        (void)load_pressure_parse(text, (size_t)len, &stalled);
    }
    take_kills(text, len > 0 ? (size_t)len : 0, stalled);
    take(LOAD_CPU, running, load.processors * LOAD_RUNNING);
    take(LOAD_TASKS, tasks, load.tasks_most / 100 * LOAD_TASKS_PERCENT);
    take(LOAD_MEMORY, stalled, LOAD_MEMORY_PERCENT);
    view_begin(v, CONF_VIEW_LOAD);
    for (unsigned i = 0; i < LOAD_KINDS; i++) {
        tell(v, (enum load_kind)i);
    }
    view_end(v, CONF_VIEW_LOAD);
    return VIEW_DONE;
}

static int64_t
load_pause_ms(const struct views *v)
{
    int64_t every_ms = view_every_ms(v, CONF_VIEW_LOAD);
    bool high = false;

    for (unsigned i = 0; i < LOAD_KINDS; i++) {
        high = high || load.kind[i].high || load.kind[i].looks > 0;
    }
    return high && every_ms > AGAIN_MS ? AGAIN_MS : every_ms;
}

static void
reopen(int *fd, const char *name)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = openat(load.proc, name, O_RDONLY | O_CLOEXEC);
}

static int
load_open(struct views *v)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    (void)v;
    if (load.proc >= 0) {
        close(load.proc);
    }
    load.proc = procfs_open();
    if (load.proc < 0) {
        return load.proc;
    }
    reopen(&load.average, "loadavg");
    reopen(&load.memory, "pressure/memory");
    memset(load.kind, 0, sizeof(load.kind));
    load.counted = false;
    load.unreadable = false;
    load.processors = processors > 0 ? (uint64_t)processors : 1;
    uint64_t pids = number_in("sys/kernel/pid_max", UINT32_MAX);
    uint64_t threads = number_in("sys/kernel/threads-max", UINT32_MAX);
    load.tasks_most = pids < threads ? pids : threads;
    return 0;
}

const struct view_ops views_load_ops = {
    .view = CONF_VIEW_LOAD,
    .open = load_open,
    .look = load_look,
    .pause_ms = load_pause_ms,
};
