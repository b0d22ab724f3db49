/*
 * Ten thousand changes of files a second in a guarded tree, for TOCSIN_LOAD_SECONDS (5): at the end every
 * file that differs from the baseline has an open finding in the core's table and no other file has one, and
 * the detector has not grown. Where events were lost on the way, that was told, and the sweep behind made it
 * good.
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

#define FILES 3000
#define KNOWN 2000 /* of them are in the baseline */
#define WRITERS 2
#define BATCHES 100 /* a second */
#define CHANGES (10000 / WRITERS / BATCHES)
#define GROWTH_KB 8192
#define QUIET_US 2000000 /* more than any look is put off */

static struct open_table core;
static uint32_t number;
static bool lost_open;
static unsigned lost, passes, findings;

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
    passes += f->op == FINDING_PASS_END && f->source == FINDING_FILES;
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
        return i < KNOWN;
    }
    ssize_t n = read(fd, now, sizeof(now) - 1);
    bool same = fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0644 && n >= 0 && strcmp(now, text) == 0;
    close(fd);
    return i >= KNOWN || !same;
}

static void
change(unsigned *seed)
{
    char name[32], other[32], text[32];
    int i = rand_r(seed) % FILES;

    name_of(i, name);
    name_of(rand_r(seed) % FILES, other);
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
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "d%d", i);
        ground_mkdir(name);
    }
    for (int i = 0; i < KNOWN; i++) {
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

static void
no_finding_is_lost_and_memory_is_bounded(void)
{
    const char *given = getenv("TOCSIN_LOAD_SECONDS");
    int seconds = given != NULL ? atoi(given) : 5, wrong = 0, open = 0;
    unsigned *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char name[32];

    make_ground();
    /* Once to touch all memory that is ever used, then for good. */
    run_load(1, count);
    long before_kb = memory_kb();
    count[0] = count[1] = 0;
    int64_t began = now_us();
    run_load(seconds, count);
    double took_s = (double)(now_us() - began) / 1e6;
    unsigned told = findings;
    for (int64_t end = now_us() + 60000000, quiet = now_us(); now_us() < end;) {
        if (turn(20) || lost_open) {
            quiet = now_us();
        }
        if (now_us() - quiet > QUIET_US) {
            break;
        }
    }
    CHECK(!lost_open);
    for (int i = 0; i < FILES; i++) {
        name_of(i, name);
        bool is = is_open(ground_path(name)), should = differs(i);

        wrong += is != should;
        open += is;
    }
    CHECK_INT(wrong, 0);
    CHECK(open > 0 && open < FILES);
    CHECK_INT(core.turned_away, 0);
    long after_kb = memory_kb();
    CHECK(after_kb - before_kb <= GROWTH_KB);
    printf("%.0f changes/s for %.1f s: %u messages to the core, %d open at the end, %u times lost, %u "
           "sweeps, "
           "memory %ld > %ld KiB\n",
            (count[0] + count[1]) / took_s, took_s, told, open, lost, passes, before_kb, after_kb);
    ground_close();
}

int
main(void)
{
    CHECK_RUN(no_finding_is_lost_and_memory_is_bounded);
    return check_result();
}
