#include "ground.h"
#include "support/check.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRS 12
#define IN_DIR 40
#define TOLD_MOST 4096

static struct fs_workers workers;
static struct fs_roots roots;
static struct fs_walk walk;
static struct fs_pass pass;
static struct baseline base;

static struct {
    unsigned count;
    struct {
        uint64_t id; /* of path, verdict and digest */
    } told[TOLD_MOST];
} heard[2];

static void
hear(void *to, enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    const struct baseline_entry *e = now != NULL ? now : was;
    unsigned which = *(const unsigned *)to;
    struct wire_hasher hash;
    uint8_t out[WIRE_HASH_SIZE];
    const unsigned said[] = { verdict, differs, e->type, e->state, e->mode };

    wire_hash_init(&hash);
    wire_hash_update(&hash, said, sizeof(said));
    wire_hash_update(&hash, e->path, e->path_len);
    wire_hash_update(&hash, e->link, e->link_len);
    if (baseline_has_digest(e)) {
        wire_hash_update(&hash, e->digest, sizeof(e->digest));
    }
    wire_hash_final(&hash, out);
    if (heard[which].count < TOLD_MOST) {
        memcpy(&heard[which].told[heard[which].count++].id, out, 8);
    }
}

/* Files from nothing to several chunks, directories, links; then some of each change. */
static void
make_tree(void)
{
    static char text[400000];
    char name[64];

    ground_open();
    memset(text, 'x', sizeof(text) - 1);
    for (unsigned i = 0; i < DIRS * IN_DIR; i++) {
        if (i % IN_DIR == 0) {
            snprintf(name, sizeof(name), "dir%u", i / IN_DIR);
            ground_mkdir(name);
        }
        snprintf(name, sizeof(name), "dir%u/file%u", i / IN_DIR, i);
        ground_write(name, text + (i % 17 == 0 ? i * 7u : sizeof(text) - 1 - i * 3u));
        if (i % 9 == 0) {
            snprintf(name, sizeof(name), "dir%u/link%u", i / IN_DIR, i);
            CHECK_INT(symlink("somewhere", ground_path(name)), 0);
        }
    }
    CHECK(ground_baseline());
}

static void
change_tree(void)
{
    char name[64];

    for (unsigned i = 0; i < DIRS * IN_DIR; i += 5) {
        snprintf(name, sizeof(name), "dir%u/file%u", i / IN_DIR, i);
        if (i % 3 == 0) {
            CHECK_INT(unlink(ground_path(name)), 0);
        } else {
            ground_write(name, "changed");
        }
        snprintf(name, sizeof(name), "dir%u/extra%u", i / IN_DIR, i);
        ground_write(name, "extra");
    }
}

static void
begin(unsigned *which, unsigned threads, bool background)
{
    struct baseline_error error;
    char path[160];

    snprintf(path, sizeof(path), "%s/" BASELINE_FILE, ground.state);
    if (!baseline_loaded(&base)) {
        CHECK_INT(baseline_load(&base, path, &error), 0);
    }
    CHECK(fs_roots_init(&roots, &ground.conf, &base));
    CHECK_INT(fs_workers_start(&workers, threads, background), 0);
    heard[*which].count = 0;
    pass.base = &base;
    pass.roots = &roots;
    pass.walk = &walk;
    pass.workers = &workers;
    pass.told = hear;
    pass.told_to = which;
    fs_pass_begin(&pass, roots.root, roots.count);
}

static void
finish(void)
{
    fs_pass_abort(&pass);
    fs_workers_stop(&workers);
}

static void
run(unsigned which, unsigned threads, bool background)
{
    enum fs_pass_step step;

    begin(&which, threads, background);
    while ((step = fs_pass_step(&pass)) != FS_PASS_OVER) {
        if (step == FS_PASS_WAITS) {
            struct pollfd fd = { .fd = workers.ready_fd, .events = POLLIN };

            CHECK(background);
            CHECK_INT(poll(&fd, 1, 20000), 1);
        }
    }
    finish();
}

static void
any_number_of_threads_tells_the_same_in_the_same_order(void)
{
    make_tree();
    for (int changed = 0; changed < 2; changed++) {
        if (changed) {
            change_tree();
        }
        run(0, 0, false);
        CHECK(heard[0].count > DIRS * IN_DIR);
        for (unsigned threads = 1; threads <= 5; threads++) {
            for (int background = 0; background < 2; background++) {
                run(1, threads, background != 0);
                CHECK_INT(heard[1].count, heard[0].count);
                CHECK_MEM(heard[1].told, heard[0].told, heard[0].count * sizeof(heard[0].told[0]));
            }
        }
    }
    baseline_unload(&base);
}

static void
a_pass_can_be_given_up_at_any_step(void)
{
    unsigned which = 1;

    make_tree();
    for (unsigned steps = 1; steps < 1200; steps += 37) {
        begin(&which, steps % 3, false);
        for (unsigned i = 0; i < steps; i++) {
            fs_pass_step(&pass);
        }
        finish();
        int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
        CHECK(next >= 0 && next < 12);
        close(next);
    }
    run(0, 0, false);
    run(1, 3, false);
    CHECK_INT(heard[1].count, heard[0].count);
    CHECK_MEM(heard[1].told, heard[0].told, heard[0].count * sizeof(heard[0].told[0]));
    baseline_unload(&base);
}

/* Goes on until the file of this number is opened and not read yet. */
static void
until_opened(const char *name)
{
    size_t len = strlen(name);

    while (fs_pass_step(&pass) != FS_PASS_OVER) {
        const struct baseline_entry *now = &fs_pending_at(&pass.pending, 0)->now;

        if (pass.pending.count > 0 && memcmp(now->path + now->path_len - len, name, len) == 0) {
            return;
        }
    }
    CHECK(false);
}

/* One that takes the thread that has it longer than any test, and small ones behind it. */
static void
make_large_before(unsigned small)
{
    char name[64];
    int fd;

    ground_open();
    CHECK(ground_baseline());
    fd = open(ground_path("a"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK_INT(ftruncate(fd, (off_t)FS_READ_BLOCKS_FROM - 1), 0);
    close(fd);
    for (unsigned i = 0; i < small; i++) {
        snprintf(name, sizeof(name), "b%u", i);
        ground_write(name, name);
    }
}

static void
begin_paced(unsigned *which, unsigned threads)
{
    begin(which, threads, true);
    atomic_store(&workers.share, 1);
    pass.read_all = true;
}

static unsigned
count_undone(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < pass.pending.count; i++) {
        const struct fs_waiting *w = fs_pending_at(&pass.pending, i);

        count += w->reading && !fs_workers_done(&w->job);
    }
    return count;
}

/* A step, and its wait for the workers; false at the end. */
static bool
step_on(void)
{
    struct pollfd fd = { .fd = workers.ready_fd, .events = POLLIN };
    enum fs_pass_step step = fs_pass_step(&pass);

    return step == FS_PASS_MORE || (step == FS_PASS_WAITS && poll(&fd, 1, 20000) == 1);
}

static void
the_walk_goes_on_to_the_end_of_the_ring_while_a_large_file_is_read(void)
{
    unsigned which = 0;

    make_large_before(FS_PENDING + 100);
    begin_paced(&which, 2);
    until_opened("/a");
    while (pass.pending.count < FS_PENDING && step_on()) {
    }
    CHECK_INT(pass.pending.count, FS_PENDING);
    CHECK(!fs_workers_done(&fs_pending_at(&pass.pending, 0)->job));
    pass.read_all = false;
    finish();
    baseline_unload(&base);
}

static void
no_more_files_are_open_than_there_may_be_jobs(void)
{
    unsigned which = 0;

    make_large_before(2 * FS_JOBS);
    begin_paced(&which, 1);
    until_opened("/a");
    while (fs_pass_step(&pass) == FS_PASS_MORE) {
    }
    CHECK_INT(count_undone(), FS_JOBS);
    pass.read_all = false;
    finish();
    baseline_unload(&base);
}

/* True when it is done within a second. */
static bool
gets_done(const struct fs_job *job)
{
    for (int i = 0; i < 100 && !fs_workers_done(job); i++) {
        usleep(10000);
    }
    return fs_workers_done(job);
}

static void
open_job(struct fs_job *job)
{
    struct stat st;

    CHECK_INT(stat(ground_path("one"), &st), 0);
    CHECK_INT(fs_read_open(&job->read, AT_FDCWD, ground_path("one"), &st), FS_READ_MORE);
}

static void
one_file_is_read_once_somebody_asks_for_it(void)
{
    static struct fs_job job;

    ground_open();
    ground_write("one", "abc");
    CHECK_INT(fs_workers_start(&workers, 1, true), 0);
    usleep(50000); /* it sleeps */
    open_job(&job);
    fs_workers_give(&workers, &job);
    CHECK_INT(atomic_load(&workers.steps), 0);
    fs_workers_wake(&workers);
    CHECK(gets_done(&job));
    CHECK(atomic_load(&workers.steps) > 0);
    fs_workers_stop(&workers);
}

static void
a_giver_without_threads_counts_its_steps_too(void)
{
    static struct fs_job first, second;

    ground_open();
    ground_write("one", "abc");
    open_job(&first);
    open_job(&second);
    fs_workers_give(fs_workers_none(0), &first);
    fs_workers_give(fs_workers_none(1), &second);
    unsigned before = atomic_load(&fs_workers_none(0)->steps);
    fs_workers_drop(fs_workers_none(1)); /* nobody else's */
    while (!fs_workers_done(&first)) {
        CHECK(fs_workers_help(fs_workers_none(0)));
    }
    CHECK(atomic_load(&fs_workers_none(0)->steps) > before);
}

static void
check_entry(const struct baseline_entry *e, unsigned number)
{
    CHECK(e->path_len > 0 && e->path[0] == (uint8_t)number && e->path[e->path_len - 1] == (uint8_t)number);
    CHECK_INT(e->path[e->path_len], 0);
    CHECK(e->link_len == 0 || e->link[e->link_len - 1] == (uint8_t)number);
}

/* Of lengths that come to an end at every place of the room, some of them beside what is nearly all of it. */
static void
what_waits_stays_as_it_was_however_often_the_room_is_gone_round(void)
{
    static struct fs_pending pending;
    static uint8_t bytes[BASELINE_PATH_MAX];
    unsigned last = 0, rounds = 0;
    size_t before = 0;

    for (unsigned number = 1; number <= 20000; number++) {
        struct baseline_entry e = { .path = bytes, .link = bytes };
        struct fs_waiting *w;

        memset(bytes, (int)(uint8_t)number, sizeof(bytes));
        e.path_len = (uint16_t)(1 + number * 7919u % (number % 97 == 0 ? sizeof(bytes) : 300));
        e.link_len = (uint16_t)(number % 5 == 0 ? number % 1000 : 0);
        while ((w = fs_pending_add(&pending, number % 3 == 0 ? NULL : &e, &e)) == NULL) {
            const struct fs_waiting *first = fs_pending_at(&pending, 0);
            unsigned oldest = number - pending.count;

            check_entry(&first->now, oldest);
            if (first->has_was) {
                check_entry(&first->was, oldest);
            }
            fs_pending_drop(&pending);
            last = oldest;
        }
        rounds += w->from < before;
        before = w->from;
    }
    CHECK(last > 10000);
    CHECK(rounds > 3);
}

static struct {
    unsigned verdict[FS_UNLOOKED + 1];
    unsigned differs;
} said;

static void
count(void *to, enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    (void)to;
    (void)was;
    (void)now;
    said.verdict[verdict]++;
    said.differs = differs != 0 ? differs : said.differs;
}

/* A file is opened when the walk is there, and read later: in between everything may happen. */
static void
what_changes_between_the_walk_and_the_reading_is_told_as_it_is_then(void)
{
    unsigned which = 0;

    for (int what = 0; what < 4; what++) {
        ground_open();
        ground_write("file", "text");
        ground_write("next", "text");
        CHECK(ground_baseline());
        begin(&which, 0, false);
        pass.told = count;
        memset(&said, 0, sizeof(said));
        until_opened("/file");
        if (what == 0) {
            ground_write("file", "other");
        } else {
            CHECK_INT(unlink(ground_path("file")), 0);
        }
        if (what == 2) {
            CHECK_INT(symlink("elsewhere", ground_path("file")), 0);
        } else if (what == 3) {
            ground_write("file", "text");
        }
        while (fs_pass_step(&pass) != FS_PASS_OVER) {
        }
        CHECK_INT(said.verdict[FS_GONE], what == 1);
        CHECK_INT(said.verdict[FS_CHANGED], what == 0 || what == 2);
        CHECK_INT(said.verdict[FS_SAME],
                what == 3 ? 6 : 5); /* with the tree, the other, program, courier and state */
        CHECK_INT((said.differs & FS_TYPE) != 0, what == 2);
        finish();
        baseline_unload(&base);
    }
}

/* Resting at any place, with nothing open, changes nothing of what is told. */
static void
a_pass_that_lets_go_tells_the_same(void)
{
    unsigned which = 1, rests = 0;

    make_tree();
    change_tree();
    run(0, 0, false);
    begin(&which, 2, false);
    for (unsigned steps = 1; fs_pass_step(&pass) != FS_PASS_OVER; steps++) {
        if (steps % 7 == 0 && fs_pass_let_go(&pass)) {
            rests++;
            int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
            CHECK(next >= 0 && next < 8);
            close(next);
        }
    }
    finish();
    CHECK(rests > 5);
    CHECK_INT(heard[1].count, heard[0].count);
    CHECK_MEM(heard[1].told, heard[0].told, heard[0].count * sizeof(heard[0].told[0]));
    baseline_unload(&base);
}

/* A whole pass with what was seen; returns how many bytes were read. */
static uint64_t
run_seen(struct fs_seen *seen, bool trust)
{
    unsigned which = 0;

    begin(&which, 1, false);
    pass.seen = seen;
    pass.trust_seen = trust;
    while (fs_pass_step(&pass) != FS_PASS_OVER) {
    }
    pass.seen = NULL;
    pass.trust_seen = false;
    finish();
    return pass.bytes;
}

static void
what_looks_as_it_was_seen_is_not_read_again_unless_it_was_touched(void)
{
    static struct fs_seen seen;

    make_tree();
    usleep(50000); /* the tree's last changes are no more than that ago */
    begin(&(unsigned){ 0 }, 0, false);
    finish();
    CHECK_INT(fs_seen_reset(&seen, base.count), 0);
    uint64_t all = run_seen(&seen, true);
    CHECK(all > DIRS * IN_DIR);
    CHECK_INT(run_seen(&seen, true), 0);
    CHECK_INT(heard[0].count, 0);
    CHECK_INT(run_seen(&seen, false), all);
    /* Just changed to what it was: read at each pass, until its time of change is past. */
    CHECK_INT(chmod(ground_path("dir3/file121"), 0600), 0);
    CHECK_INT(chmod(ground_path("dir3/file121"), 0644), 0);
    uint64_t one = run_seen(&seen, true);
    CHECK(one > 0 && one < all / 10);
    CHECK_INT(heard[0].count, 1);
    usleep(50000);
    run_seen(&seen, true);
    CHECK_INT(run_seen(&seen, true), 0);
    /* What differs is told each time. */
    ground_write("dir3/file121", "other");
    usleep(50000);
    for (int i = 0; i < 3; i++) {
        CHECK(run_seen(&seen, true) > 0);
        CHECK_INT(heard[0].count, 1);
    }
    CHECK_INT(fs_seen_reset(&seen, 0), 0);
    baseline_unload(&base);
}

int
main(void)
{
    if (fs_walk_map(&walk, FS_WALK_ARENA) < 0) {
        return 1;
    }
    CHECK_RUN(any_number_of_threads_tells_the_same_in_the_same_order);
    CHECK_RUN(a_pass_can_be_given_up_at_any_step);
    CHECK_RUN(a_pass_that_lets_go_tells_the_same);
    CHECK_RUN(what_looks_as_it_was_seen_is_not_read_again_unless_it_was_touched);
    CHECK_RUN(the_walk_goes_on_to_the_end_of_the_ring_while_a_large_file_is_read);
    CHECK_RUN(no_more_files_are_open_than_there_may_be_jobs);
    CHECK_RUN(one_file_is_read_once_somebody_asks_for_it);
    CHECK_RUN(a_giver_without_threads_counts_its_steps_too);
    CHECK_RUN(what_waits_stays_as_it_was_however_often_the_room_is_gone_round);
    CHECK_RUN(what_changes_between_the_walk_and_the_reading_is_told_as_it_is_then);
    ground_close();
    return check_result();
}
