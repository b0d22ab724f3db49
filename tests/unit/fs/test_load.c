/*
 * Ten thousand changes of files a second in a guarded tree, for TOCSIN_LOAD_SECONDS (5), of TOCSIN_LOAD_FILES
 * (6000), of which more differ at the end than the core has room for: every finding that is open then is
 * right, those that found no room are as many as the core counts, and as soon as there is room a pass tells
 * all of them. The detector does not grow. Where events were lost on the way, that was told, and the sweep
 * behind made it good.
 */
#include "alarm/open.h"
#include "ground.h"
#include "guarding.h"
#include "support/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 2
#define RATE 10000  /* changes a second */
#define BATCHES 100 /* a second */
#define CHANGES (RATE / WRITERS / BATCHES)
#define GROWTH_KB 8192
#define QUIET_US 2000000 /* more than any look is put off */
#define SWEEP_S 2
#define WAIT_US 90000000

static int files, known; /* the first of them are in the baseline */
static struct open_table core;
static uint32_t number;
static bool lost_open;
static unsigned lost, begun, whole, passes, findings; /* whole: the number of the last pass that ended */
static uint32_t away_before, away; /* found no room: before this pass, by the last whole one */

static void
name_of(int i, char out[32])
{
    snprintf(out, 32, "d%d/f%d", i % 10, i);
}

static void
text_of(int i, char out[32])
{
    snprintf(out, 32, "text of %d", i);
}

/* The core: takes what is told, and tells as fast as it may. */
static void
hear(void *to, const struct finding *f)
{
    struct open_entry *e;
    int64_t now_ms = now_us() / 1000, due_ms;

    (void)to;
    findings++;
    if (f->op == FINDING_PASS_BEGIN) {
        begun++;
        away_before = core.turned_away;
    } else if (f->op == FINDING_PASS_END) {
        passes++;
        whole = begun;
        away = core.turned_away - away_before;
    }
    if (strncmp(f->text, "source=files.queue", 18) == 0) {
        lost_open = f->op == FINDING_OPEN;
        lost += lost_open;
    }
    open_take(&core, f);
    while ((e = open_next(&core, now_ms, &due_ms)) != NULL) {
        open_told(&core, e, number++, now_ms);
    }
}

static bool
is_open(const char *path)
{
    char text[200];
    int len = snprintf(text, sizeof(text), "path=%s", path);

    for (unsigned i = 0; i < core.high; i++) {
        const struct open_entry *e = &core.entry[i];

        if (e->state != OPEN_FREE && e->state != OPEN_CLOSED && !e->over && !e->event &&
                strncmp(e->finding.text, text, (size_t)len) == 0 &&
                (e->finding.text[len] == ' ' || e->finding.text[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool
differs(int i)
{
    char name[32], text[32], now[64] = "";
    struct stat st;

    name_of(i, name);
    text_of(i, text);
    int fd = open(ground_path(name), O_RDONLY);
    if (fd < 0) {
        return i < known;
    }
    ssize_t n = read(fd, now, sizeof(now) - 1);
    bool same = fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0644 && n >= 0 && strcmp(now, text) == 0;
    close(fd);
    return i >= known || !same;
}

static void
change(unsigned *seed)
{
    char name[32], other[32], text[32];
    int i = rand_r(seed) % files;

    name_of(i, name);
    name_of(rand_r(seed) % files, other);
    text_of(i, text);
    switch (rand_r(seed) % 8) {
    case 0:
        unlink(ground_path(name));
        break;
    case 1:
        rename(ground_path(name), ground_path(other));
        break;
    case 2:
        chmod(ground_path(name), rand_r(seed) % 2 != 0 ? 0644 : 0600);
        break;
    case 3:
    case 4:
        ground_write(name, "another");
        break;
    default:
        ground_write(name, text);
        break;
    }
}

static void
write_for(int seconds, unsigned seed, volatile unsigned *count)
{
    int64_t due = now_us();

    for (int batch = 0; batch < seconds * BATCHES; batch++) {
        for (int i = 0; i < CHANGES; i++) {
            change(&seed);
        }
        *count += CHANGES;
        due += 1000000 / BATCHES;
        if (due > now_us()) {
            usleep((useconds_t)(due - now_us()));
        }
    }
}

static long
memory_kb(void)
{
    long pages = 0;
    FILE *in = fopen("/proc/self/statm", "r");

    if (in == NULL || fscanf(in, "%*d %ld", &pages) != 1) {
        pages = 0;
    }
    if (in != NULL) {
        fclose(in);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
make_ground(void)
{
    char name[32], text[32];

    ground_open();
    ground.env.report = hear;
    ground.conf.sweep_s = SWEEP_S;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "d%d", i);
        ground_mkdir(name);
    }
    for (int i = 0; i < known; i++) {
        name_of(i, name);
        text_of(i, text);
        ground_write(name, text);
    }
    CHECK(ground_baseline());
    open_init(&core, now_us() / 1000);
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    for (int64_t end = now_us() + 60000000; passes == 0 && now_us() < end;) {
        turn(5);
    }
    CHECK(passes > 0);
}

static void
run_load(int seconds, volatile unsigned *count)
{
    pid_t pid[WRITERS];

    for (int i = 0; i < WRITERS; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            write_for(seconds, (unsigned)i + 1, &count[i]);
            _exit(0);
        }
        if (pid[i] < 0) {
            perror("fork");
            exit(1);
        }
    }
    for (int left = WRITERS; left > 0;) {
        turn(5);
        for (int i = 0; i < WRITERS; i++) {
            if (pid[i] > 0 && waitpid(pid[i], NULL, WNOHANG) == pid[i]) {
                pid[i] = 0;
                left--;
            }
        }
    }
}

/* Until every event was looked at, and a pass has begun and ended since. */
static bool
comes_to_rest(void)
{
    int64_t end = now_us() + WAIT_US, quiet = now_us() + QUIET_US;

    while (now_us() < quiet || (lost_open && now_us() < end)) {
        turn(20);
    }
    unsigned from = begun + 1;
    while (now_us() < end && whole < from) {
        turn(20);
    }
    return !lost_open && whole >= from;
}

struct tally {
    int open;   /* files with a finding that is open */
    int differ; /* files that should have one */
    int untrue; /* have one and should not */
};

static struct tally
tally(void)
{
    struct tally t = { .open = 0 };
    char name[32];

    for (int i = 0; i < files; i++) {
        name_of(i, name);
        bool open = is_open(ground_path(name)), differ = differs(i);

        t.open += open;
        t.differ += differ;
        t.untrue += open && !differ;
    }
    return t;
}

/* Every other file, from another process: one's own changes are no news. */
static void
put_half_right(void)
{
    char name[32], text[32];
    int status = 1;
    pid_t pid = fork();

    for (int i = 0; pid == 0 && i < files; i += 2) {
        name_of(i, name);
        text_of(i, text);
        if (i >= known) {
            unlink(ground_path(name));
        } else {
            ground_write(name, text);
            chmod(ground_path(name), 0644);
        }
    }
    if (pid == 0) {
        _exit(0);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static int
number_in(const char *variable, int otherwise)
{
    const char *given = getenv(variable);

    return given != NULL ? atoi(given) : otherwise;
}

static void
what_finds_no_room_is_counted_and_told_when_there_is_and_memory_is_bounded(void)
{
    bool brief = getenv("TOCSIN_LOAD_SECONDS") == NULL;
    int seconds = number_in("TOCSIN_LOAD_SECONDS", 5);
    unsigned *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    files = number_in("TOCSIN_LOAD_FILES", 6000);
    known = files / 3 * 2;
    make_ground();
    /* Once to touch all memory that is ever used, then for good. */
    run_load(1, count);
    long before_kb = memory_kb();
    count[0] = count[1] = 0;
    int64_t began = now_us();
    run_load(seconds, count);
    double rate = (count[0] + count[1]) / ((double)(now_us() - began) / 1e6);
    unsigned told = findings, sweeps = passes;
    CHECK(brief || rate >= RATE * 0.99);

    CHECK(comes_to_rest());
    long after_kb = memory_kb();
    struct tally full = tally();
    uint32_t no_room = away;
    CHECK_INT(full.untrue, 0);
    CHECK_INT(full.open + (int)no_room, full.differ);
    CHECK(files < 2 * OPEN_SHARE_FOLDING - 1000 || no_room > 0);

    put_half_right();
    struct tally after = { .open = -1 };
    for (int64_t end = now_us() + WAIT_US; now_us() < end && after.open != after.differ;) {
        CHECK(comes_to_rest());
        after = tally();
        CHECK_INT(after.open + (int)away, after.differ);
    }
    CHECK_INT(after.untrue, 0);
    CHECK_INT(after.open, after.differ);
    CHECK_INT(away, 0);
    CHECK(after.open > 0 && after.open < full.differ);
    CHECK(after_kb - before_kb <= GROWTH_KB);
    printf("%.0f changes/s for %d s: %u messages to the core, %u times lost, %u sweeps, "
           "memory %ld > %ld KiB\n",
            rate, seconds, told, lost, sweeps, before_kb, after_kb);
    printf("%d of %d files differ: %d open, %u without room; half put right: %d of %d open\n", full.differ,
            files, full.open, no_room, after.open, after.differ);
    ground_close();
}

int
main(void)
{
    CHECK_RUN(what_finds_no_room_is_counted_and_told_when_there_is_and_memory_is_bounded);
    return check_result();
}
