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

static struct {
    unsigned verdict[4];
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
        CHECK_INT(said.verdict[FS_SAME], what == 3 ? 4 : 3); /* with the tree, the other, and the program */
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
    CHECK_RUN(what_changes_between_the_walk_and_the_reading_is_told_as_it_is_then);
    ground_close();
    return check_result();
}
