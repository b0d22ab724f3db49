/*
 * What no event tells of, or where events mislead: each case on real file systems of our own, in a mount
 * namespace of our own. What metadata betrays is to be found by a sweep of metadata, what only content shows
 * by one pass that reads everything.
 */
#include "conf/attrs.h"
#include "ground.h"
#include "guarding.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHANGED FINDING_INTEGRITY_CHANGED
#define ADDED FINDING_INTEGRITY_ADDED
#define GONE FINDING_INTEGRITY_GONE
#define IMAGE_SIZE (32L << 20)

/* An ext4 on a loop device, whose image is memory. */
static struct disk {
    char base[32]; /* where it is mounted */
    char device[32];
    int image;
    int loop;
} disk = { .image = -1, .loop = -1 };

static const char *kind = "";

/* Runs shell text; true when it ended well. */
static bool
run(const char *format, const char *arg)
{
    char command[400];

    snprintf(command, sizeof(command), format, arg);
    return system(command) == 0;
}

static bool
mount_disk(void)
{
    return mount(disk.device, disk.base, "ext4", MS_NOATIME, NULL) == 0;
}

/* A burst of the pass through all content may have a file open. */
static bool
unmount_disk(void)
{
    int64_t end = now_us() + 20000000;

    while (umount(disk.base) != 0) {
        if (errno != EBUSY || now_us() >= end) {
            return false;
        }
        turn(5);
    }
    return true;
}

static bool
disk_opens(void)
{
    char image[64];
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int number = control >= 0 ? ioctl(control, LOOP_CTL_GET_FREE) : -1;

    disk.image = memfd_create("disk", MFD_CLOEXEC);
    snprintf(image, sizeof(image), "/proc/%d/fd/%d", (int)getpid(), disk.image);
    if (number < 0 || disk.image < 0 || ftruncate(disk.image, IMAGE_SIZE) < 0 ||
            !run("mke2fs -q -F -t ext4 %s", image)) {
        return false;
    }
    snprintf(disk.device, sizeof(disk.device), "/dev/loop%d", number);
    disk.loop = open(disk.device, O_RDWR | O_CLOEXEC);
    struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };

    return disk.loop >= 0 && ioctl(disk.loop, LOOP_SET_FD, disk.image) == 0 &&
           ioctl(disk.loop, LOOP_SET_STATUS64, &info) == 0 && mount_disk();
}

static void
guard(void)
{
    ground_open();
    ground_mkdir("dir");
    ground_write("dir/file", "abc");
    ground_write("file", "abc");
    ground_write("other", "xyz");
    ground.conf.sweep_s = 1;
    ground.conf.watch[0].attrs = CONF_ATTRS_ALL & ~(CONF_ATTR_MTIME | CONF_ATTR_CTIME | CONF_ATTR_GROW);
    CHECK(ground_baseline());
    CHECK(guarding_starts());
}

/* What the next whole sweep says. */
static void
sweep_anew(void)
{
    ground_forget();
    CHECK(sweep_ends());
}

static void
a_store_through_a_mapping_after_close_is_found(void)
{
    guard();
    int fd = open(ground_path("file"), O_RDWR);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    close(fd);
    CHECK(map != MAP_FAILED);
    settle();
    map[0] = 'x';
    sweep_anew();
    CHECK(strstr(ground_says("file", CHANGED), "was=") != NULL);
    munmap(map, 4096);
}

/* The page can be written already, so that nothing takes note of the time: only content shows it. */
static void
a_store_through_a_page_that_was_dirty_before_is_found_by_a_pass(void)
{
    ground_open();
    ground_write("file", "abc");
    int fd = open(ground_path("file"), O_RDWR);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    close(fd);
    CHECK(map != MAP_FAILED);
    map[0] = 'a';
    ground.conf.sweep_s = ground.conf.full_sweep_s = 1;
    CHECK(ground_baseline());
    CHECK(guarding_starts());
    map[0] = 'x';
    for (int64_t end = now_us() + 20000000; now_us() < end && ground_says("file", CHANGED)[0] == '\0';) {
        turn(5);
    }
    CHECK(strncmp(ground_says("file", CHANGED), "was=", 4) == 0);
    munmap(map, 4096);
}

static bool
set_immutable(const char *name, bool on)
{
    int flags = 0, fd = open(ground_path(name), O_RDONLY);
    bool done = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;

    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    done = done && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
    close(fd);
    return done;
}

static void
a_file_made_immutable_and_back_is_found(void)
{
    guard();
    CHECK(set_immutable("file", true));
    sweep_anew();
    CHECK(strstr(ground_says("file", CHANGED), "flags=") != NULL);
    CHECK(set_immutable("file", false));
    sweep_anew();
    CHECK_STR(ground_says("file", CHANGED), "");
}

static void
a_mount_over_a_file_is_told_at_once_and_its_end_too(void)
{
    guard();
    AFTER("echo -n evil > ../evil; mount --bind ../evil file");
    CHECK(strncmp(ground_says("file", CHANGED), "size=3>4", 8) == 0);
    AFTER("umount file");
    CHECK(closed("file"));
}

static void
a_mount_over_a_directory_hides_what_is_told_as_gone(void)
{
    guard();
    AFTER("mount -t tmpfs none dir; echo 1 > dir/new");
    CHECK(ground_says("dir/file", GONE)[0] != '\0');
    CHECK(ground_says("dir/new", ADDED)[0] == 't');
    AFTER("umount dir");
    CHECK(closed("dir/file"));
    CHECK(sweep_ends()); /* what was below cannot be named any more: the end of a sweep closes it */
}

static void
a_file_system_mounted_below_is_watched_from_then_on(void)
{
    guard();
    AFTER("mkdir in; mount -t tmpfs none in; echo 1 > in/first");
    CHECK(ground_says("in/first", ADDED)[0] == 't');
    AFTER("echo 2 > in/late");
    CHECK(ground_says("in/late", ADDED)[0] == 't');
    CHECK(strncmp(ground_aside("in/late"), " by=/", 5) == 0);
    AFTER("umount in; mount -t tmpfs none in; echo 3 > in/again");
    CHECK(ground_says("in/again", ADDED)[0] == 't');
    AFTER("echo 4 > in/later");
    CHECK(ground_says("in/later", ADDED)[0] == 't');
    AFTER("umount in && rmdir in");
    CHECK(closed("in"));
}

static void
a_file_system_mounted_below_a_rule_for_one_only_is_left_alone(void)
{
    guard();
    ground.conf.watch[0].one_fs = true;
    CHECK(guarding_starts());
    AFTER("mkdir in; mount -t tmpfs none in; echo 1 > in/first; mkdir in/sub");
    CHECK(ground_about("in/first") == NULL);
    AFTER("echo 2 > in/late");
    CHECK(ground_about("in/late") == NULL);
    sweep_anew();
    CHECK(ground_about("in/first") == NULL);
    CHECK(ground_about("in/late") == NULL);
    AFTER("umount in && rmdir in");
    CHECK(closed("in"));
}

/* Marks go with the file system; and whoever guards it does not keep it from being unmounted. */
static void
a_file_system_unmounted_and_mounted_again_is_watched_as_before(void)
{
    char text[200];

    guard();
    AFTER("mkdir ../away; mkdir in; mount -t tmpfs none in; mkdir in/sub; echo 1 > in/sub/file");
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text),
                "umount in && mount -t tmpfs none in && mkdir in/sub && echo %d > in/sub/x%d", i, i);
        AFTER(text);
        snprintf(text, sizeof(text), "in/sub/x%d", i);
        CHECK(ground_says(text, ADDED)[0] == 't');
    }
    AFTER("umount in && echo yes > unmounted; rmdir in");
    CHECK(ground_says("unmounted", ADDED)[0] == 't');
}

static bool
mount_overlay(void)
{
    deed("mkdir ../low ../up ../work ov; echo low > ../low/file; echo other > ../low/other;"
         "mount -t overlay none -o lowerdir=../low,upperdir=../up,workdir=../work ov; echo yes > ov/own");
    return access(ground_path("ov/own"), F_OK) == 0;
}

static void
a_write_into_an_overlays_upper_layer_is_found(void)
{
    ground_open();
    if (!mount_overlay()) {
        printf("skipped: no overlay on %s\n", kind);
        return;
    }
    ground.conf.sweep_s = 1;
    CHECK(ground_baseline());
    CHECK(guarding_starts());
    AFTER("echo evil > ov/file");
    CHECK(strstr(ground_says("ov/file", CHANGED), "was=") != NULL); /* by inotify: through the overlay */
    AFTER("echo low > ov/file");
    CHECK(closed("ov/file"));
    deed("echo evil > ../up/own; echo new > ../up/new");
    settle();
    sweep_anew();
    CHECK(strstr(ground_says("ov/own", CHANGED), "was=") != NULL);
    CHECK(ground_says("ov/new", ADDED)[0] == 't');
    deed("umount ov");
}

static void
an_overlay_mounted_over_a_directory_is_told_at_once(void)
{
    guard();
    AFTER("mkdir ../up ../work; echo -n evil > ../up/file;"
          "mount -t overlay none -o lowerdir=dir,upperdir=../up,workdir=../work dir && touch ../mounted");
    if (access(ground_path("../mounted"), F_OK) < 0) {
        printf("skipped: no overlay on %s\n", kind);
        return;
    }
    CHECK(strncmp(ground_says("dir/file", CHANGED), "size=3>4", 8) == 0);
    AFTER("echo more > dir/late");
    CHECK(ground_says("dir/late", ADDED)[0] == 't');
    AFTER("umount dir");
    CHECK(closed("dir/file"));
}

static void
two_files_exchanged_in_one_step_are_both_told(void)
{
    guard();
    ground_forget();
    pid_t pid = fork();
    if (pid == 0) {
        _exit(syscall(SYS_renameat2, AT_FDCWD, ground_path("file"), AT_FDCWD, ground_path("other"),
                      RENAME_EXCHANGE) == 0
                        ? 0
                        : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
    settle();
    CHECK(strstr(ground_says("file", CHANGED), "was=") != NULL);
    CHECK(strstr(ground_says("other", CHANGED), "was=") != NULL);
}

static void
a_file_swapped_for_a_link_to_another_is_told(void)
{
    guard();
    AFTER("echo -n abd > ../evil; ln ../evil ../name; mv ../name file");
    CHECK(strstr(ground_says("file", CHANGED), "was=") != NULL);
}

/* No event names the file: what a new link changes is its inode. */
static void
a_link_made_elsewhere_is_found(void)
{
    guard();
    AFTER("ln file ../outside");
    sweep_anew();
    CHECK(strstr(ground_says("file", CHANGED), "links=1>2") != NULL);
    AFTER("rm ../outside");
    sweep_anew();
    CHECK_STR(ground_says("file", CHANGED), "");
}

/* The event names the place that was written through, and that is not guarded. */
static void
a_write_through_a_link_elsewhere_is_found(void)
{
    guard();
    AFTER("ln file ../outside; echo -n abd > ../outside");
    sweep_anew();
    CHECK(strstr(ground_says("file", CHANGED), "was=") != NULL);
}

static void
a_change_under_restored_times_is_told(void)
{
    guard();
    AFTER("touch -r file ../times; echo -n abd > file; touch -r ../times file");
    CHECK(strstr(ground_says("file", CHANGED), "was=") != NULL);
    AFTER("echo -n abc > file; touch -r ../times file");
    CHECK(closed("file"));
    /* While nobody looked. */
    deed("echo -n abd > dir/file; touch -r ../times dir/file");
    ground_forget();
    CHECK_INT(detector_files_ops.open(&ground.env), 0);
    CHECK(sweep_ends());
    CHECK(strstr(ground_says("dir/file", CHANGED), "was=") != NULL);
}

static void
a_file_cut_and_written_again_to_its_size_is_told(void)
{
    guard();
    AFTER(": > file; echo -n abd > file");
    CHECK(strstr(ground_says("file", CHANGED), "was=") != NULL);
}

/* Where the first block of a file is on its device, in bytes. */
static off_t
place_on_disk(const char *name)
{
    int block = 0, size = 0, fd = open(ground_path(name), O_RDONLY);

    fsync(fd);
    bool found = ioctl(fd, FIGETBSZ, &size) == 0 && ioctl(fd, FIBMAP, &block) == 0;
    close(fd);
    return found ? (off_t)block * size : 0;
}

static void
forget_cached(const char *name)
{
    int fd = open(ground_path(name), O_RDONLY);

    CHECK_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
}

/* Nothing but the content changes: a block, behind the file system. */
static void
a_block_written_on_the_device_is_found_by_a_pass(void)
{
    guard();
    ground.conf.full_sweep_s = 1;
    CHECK(guarding_starts());
    sync();
    off_t at = place_on_disk("file");
    CHECK(at > 0);
    int device = open(disk.device, O_RDWR | O_DIRECT | O_CLOEXEC);
    char *block = aligned_alloc(4096, 4096);

    CHECK_INT(pread(device, block, 4096, at), 4096);
    CHECK_MEM(block, "abc", 3);
    block[2] = 'd';
    CHECK_INT(pwrite(device, block, 4096, at), 4096);
    free(block);
    close(device);
    forget_cached("file");
    settle();
    /* No sweep sees it, but the pass through all content does; sweeps then keep it open. */
    for (int64_t end = now_us() + 20000000; now_us() < end && ground_says("file", CHANGED)[0] == '\0';) {
        turn(5);
    }
    CHECK(strncmp(ground_says("file", CHANGED), "was=", 4) == 0);
    sweep_anew();
    CHECK(strncmp(ground_says("file", CHANGED), "was=", 4) == 0);
}

/* Debugfs writes what the clock would, if it were set back. */
static void
set_change_time(const char *name, const struct timespec *at)
{
    const char *inside = ground_path(name) + strlen(disk.base);
    char text[400], ctime[64];
    struct tm utc;

    gmtime_r(&at->tv_sec, &utc);
    strftime(ctime, sizeof(ctime), "%Y%m%d%H%M%S", &utc);
    snprintf(text, sizeof(text),
            "debugfs -w -R 'set_inode_field %s ctime %s' %s 2>/dev/null &&"
            "debugfs -w -R 'set_inode_field %s ctime_extra %lu' %s 2>/dev/null",
            inside, ctime, disk.device, inside, (unsigned long)at->tv_nsec << 2, disk.device);
    CHECK(run("%s", text));
}

/* While the disk is away: for who looks again nothing but the content is another. */
static void
change_under_a_rolled_clock(void)
{
    struct stat before, after;

    deed("cd /");
    CHECK(unmount_disk());
    CHECK(mount_disk());
    CHECK_INT(stat(ground_path("file"), &before), 0);
    const struct timespec times[] = { before.st_atim, before.st_mtim };
    ground_write("file", "abd");
    CHECK_INT(utimensat(AT_FDCWD, ground_path("file"), times, 0), 0);
    CHECK_INT(umount(disk.base), 0);
    set_change_time("file", &before.st_ctim);
    CHECK(mount_disk());
    CHECK_INT(stat(ground_path("file"), &after), 0);
    CHECK_MEM(&after.st_ctim, &before.st_ctim, sizeof(before.st_ctim));
    CHECK_MEM(&after.st_mtim, &before.st_mtim, sizeof(before.st_mtim));
}

static bool
all_content_was_read(void)
{
    struct detector_status s;

    status_init(&s, "files");
    detector_files_ops.status(&s);
    return strstr(s.note, "all content read") != NULL;
}

/* A change time from before: sweeps see nothing, and the next pass through all content does. */
static void
a_change_under_a_rolled_clock_is_found_by_a_pass_of_the_detector_that_runs(void)
{
    static const uint32_t passes_s[] = { 86400, 1 };
    char state[] = "/tmp/tocsin-state-XXXXXX";

    CHECK(mkdtemp(state) != NULL);
    for (int i = 0; i < 2; i++) {
        ground_open();
        ground_write("file", "abc");
        /* Not on the disk: the baseline's file is kept open. */
        snprintf(ground.state, sizeof(ground.state), "%s", state);
        snprintf(ground.conf.state_dir, sizeof(ground.conf.state_dir), "%s", state);
        ground.conf.sweep_s = 1;
        ground.conf.full_sweep_s = passes_s[i];
        CHECK(ground_baseline());
        CHECK(guarding_starts());
        for (int64_t end = now_us() + 20000000; now_us() < end && !all_content_was_read();) {
            turn(5);
        }
        CHECK(all_content_was_read());
        sweep_anew(); /* by now the file is old enough to be known by its times */
        change_under_a_rolled_clock();
        ground_forget();
        settle();
        if (i == 0) {
            sweep_anew();
            sweep_anew();
            CHECK_STR(ground_says("file", CHANGED), "");
            continue;
        }
        for (int64_t end = now_us() + 20000000; now_us() < end && ground_says("file", CHANGED)[0] == '\0';) {
            turn(5);
        }
        CHECK(strncmp(ground_says("file", CHANGED), "was=", 4) == 0);
    }
    CHECK(run("rm -r %s", state));
}

/* Whoever touches a file in a loop cannot keep it from being told. */
static void
a_file_that_changes_while_it_is_read_is_told_as_unstable(void)
{
    enum { SIZE = 8 << 20 };
    int fd;

    ground_open();
    fd = open(ground_path("big"), O_RDWR | O_CREAT, 0644);
    CHECK_INT(posix_fallocate(fd, 0, SIZE), 0);
    CHECK(ground_baseline());
    ground.conf.sweep_s = 1;
    CHECK(guarding_starts());
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            futimens(fd, NULL);
        }
    }
    close(fd);
    bool told = false;
    for (int64_t end = now_us() + 20000000; now_us() < end && !told;) {
        turn(5);
        told = strstr(ground_says("big", CHANGED), "unstable") != NULL;
    }
    CHECK(told);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    settle();
    sweep_anew();
    CHECK(closed("big") || ground_says("big", CHANGED)[0] == '\0');
}

static void
on_any_file_system(void)
{
    CHECK_RUN(a_store_through_a_mapping_after_close_is_found);
    CHECK_RUN(a_store_through_a_page_that_was_dirty_before_is_found_by_a_pass);
    CHECK_RUN(a_mount_over_a_file_is_told_at_once_and_its_end_too);
    CHECK_RUN(a_mount_over_a_directory_hides_what_is_told_as_gone);
    CHECK_RUN(a_file_system_mounted_below_is_watched_from_then_on);
    CHECK_RUN(a_file_system_mounted_below_a_rule_for_one_only_is_left_alone);
    CHECK_RUN(a_file_system_unmounted_and_mounted_again_is_watched_as_before);
    CHECK_RUN(a_write_into_an_overlays_upper_layer_is_found);
    CHECK_RUN(an_overlay_mounted_over_a_directory_is_told_at_once);
    CHECK_RUN(two_files_exchanged_in_one_step_are_both_told);
    CHECK_RUN(a_file_swapped_for_a_link_to_another_is_told);
    CHECK_RUN(a_link_made_elsewhere_is_found);
    CHECK_RUN(a_write_through_a_link_elsewhere_is_found);
    CHECK_RUN(a_change_under_restored_times_is_told);
    CHECK_RUN(a_file_cut_and_written_again_to_its_size_is_told);
    CHECK_RUN(a_file_that_changes_while_it_is_read_is_told_as_unstable);
}

/* Each in a mount namespace of its own, which takes its mounts with it. */
static void
in_namespace(const char *name, bool (*opens)(void), void (*tests)(void))
{
    int status = -1;

    snprintf(disk.base, sizeof(disk.base), "/tmp/tocsin-blind-XXXXXX");
    CHECK(mkdtemp(disk.base) != NULL);
    pid_t pid = fork();
    if (pid == 0) {
        kind = name;
        printf("-- %s\n", name);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !opens()) {
            printf("skipped: %s cannot be mounted here: %s\n", name, strerror(errno));
            _exit(CHECK_SKIPPED);
        }
        ground_base = disk.base;
        doer_start();
        tests();
        doer_stop();
        _exit(check_failures == 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    rmdir(disk.base);
    if (WIFEXITED(status) && WEXITSTATUS(status) != CHECK_SKIPPED) {
        check_tests++;
    }
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CHECK_SKIPPED));
}

static bool
tmpfs_opens(void)
{
    return mount("none", disk.base, "tmpfs", 0, "size=64m") == 0;
}

static void
on_disk(void)
{
    on_any_file_system();
    CHECK_RUN(a_file_made_immutable_and_back_is_found);
    CHECK_RUN(a_block_written_on_the_device_is_found_by_a_pass);
    CHECK_RUN(a_change_under_a_rolled_clock_is_found_by_a_pass_of_the_detector_that_runs);
}

int
main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (geteuid() != 0) {
        printf("skipped: mounts need root\n");
        return CHECK_SKIPPED;
    }
    in_namespace("ext4", disk_opens, on_disk);
    in_namespace("tmpfs", tmpfs_opens, on_any_file_system);
    if (check_tests == 0 && check_failures == 0) {
        return CHECK_SKIPPED;
    }
    return check_result();
}
