/*
 * The whole detector against real events: by fanotify as root, by inotify as somebody without rights, and by
 * sweeps alone when there is neither.
 */
#include "ground.h"
#include "guarding.h"
#include "support/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define CHANGED FINDING_INTEGRITY_CHANGED
#define ADDED FINDING_INTEGRITY_ADDED
#define GONE FINDING_INTEGRITY_GONE

static const char *mode = "";

/* A guarded tree as each test finds it. */
static void
guard(void)
{
    ground_open();
    ground_mkdir("dir");
    ground_mkdir("dir/sub");
    ground_write("dir/file", "abc");
    ground_write("dir/sub/deep", "deep");
    ground_write("file", "abc");
    CHECK(ground_baseline());
    CHECK(guarding_starts());
}

static void
each_kind_of_change_is_told_and_its_end_too(void)
{
    guard();
    AFTER("echo -n abd > file");
    CHECK(strncmp(ground_says("file", CHANGED), "was=CGVV7B now=", 15) == 0);
    AFTER("echo -n abc > file");
    CHECK(closed("file"));
    AFTER("chmod 666 dir/file");
    CHECK_STR(ground_says("dir/file", CHANGED), "mode=0644>0666");
    AFTER("chmod 644 dir/file");
    CHECK(closed("dir/file"));
    AFTER("chmod 700 dir");
    CHECK_STR(ground_says("dir", CHANGED), "mode=0755>0700");
    AFTER("chmod 755 dir");
    CHECK(closed("dir"));
    AFTER("rm file");
    CHECK_STR(ground_says("file", GONE), "nothing");
    AFTER("echo -n abc > file");
    CHECK(closed("file"));
    AFTER("echo new > dir/new");
    CHECK(ground_says("dir/new", ADDED)[0] == 't');
    AFTER("rm dir/new");
    CHECK(closed("dir/new"));
}

static void
every_write_of_many_is_looked_at(void)
{
    guard();
    for (int i = 0; i < 50; i++) {
        AFTER(i % 2 == 0 ? "echo -n abd > file" : "echo -n abc > file");
        CHECK_INT(closed("file"), i % 2);
    }
}

static void
links_and_renames_are_told(void)
{
    guard();
    AFTER("echo -n other > ../other; mv ../other file");
    CHECK(strncmp(ground_says("file", CHANGED), "size=3>5 was=CGVV7B", 19) == 0);
    AFTER("ln -s /etc/passwd link; mv -T link file");
    CHECK(strncmp(ground_says("file", CHANGED), "type=file>link", 14) == 0);
    CHECK(closed("link"));
    AFTER("rm file; echo -n abc > file");
    CHECK(closed("file"));
    AFTER("ln file hard");
    CHECK(ground_says("hard", ADDED)[0] == 't');
    AFTER("echo -n abd > hard; sleep 0.01; touch file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
    AFTER("mkfifo fifo");
    CHECK(strncmp(ground_says("fifo", ADDED), "type=fifo", 9) == 0);
}

static void
a_moved_directory_is_told_with_all_below(void)
{
    guard();
    AFTER("mv dir ../away");
    CHECK_STR(ground_says("dir", GONE), "nothing");
    CHECK_STR(ground_says("dir/file", GONE), "nothing");
    CHECK_STR(ground_says("dir/sub/deep", GONE), "nothing");
    AFTER("echo -n x > ../away/file; mv ../away dir");
    CHECK(closed("dir"));
    CHECK(closed("dir/sub/deep"));
    CHECK(ground_says("dir/file", CHANGED)[0] == 's');
    AFTER("echo -n abc > dir/file");
    CHECK(closed("dir/file"));
    AFTER("mv dir dir2");
    CHECK_STR(ground_says("dir/sub/deep", GONE), "nothing");
    CHECK(ground_says("dir2/sub/deep", ADDED)[0] == 't');
    /* Below its new name it is watched as well. */
    AFTER("echo -n y > dir2/sub/more");
    CHECK(ground_says("dir2/sub/more", ADDED)[0] == 't');
    AFTER("mv dir2 dir");
    CHECK(closed("dir/sub/deep"));
    CHECK(ground_says("dir/sub/more", ADDED)[0] == 't');
}

static void
what_is_made_at_once_in_a_new_directory_is_told(void)
{
    guard();
    AFTER("mkdir -p n/e/w; echo 1 > n/e/w/file; mkdir n/e/x; echo 2 > n/e/x/file; echo 3 > n/file");
    CHECK(ground_says("n", ADDED)[0] == 't');
    CHECK(ground_says("n/e/w", ADDED)[0] == 't');
    CHECK(ground_says("n/e/w/file", ADDED)[0] == 't');
    CHECK(ground_says("n/e/x/file", ADDED)[0] == 't');
    CHECK(ground_says("n/file", ADDED)[0] == 't');
    AFTER("echo 4 > n/e/w/late");
    CHECK(ground_says("n/e/w/late", ADDED)[0] == 't');
    AFTER("rm -r n");
    /* What was below cannot be named any more: a sweep follows, and its end closes what it did not see. */
    CHECK(closed("n"));
    CHECK(sweep_ends());
}

static void
the_guarded_directory_itself_is_guarded(void)
{
    guard();
    AFTER("chmod 777 .");
    CHECK_STR(ground_says("", CHANGED), "mode=0755>0777");
    AFTER("chmod 755 .");
    CHECK(closed(""));
    AFTER("cd ..; mv tree elsewhere");
    CHECK_STR(ground_says("", GONE), "nothing");
    CHECK_STR(ground_says("dir/sub/deep", GONE), "nothing");
    ground_forget();
    char from[120];
    snprintf(from, sizeof(from), "%s/elsewhere", ground.dir);
    CHECK_INT(rename(from, ground.tree), 0);
    CHECK_INT(ground_check(), 0);
}

static void
what_is_not_guarded_is_not_told(void)
{
    ground_open();
    ground_mkdir("cache");
    ground_write("file", "abc");
    ground.conf.ignores = 1;
    snprintf(ground.conf.ignore[0], sizeof(ground.conf.ignore[0]), "%s", ground_path("cache"));
    CHECK(ground_baseline());
    CHECK(guarding_starts());
    AFTER("echo 1 > cache/new; mkdir cache/dir; echo 2 > ../beside; rm ../beside; mkdir ../d; rmdir ../d");
    for (int i = 0; i < ground_count; i++) {
        CHECK_INT(ground_heard[i].source, FINDING_SELF);
    }
    AFTER("cat file > /dev/null; ls -R . > /dev/null");
    for (int i = 0; i < ground_count; i++) {
        CHECK_INT(ground_heard[i].source, FINDING_SELF);
    }
}

/* Makes a directory so deep that the kernel cannot tell its path, and writes in it. */
static void
write_deep(const char *top)
{
    pid_t pid = fork();

    if (pid == 0) {
        char name[201];
        int dir = open(top, O_RDONLY | O_DIRECTORY);

        memset(name, 'x', 200);
        name[200] = '\0';
        for (int i = 0; i < 30; i++) {
            mkdirat(dir, name, 0755);
            dir = openat(dir, name, O_RDONLY | O_DIRECTORY);
        }
        close(openat(dir, "file", O_CREAT | O_WRONLY, 0644));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    settle();
}

/* The same elsewhere, and gone again while the events are read: a directory on the way may have no path. */
static void
pass_deep(const char *top)
{
    pid_t pid = fork();

    if (pid == 0) {
        char name[201];
        int dir[31] = { open(top, O_RDONLY | O_DIRECTORY) };

        memset(name, 'y', 200);
        name[200] = '\0';
        for (int round = 0; round < 50; round++) {
            for (int i = 0; i < 30; i++) {
                mkdirat(dir[i], name, 0755);
                dir[i + 1] = openat(dir[i], name, O_RDONLY | O_DIRECTORY);
            }
            for (int i = 29; i >= 0; i--) {
                unlinkat(dir[i], name, AT_REMOVEDIR);
            }
            for (int i = 1; i <= 30; i++) {
                close(dir[i]);
            }
        }
        _exit(0);
    }
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        turn(1);
    }
    settle();
}

static void
a_path_too_long_to_be_told_is_swept_where_it_matters_only(void)
{
    guard();
    write_deep(ground.dir);
    pass_deep(ground.dir);
    CHECK(!ground_begins("source=files.queue"));
    ground_forget();
    write_deep(ground.tree);
    CHECK(strcmp(mode, "inotify") == 0 || sweep_ends());
    unsigned added = 0;
    for (int i = 0; i < ground_count; i++) {
        added += ground_heard[i].op == FINDING_OPEN && ground_heard[i].code == ADDED;
    }
    CHECK(added >= 31);
}

/* The event source keeps in mind where nothing matters; a move may change that. */
static void
a_directory_that_did_not_matter_does_once_it_is_moved_in(void)
{
    guard();
    AFTER("mkdir -p ../out/deep; echo 1 > ../out/deep/f; echo 2 > ../out/deep/f; sleep 0.05; echo 3 > "
          "../out/deep/f");
    CHECK(!ground_begins("path="));
    AFTER("echo 4 > ../out/deep/f; mv ../out in; echo 5 > in/deep/late");
    CHECK(ground_says("in/deep/f", ADDED)[0] == 't');
    CHECK(ground_says("in/deep/late", ADDED)[0] == 't');
    AFTER("echo 6 > in/deep/f");
    CHECK(ground_says("in/deep/f", ADDED)[0] == 't');
}

static void
names_of_any_bytes_are_told(void)
{
    guard();
    AFTER("n=$(printf 'a\\033[2Jb\\n!~%%\\377'); echo 1 > \"$n\"; mkdir \"d$n\"; echo 2 > \"d$n/x\"");
    CHECK(ground_says("a\033[2Jb\n!~%\377", ADDED)[0] == 't');
    CHECK(ground_says("da\033[2Jb\n!~%\377/x", ADDED)[0] == 't');
    for (int i = 0; i < ground_count; i++) {
        CHECK(finding_valid(&ground_heard[i], sizeof(ground_heard[i])));
    }
}

static void
a_store_through_a_mapping_is_found_by_the_sweep(void)
{
    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    ground.conf.sweep_s = 1;
    CHECK(guarding_starts());
    int fd = open(ground_path("file"), O_RDWR);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    settle();
    ground_forget();
    map[0] = 'x'; /* no event tells of this */
    CHECK(sweep_ends());
    CHECK(ground_says("file", CHANGED)[0] == 'w');
    munmap(map, 4096);
}

static void
what_a_pattern_matches_is_told_wherever_it_comes(void)
{
    ground_open();
    ground_mkdir("eve");
    ground_watch(0, ground_path("*/.ssh"));
    CHECK(ground_baseline());
    CHECK(guarding_starts());
    settle();
    ground_forget();
    AFTER("mkdir eve/.ssh; echo 1 > eve/.ssh/authorized_keys; echo 2 > eve/other; echo 3 > file");
    CHECK(ground_says("eve/.ssh/authorized_keys", FINDING_INTEGRITY_KEYS)[0] == 't');
    CHECK(ground_about("eve/other") == NULL && ground_about("file") == NULL && ground_about("eve") == NULL);
    AFTER("mkdir -p bob/.ssh; echo 1 > bob/.ssh/id_rsa");
    CHECK(sweep_ends());
    CHECK(ground_says("bob/.ssh/id_rsa", ADDED)[0] == 't');
}

/* In another process: what this one does is no news to it. */
static bool
give_capability(bool give)
{
    static const uint8_t caps[20] = { 1, 0, 0, 2, 0x80 };
    const char *path = ground_path("file");
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        int code = give ? setxattr(path, "security.capability", caps, sizeof(caps), 0)
                        : removexattr(path, "security.capability");

        _exit(code == 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    ground_forget();
    settle();
    return status == 0;
}

static void
a_capability_that_is_given_to_a_file_is_told_at_once(void)
{
    guard();
    if (!give_capability(true)) {
        printf("skipped: needs the right to set capabilities\n");
        return;
    }
    CHECK(strncmp(ground_says("file", FINDING_INTEGRITY_SETUID), "caps=none>cap_setuid+ep", 23) == 0);
    CHECK(give_capability(false));
    CHECK(closed("file"));
}

static void
what_is_not_read_is_told_as_a_note(void)
{
    ground_open();
    ground_write("small", "1");
    ground_write("large", "12345");
    ground.conf.watch[0].max = 4;
    CHECK(ground_baseline());
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    CHECK(sweep_ends());
    const struct finding *f = ground_begins("source=files.content state=unread files=1");
    CHECK(f != NULL && f->op == FINDING_OPEN && f->severity == WIRE_NOTE);
}

/* Turns until a finding with this text is opened or closed; true when it was. */
static bool
comes(const char *text, enum finding_op op)
{
    for (int64_t end = now_us() + 20000000; now_us() < end; turn(10)) {
        const struct finding *f = ground_begins(text);

        if (f != NULL && f->op == op) {
            return true;
        }
    }
    return false;
}

static void
a_directory_that_cannot_be_listed_is_told_until_a_sweep_lists_all(void)
{
    static const char said[] = "source=files.names state=unlisted";

    if (geteuid() == 0) {
        puts("left out: root may list everything");
        return;
    }
    ground_open();
    ground_mkdir("dir");
    ground_write("dir/inner", "");
    ground.conf.sweep_s = 1;
    CHECK(ground_baseline());
    CHECK(guarding_starts());
    deed("chmod 0 dir");
    CHECK(comes(said, FINDING_OPEN));
    CHECK(strstr(ground_begins(said)->text, ground_path("dir")) != NULL);
    CHECK(ground_about("dir/inner") == NULL);
    deed("chmod 755 dir");
    CHECK(comes(said, FINDING_CLOSE));
}

/* Whoever reads it waits until the descriptor is closed. Below 0 where the kernel has no such events. */
static int
hold_reading(const char *name)
{
    int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);

    if (fd >= 0 && fanotify_mark(fd, FAN_MARK_ADD, FAN_ACCESS_PERM, AT_FDCWD, ground_path(name)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void
a_reading_that_does_not_end_is_told_until_it_does_and_events_go_on(void)
{
    ground_open();
    ground_write("held", "abc");
    ground_write("file", "abc");
    CHECK(ground_baseline());
    ground_write("held", "abd");
    int hold = hold_reading("held");
    if (hold < 0) {
        puts("left out: nobody can hold up a reading here");
        return;
    }
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    CHECK(comes("source=files.sweep state=stuck", FINDING_OPEN));
    CHECK(strstr(ground_begins("source=files.sweep")->text, ground_path("held")) != NULL);
    AFTER("echo -n abd > file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
    CHECK(!detector_files_ops.settled());
    close(hold);
    CHECK(comes("source=files.sweep state=stuck", FINDING_CLOSE));
    CHECK(sweep_ends());
    CHECK(ground_says("held", CHANGED)[0] == 'w');
}

static void
a_change_made_while_nobody_looked_is_told_at_start(void)
{
    ground_open();
    ground_write("file", "abc");
    CHECK(ground_baseline());
    ground_write("file", "abd");
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    for (int64_t end = now_us() + 10000000; now_us() < end && !detector_files_ops.settled();) {
        CHECK(!swept());
        turn(1);
    }
    CHECK(detector_files_ops.settled() && swept());
    CHECK(ground_says("file", CHANGED)[0] == 'w');
}

/* The first that was heard of the queue of events. */
static const struct finding *
queue_heard(enum finding_op op)
{
    static const char queue[] = "source=files.queue ";

    for (int i = 0; i < ground_count; i++) {
        const struct finding *f = &ground_heard[i];

        if (f->op == op && strncmp(f->text, queue, sizeof(queue) - 1) == 0) {
            return f;
        }
    }
    return NULL;
}

/* The sweep may be over in the very turn in which the loss is told. */
static void
more_events_than_the_queue_holds_are_told_as_lost_and_swept(void)
{
    guard();
    pid_t pid = fork();
    if (pid == 0) {
        char name[16];

        for (int i = 0; i < 20000; i++) {
            snprintf(name, sizeof(name), "f%d", i);
            close(open(ground_path(name), O_CREAT | O_WRONLY, 0600));
            unlink(ground_path(name));
        }
        ground_write("file", "abd");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    ground_forget();
    for (int64_t end = now_us() + 60000000; now_us() < end && queue_heard(FINDING_CLOSE) == NULL;) {
        turn(1);
    }
    const struct finding *lost = queue_heard(FINDING_OPEN);
    CHECK(lost != NULL && queue_heard(FINDING_CLOSE) > lost);
    CHECK(ground_says("file", CHANGED)[0] == 'w' && ground_about("file") > lost);
    CHECK(swept());
}

/* When no descriptor is left. */
static void
an_event_whose_directory_cannot_be_opened_is_told_as_lost_and_swept(void)
{
    struct rlimit before;
    struct rlimit none;

    guard();
    ground.conf.sweep_s = 2;
    ground_forget();
    deed("printf abd > file");
    int next = dup(0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
    setrlimit(RLIMIT_NOFILE, &none);
    for (int64_t end = now_us() + 10000000; now_us() < end && queue_heard(FINDING_OPEN) == NULL;) {
        turn(1);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(queue_heard(FINDING_OPEN) != NULL);
    CHECK(ground_says("file", FINDING_INTEGRITY_GONE)[0] == '\0');
    CHECK(sweep_ends());
    CHECK(ground_says("file", CHANGED)[0] == 'w');
}

static void
a_replaced_baseline_is_taken_over_and_told(void)
{
    char begins[160];

    guard();
    ground.conf.sweep_s = 2;
    AFTER("echo -n abd > file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
    ground_forget();
    pid_t pid = fork();
    if (pid == 0) {
        _exit(ground_baseline() ? 0 : 1);
    }
    waitpid(pid, NULL, 0);
    CHECK(sweep_ends());
    snprintf(begins, sizeof(begins), "baseline=%s/baseline", ground.state);
    const struct finding *f = ground_begins(begins);
    CHECK(f != NULL && f->op == FINDING_EVENT && strstr(f->text, "state=replaced was=") != NULL);
    CHECK_STR(ground_says("file", CHANGED), "");
    AFTER("echo -n abc > file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
}

/* What was said about the baseline with this operation and text; NULL when it never is. */
static const struct finding *
said_of_baseline(enum finding_op op, const char *text)
{
    char begins[160];
    size_t len = (size_t)snprintf(begins, sizeof(begins), "baseline=%s/baseline", ground.state);

    for (int64_t end = now_us() + 20000000; now_us() < end;) {
        for (int k = 0; k < ground_count; k++) {
            const struct finding *f = &ground_heard[k];

            if (f->op == op && strncmp(f->text, begins, len) == 0 && strstr(f->text, text) != NULL) {
                return f;
            }
        }
        turn(10);
    }
    return NULL;
}

static void
a_baseline_that_is_replaced_by_a_damaged_one_stays_in_force(void)
{
    guard();
    ground_forget();
    deed("cp ../state/baseline ../state/b && printf xxxxxxxx | dd of=../state/b bs=1 seek=8 conv=notrunc "
         "2>/dev/null && mv ../state/b ../state/baseline");
    const struct finding *f = said_of_baseline(FINDING_OPEN, "state=damaged");
    CHECK(f != NULL && f->severity == WIRE_CRIT);
    CHECK(f != NULL && strstr(f->text, "guarding=by-index") != NULL);
    AFTER("echo -n abd > file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
}

/* Its index is whole, so that it would be taken for one until a block is read. */
static void
a_baseline_that_is_replaced_by_one_with_a_damaged_block_stays_in_force(void)
{
    guard();
    ground_forget();
    deed("cp ../state/baseline ../state/b && printf xxxxxxxx | dd of=../state/b bs=1 seek=60 conv=notrunc "
         "2>/dev/null && mv ../state/b ../state/baseline");
    const struct finding *f = said_of_baseline(FINDING_OPEN, "state=damaged");
    CHECK(f != NULL && strstr(f->text, "offset") != NULL);
    AFTER("echo -n abd > file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
}

static void
a_baseline_that_is_written_in_place_is_told_and_gives_no_verdict(void)
{
    guard();
    ground_forget();
    deed("printf xxxxxxxx | dd of=../state/baseline bs=1 seek=60 conv=notrunc 2>/dev/null");
    const struct finding *f = said_of_baseline(FINDING_OPEN, "state=changed");
    CHECK(f != NULL && f->op == FINDING_OPEN && f->severity == WIRE_CRIT);
    f = said_of_baseline(FINDING_OPEN, "state=damaged");
    CHECK(f != NULL && f->op == FINDING_OPEN && f->severity == WIRE_CRIT);
    CHECK(f != NULL && strstr(f->text, "offset") != NULL);
    AFTER("echo -n abd > file; rm dir/file; echo new > new");
    CHECK(ground_about("file") == NULL && ground_about("dir/file") == NULL && ground_about("new") == NULL);
    settle();
    CHECK(!swept());
}

static void
a_store_into_the_baseline_through_a_mapping_is_told(void)
{
    char path[sizeof(ground.state) + 16];
    struct stat before, after;

    guard();
    ground_forget();
    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    int fd = open(path, O_RDWR);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    settle();
    ground_forget();
    CHECK_INT(stat(path, &before), 0);
    map[60] ^= 1; /* no event tells of this */
    munmap(map, 4096);
    CHECK_INT(stat(path, &after), 0);
    if (after.st_ctim.tv_nsec == before.st_ctim.tv_nsec && after.st_ctim.tv_sec == before.st_ctim.tv_sec) {
        /* Nor does the time: the block does, when it is read from the disk again. */
        printf("     left out: this file system notes no time for such a store\n");
        return;
    }
    CHECK(said_of_baseline(FINDING_OPEN, "state=damaged") != NULL);
}

static void
a_baseline_that_was_only_touched_proves_itself(void)
{
    guard();
    ground_forget();
    deed("touch ../state/baseline");
    const struct finding *f = said_of_baseline(FINDING_OPEN, "state=changed");
    CHECK(f != NULL && f->op == FINDING_OPEN && f->severity == WIRE_CRIT);
    CHECK(said_of_baseline(FINDING_CLOSE, "") != NULL);
    AFTER("echo -n abd > file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
}

static void
a_missing_baseline_is_told_until_it_is_there(void)
{
    char begins[160];
    const struct finding *f = NULL;

    ground_open();
    ground_write("file", "abc");
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    turn(1);
    snprintf(begins, sizeof(begins), "baseline=%s/baseline", ground.state);
    f = ground_begins(begins);
    CHECK(f != NULL && f->op == FINDING_OPEN && strstr(f->text, "state=missing") != NULL);
    CHECK(f != NULL && strstr(f->text, "guarding=nothing") != NULL);
    AFTER("echo -n abd > file");
    CHECK(ground_about("file") == NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(ground_baseline() ? 0 : 1);
    }
    waitpid(pid, NULL, 0);
    ground_forget();
    CHECK(sweep_ends());
    f = ground_begins(begins);
    CHECK(f != NULL && f->op == FINDING_CLOSE);
    AFTER("echo -n abc > file");
    CHECK(ground_says("file", CHANGED)[0] == 'w');
}

static void
a_source_that_is_missing_is_told(void)
{
    guard();
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    ground_forget();
    CHECK(sweep_ends());
    const struct finding *f = ground_begins("source=files.events");
    if (strcmp(mode, "fanotify") == 0) {
        CHECK(f == NULL);
    } else if (strcmp(mode, "inotify") == 0) {
        CHECK(f != NULL && strstr(f->text, "state=reduced uses=inotify") != NULL);
    } else {
        CHECK(f != NULL && strstr(f->text, "state=missing uses=sweep") != NULL);
    }
}

static bool
is_told_in_time(const char *name)
{
    for (int64_t end = now_us() + 20000000; now_us() < end && ground_says(name, CHANGED)[0] == '\0';) {
        turn(5);
    }
    return ground_says(name, CHANGED)[0] != '\0';
}

/* Other events wait for a look at a place: what would take long is left to a sweep, which gives way. */
static void
what_is_too_big_for_one_look_is_told_all_the_same(void)
{
    char name[40];

    ground_open();
    ground_mkdir("many");
    for (int i = 0; i < 12000; i++) {
        snprintf(name, sizeof(name), "many/%05d", i);
        ground_write(name, "text");
    }
    int fd = open(ground_path("big"), O_RDWR | O_CREAT, 0644);
    CHECK_INT(ftruncate(fd, (64 << 20) + 4096), 0);
    close(fd);
    CHECK(ground_baseline());
    CHECK(guarding_starts());
    deed("mv many ../many; echo -n tent > ../many/11999; mv ../many many");
    CHECK(is_told_in_time("many/11999"));
    deed("echo x | dd of=big bs=1 seek=1000 conv=notrunc 2>/dev/null");
    CHECK(is_told_in_time("big"));
}

static bool
sweep_begins(void)
{
    for (int64_t end = now_us() + 20000000; now_us() < end; turn(5)) {
        for (int i = 0; i < ground_count; i++) {
            if (ground_heard[i].op == FINDING_PASS_BEGIN && ground_heard[i].source == FINDING_FILES) {
                return true;
            }
        }
    }
    return false;
}

/* The sweep has seen `small`, and lets it wait behind `big`, which is still read. */
static void
what_is_put_right_while_a_sweep_runs_stays_right(void)
{
    ground_open();
    int fd = open(ground_path("big"), O_RDWR | O_CREAT, 0644);
    CHECK_INT(ftruncate(fd, 400 << 20), 0);
    close(fd);
    CHECK(ground_baseline());
    CHECK(guarding_starts());
    ground_forget();
    deed("echo text > small; touch big");
    CHECK(sweep_begins());
    for (int i = 0; i < 3; i++) {
        turn(5);
    }
    deed("rm small");
    CHECK(sweep_ends());
    settle();
    CHECK(closed("small"));
}

/* By fanotify only: nothing else tells who. */
static void
who_did_it_is_told(void)
{
    char by[200];

    guard();
    AFTER("echo -n abd > file");
    const char *aside = ground_aside("file");
    CHECK(strncmp(aside, " by=/", 5) == 0 && strstr(aside, " uid=0") != NULL);
    CHECK(strstr(aside, "/dash ") != NULL || strstr(aside, "/sh ") != NULL ||
            strstr(aside, "/bash ") != NULL);
    AFTER("cp \"$(readlink /proc/$$/exe)\" ../editor; ../editor -c 'echo 1 > dir/new; sleep 1' & sleep 0.2");
    snprintf(by, sizeof(by), " by=%s/editor pid=", ground.dir);
    CHECK(strncmp(ground_aside("dir/new"), by, strlen(by)) == 0);
    AFTER("printf '#!/bin/sh\\necho 1 > byscript\\nsleep 1\\n' > ../script; chmod +x ../script");
    AFTER("../script & sleep 0.2");
    CHECK(strstr(ground_aside("byscript"), " comm=script ") != NULL);
}

static void
a_rename_tells_where_it_came_from(void)
{
    char from[200];

    guard();
    AFTER("echo -n evil > ../evil; mv ../evil file");
    snprintf(from, sizeof(from), " from=%s/evil by=", ground.dir);
    CHECK(strncmp(ground_aside("file"), from, strlen(from)) == 0);
    AFTER("mv dir/file dir/moved");
    snprintf(from, sizeof(from), " to=%s by=", ground_path("dir/moved"));
    CHECK_STR(ground_says("dir/file", GONE), "nothing");
    CHECK(strncmp(ground_aside("dir/file"), from, strlen(from)) == 0);
}

static void
a_doer_that_has_ended_is_told_as_gone(void)
{
    char gone[40];

    guard();
    ground_forget();
    pid_t pid = fork();
    if (pid == 0) {
        ground_write("file", "abd");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    settle();
    snprintf(gone, sizeof(gone), " by=gone pid=%d", (int)pid);
    CHECK_STR(ground_aside("file"), gone);
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Printed, not judged: the machine is not ours alone. */
static void
latency_is_measured(void)
{
    enum { N = 100 };
    static int64_t took[N];
    int64_t *closed_at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int told = 0;

    guard();
    for (int i = 0; i < N; i++) {
        ground_forget();
        pid_t pid = fork();
        if (pid == 0) {
            int fd = open(ground_path("file"), O_WRONLY | O_TRUNC);
            ssize_t n = write(fd, &i, sizeof(i));

            *closed_at = now_us();
            close(fd);
            _exit(n == sizeof(i) ? 0 : 1);
        }
        for (int64_t end = now_us() + 20000000; now_us() < end && ground_says("file", CHANGED)[0] == '\0';) {
            turn(5);
        }
        took[i] = now_us() - *closed_at;
        waitpid(pid, NULL, 0);
        told += ground_says("file", CHANGED)[0] != '\0';
        settle();
    }
    CHECK_INT(told, N);
    qsort(took, N, sizeof(took[0]), by_value);
    printf("%s: from close() to the finding, us: median %lld, p99 %lld, most %lld\n", mode,
            (long long)took[N / 2], (long long)took[N * 99 / 100], (long long)took[N - 1]);
    munmap(closed_at, 4096);
}

static void
with_events(void)
{
    CHECK_RUN(a_source_that_is_missing_is_told);
    CHECK_RUN(each_kind_of_change_is_told_and_its_end_too);
    CHECK_RUN(every_write_of_many_is_looked_at);
    CHECK_RUN(links_and_renames_are_told);
    CHECK_RUN(a_moved_directory_is_told_with_all_below);
    CHECK_RUN(what_is_made_at_once_in_a_new_directory_is_told);
    CHECK_RUN(the_guarded_directory_itself_is_guarded);
    CHECK_RUN(what_is_not_guarded_is_not_told);
    CHECK_RUN(a_directory_that_did_not_matter_does_once_it_is_moved_in);
    CHECK_RUN(a_path_too_long_to_be_told_is_swept_where_it_matters_only);
    CHECK_RUN(names_of_any_bytes_are_told);
    CHECK_RUN(a_store_through_a_mapping_is_found_by_the_sweep);
    CHECK_RUN(what_a_pattern_matches_is_told_wherever_it_comes);
    CHECK_RUN(a_capability_that_is_given_to_a_file_is_told_at_once);
    CHECK_RUN(what_is_not_read_is_told_as_a_note);
    CHECK_RUN(a_directory_that_cannot_be_listed_is_told_until_a_sweep_lists_all);
    CHECK_RUN(a_reading_that_does_not_end_is_told_until_it_does_and_events_go_on);
    CHECK_RUN(a_change_made_while_nobody_looked_is_told_at_start);
    CHECK_RUN(more_events_than_the_queue_holds_are_told_as_lost_and_swept);
    CHECK_RUN(an_event_whose_directory_cannot_be_opened_is_told_as_lost_and_swept);
    CHECK_RUN(a_replaced_baseline_is_taken_over_and_told);
    CHECK_RUN(a_baseline_that_is_replaced_by_a_damaged_one_stays_in_force);
    CHECK_RUN(a_baseline_that_is_replaced_by_one_with_a_damaged_block_stays_in_force);
    CHECK_RUN(a_baseline_that_is_written_in_place_is_told_and_gives_no_verdict);
    CHECK_RUN(a_store_into_the_baseline_through_a_mapping_is_told);
    CHECK_RUN(a_baseline_that_was_only_touched_proves_itself);
    CHECK_RUN(a_missing_baseline_is_told_until_it_is_there);
    CHECK_RUN(what_is_too_big_for_one_look_is_told_all_the_same);
    CHECK_RUN(what_is_put_right_while_a_sweep_runs_stays_right);
    if (strcmp(mode, "fanotify") == 0) {
        CHECK_RUN(who_did_it_is_told);
        CHECK_RUN(a_rename_tells_where_it_came_from);
        CHECK_RUN(a_doer_that_has_ended_is_told_as_gone);
    }
    CHECK_RUN(latency_is_measured);
}

/* No inotify instance is left for this user. */
static void
without_events(void)
{
    while (inotify_init1(IN_CLOEXEC) >= 0) {
    }
    CHECK_RUN(a_source_that_is_missing_is_told);
    CHECK_RUN(a_change_made_while_nobody_looked_is_told_at_start);
    CHECK_RUN(a_store_through_a_mapping_is_found_by_the_sweep);
}

/* Each mode in a process of its own: rights that are given up do not come back. */
static void
in_mode(const char *name, bool with_rights, void (*tests)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (!with_rights && geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) {
            _exit(1);
        }
        mode = name;
        printf("-- %s\n", mode);
        fflush(stdout);
        doer_start();
        tests();
        doer_stop();
        ground_close();
        _exit(check_failures == 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    check_tests++;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int
main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (geteuid() == 0) {
        in_mode("fanotify", true, with_events);
    } else {
        printf("skipped: fanotify, needs root\n");
    }
    in_mode("inotify", false, with_events);
    in_mode("sweep", false, without_events);
    return check_result();
}
