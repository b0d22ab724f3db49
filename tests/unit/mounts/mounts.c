/*
 * The detector against real mounts, in a mount namespace of their own: nothing is seen outside of it, and it
 * ends with the process. Needs the right to mount.
 */
#include "support/check.h"
#include "watch/detector.h"
#include "watch/mounts_device.h"
#include "watch/mounts_info.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTES 256
#define PATH 128
#define LATENCIES 101

static struct conf conf;
static struct finding notes[NOTES];
static unsigned note_count;
static char dir[] = "/tmp/tocsin-mounts-XXXXXX";
static char guarded[PATH];

static void
take_note(void *to, const struct finding *f)
{
    (void)to;
    CHECK(finding_valid(f, sizeof(*f)));
    CHECK(note_count < NOTES);
    if (note_count < NOTES) {
        notes[note_count++] = *f;
    }
}

static const struct detector_env env = { .conf = &conf, .report = take_note };

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The code of what is open in the core after the last pass and has this in its text: one finding, or -1. */
static int
open_code(const char *text)
{
    int code = -1;

    for (unsigned i = note_count; i-- > 0 && notes[i].op != FINDING_PASS_BEGIN;) {
        if (notes[i].op == FINDING_OPEN && notes[i].source == FINDING_MOUNTS &&
                strstr(notes[i].text, text) != NULL) {
            CHECK_INT(code, -1);
            code = notes[i].code;
        }
    }
    return code;
}

static unsigned
passes(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < note_count; i++) {
        count += notes[i].op == FINDING_PASS_END;
    }
    return count;
}

/* The look that is due each second, where a mount is listed. */
static void
look(void)
{
    CHECK_INT(detector_mounts_ops.work(1000), conf.mounts > 0 ? 2000 : 60000);
}

/* The look after an event, as the role does it. False when the kernel tells of none. */
static bool
look_by_event(void)
{
    struct pollfd fds[DETECTOR_FDS];
    int n = detector_mounts_ops.fds(fds, DETECTOR_FDS);

    CHECK_INT(n, 1);
    if (poll(fds, (nfds_t)n, 2000) != 1) {
        return false;
    }
    detector_mounts_ops.ready(fds, n);
    look();
    return true;
}

static void
make_dir(const char *path)
{
    CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void
mount_tmpfs(const char *path, const char *source, unsigned long flags)
{
    int status = mount(source, path, "tmpfs", flags, "size=64k");

    CHECK_INT(status, 0);
}

/* Begins anew with one guarded mount point, where a tmpfs is mounted with these flags. */
static void
begin(const char *options, unsigned long flags)
{
    char text[2 * PATH];
    int len = snprintf(text, sizeof(text), "Host a\nMount %s %s\n", guarded, options);

    while (umount2(guarded, MNT_DETACH) == 0) {
    }
    CHECK(conf_init(&conf, NULL, NULL));
    CHECK_INT(conf_parse(&conf, "t", text, (size_t)len, NULL, NULL), 0);
    mount_tmpfs(guarded, "first", flags);
    note_count = 0;
}

static void
start(void)
{
    CHECK_INT(detector_mounts_ops.open(&env), 0);
    for (int i = 0; i < 4; i++) {
        look(); /* from the third on single mounts are asked for */
    }
    CHECK_INT(passes(), 1);
}

static void
a_remount_is_told_by_event_and_is_over_when_undone(void)
{
    begin("ro", MS_RDONLY);
    start();
    CHECK_INT(open_code(guarded), -1);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT, NULL), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("layer=mount,superblock"), FINDING_MOUNT_RW);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code(guarded), -1);
}

static void
nothing_is_told_while_nothing_changes(void)
{
    begin("ro", 0);
    start();
    CHECK_INT(open_code(guarded), FINDING_MOUNT_RW);
    unsigned before = note_count;

    for (int i = 0; i < 3; i++) {
        look();
    }
    CHECK_INT(note_count, before);
    (void)detector_mounts_ops.work(1000 + 60000);
    CHECK_INT(passes(), 2);
    CHECK_INT(open_code(guarded), FINDING_MOUNT_RW);
}

static void
a_mount_that_is_read_only_by_its_flag_alone_is_writable(void)
{
    begin("ro", 0);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    start();
    CHECK_INT(open_code("layer=superblock"), FINDING_MOUNT_RW);
    begin("ro bind", 0);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    start();
    CHECK_INT(open_code(guarded), -1);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_BIND, NULL), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("layer=mount"), FINDING_MOUNT_RW);
}

/* The kernel makes no event of it in our namespace. */
static void
a_superblock_made_writable_from_another_namespace_is_seen(void)
{
    begin("ro", MS_RDONLY);
    start();
    pid_t pid = fork();
    if (pid == 0) {
        bool done = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    mount(NULL, guarded, NULL, MS_REMOUNT, NULL) == 0;

        _exit(done ? 0 : 1);
    }
    int status = -1;

    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
    look();
    CHECK_INT(open_code("layer=superblock"), FINDING_MOUNT_RW);
}

/* The folder of a mount is renamed, which makes no event either. */
static void
a_mount_that_is_carried_away_with_its_folder_is_seen_and_one_that_is_brought_within_ten_seconds(void)
{
    static const char listed[] = "Host a\nMount %s/folder/there rw nosuid\nWatch %s/watched\n";
    char text[4 * PATH];
    char folder[PATH], there[PATH], elsewhere[PATH], watched[PATH];
    int len = snprintf(text, sizeof(text), listed, dir, dir);

    snprintf(folder, sizeof(folder), "%s/folder", dir);
    snprintf(there, sizeof(there), "%s/folder/there", dir);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
    snprintf(watched, sizeof(watched), "%s/watched", dir);
    CHECK(conf_init(&conf, NULL, NULL));
    CHECK_INT(conf_parse(&conf, "t", text, (size_t)len, NULL, NULL), 0);
    make_dir(folder);
    make_dir(there);
    mount_tmpfs(there, "first", MS_NOSUID);
    note_count = 0;
    start();
    CHECK_INT(open_code(""), -1);
    CHECK_INT(rename(folder, elsewhere), 0);
    look();
    CHECK_INT(open_code("why=unmounted"), FINDING_MOUNT_GONE);
    CHECK_INT(rename(elsewhere, folder), 0);
    look();
    CHECK_INT(open_code(""), -1);

    make_dir(elsewhere);
    char other[PATH + 8];
    snprintf(other, sizeof(other), "%s/other", elsewhere);
    make_dir(other);
    mount_tmpfs(other, "other", 0);
    note_count = 0;
    start();
    CHECK_INT(rename(elsewhere, watched), 0);
    CHECK_INT(detector_mounts_ops.work(11000), 12000);
    CHECK_INT(open_code("from=other"), FINDING_MOUNT_ADDED);
    CHECK_INT(umount(there), 0);
    snprintf(other, sizeof(other), "%s/other", watched);
    CHECK_INT(umount(other), 0);
    CHECK(rmdir(other) == 0 && rmdir(watched) == 0 && rmdir(there) == 0 && rmdir(folder) == 0);
}

static void
another_mount_on_top_is_told_until_it_is_gone(void)
{
    begin("ro", MS_RDONLY);
    start();
    mount_tmpfs(guarded, "cover up", MS_RDONLY);
    CHECK(look_by_event());
    CHECK_INT(open_code("why=overmounted fs=tmpfs from=cover%20up"), FINDING_MOUNT_GONE);
    CHECK_INT(open_code(guarded), FINDING_MOUNT_GONE); /* and nothing else about the same path */
    CHECK_INT(umount(guarded), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code(guarded), -1);
    mount_tmpfs(dir, "above", 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("why=overmounted at=/tmp/"), FINDING_MOUNT_GONE);
    CHECK_INT(open_code("from=above dev="), FINDING_MOUNT_ADDED);
    CHECK_INT(umount(dir), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code(""), -1);
}

static void
an_unmount_is_told_and_another_file_system_in_its_place_too(void)
{
    char aside[PATH];

    begin("ro", MS_RDONLY);
    start();
    CHECK_INT(umount(guarded), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("why=unmounted"), FINDING_MOUNT_GONE);
    mount_tmpfs(guarded, "other", MS_RDONLY);
    CHECK(look_by_event());
    CHECK_INT(open_code("from=other"), FINDING_MOUNT_ADDED);
    CHECK_INT(umount(guarded), 0);
    snprintf(aside, sizeof(aside), "%s/aside", dir);
    make_dir(aside);
    mount_tmpfs(aside, "aside", 0); /* takes the numbers that were free */
    mount_tmpfs(guarded, "first", MS_RDONLY);
    CHECK(look_by_event());
    CHECK_INT(open_code(""), -1);
    CHECK_INT(umount(aside), 0);
    CHECK_INT(rmdir(aside), 0);
}

static void
what_was_missing_at_the_start_may_come(void)
{
    begin("ro", MS_RDONLY);
    CHECK_INT(umount(guarded), 0);
    start();
    CHECK_INT(open_code("why=unmounted"), FINDING_MOUNT_GONE);
    mount_tmpfs(guarded, "late", MS_RDONLY);
    CHECK(look_by_event());
    CHECK_INT(open_code(""), -1);
}

static void
an_option_that_is_missing_is_told(void)
{
    begin("rw nosuid nodev", MS_NOSUID | MS_NODEV);
    start();
    CHECK_INT(open_code(""), -1);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("missing=nosuid "), FINDING_MOUNT_CHANGED);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL), 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("state=ro "), FINDING_MOUNT_CHANGED);
}

static void
a_new_mount_at_or_below_a_watched_path_is_told(void)
{
    static const char *const names[] = { "w", "w/old", "w/new \x1b[2J\n", "w/left-out", "aside" };
    char path[5][PATH];

    begin("ro", MS_RDONLY);
    for (int i = 0; i < 5; i++) {
        snprintf(path[i], PATH, "%s/%s", dir, names[i]);
        make_dir(path[i]);
    }
    snprintf(conf.watch[0].path, CONF_PATH, "%s/w-link", dir);
    CHECK_INT(symlink(path[0], conf.watch[0].path), 0); /* a watched path may be one */
    conf.watches = 1;
    snprintf(conf.ignore[0], CONF_PATH, "%s", path[3]);
    conf.ignores = 1;
    mount_tmpfs(path[1], "old", 0);
    start();
    CHECK_INT(open_code(""), -1);
    mount_tmpfs(path[3], "left out", 0);
    mount_tmpfs(path[4], "aside", 0);
    CHECK(look_by_event());
    CHECK_INT(open_code(""), -1);
    mount_tmpfs(path[2], "new", 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("/w/new%20%1B[2J%0A fs=tmpfs from=new"), FINDING_MOUNT_ADDED);
    mount_tmpfs(path[1], "old", 0); /* a second one like the first is new all the same */
    CHECK(look_by_event());
    CHECK_INT(open_code("/w/old fs=tmpfs from=old"), FINDING_MOUNT_ADDED);
    for (int i = 1; i < 5; i++) {
        CHECK_INT(umount(path[i]), 0);
    }
    CHECK(look_by_event());
    CHECK_INT(open_code(""), -1);
    CHECK_INT(umount(path[1]), 0);
    unlink(conf.watch[0].path);
    for (int i = 4; i >= 0; i--) {
        CHECK_INT(rmdir(path[i]), 0);
    }
}

/* More than there are places. */
static void
a_mount_that_went_needs_no_place(void)
{
    char path[PATH];
    char name[16];

    begin("ro", MS_RDONLY);
    snprintf(path, sizeof(path), "%s/w", dir);
    make_dir(path);
    snprintf(conf.watch[0].path, CONF_PATH, "%s", path);
    conf.watches = 1;
    start();
    for (int i = 0; i < 1100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        mount_tmpfs(path, name, 0);
        CHECK(look_by_event());
        CHECK_INT(umount(path), 0);
        CHECK(look_by_event());
        CHECK_INT(open_code(""), -1);
        note_count = 0;
    }
    mount_tmpfs(path, "last", 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("from=last"), FINDING_MOUNT_ADDED);
    CHECK_INT(umount(path), 0);
    CHECK_INT(rmdir(path), 0);
}

static void
mountinfo_is_read_each_second_only_where_a_mount_is_listed(void)
{
    begin("ro", MS_RDONLY);
    start();
    snprintf(conf.watch[0].path, CONF_PATH, "%s", dir);
    conf.watches = 1;
    conf.mounts = 0;
    note_count = 0;
    start();
    CHECK_INT(umount(guarded), 0);
    CHECK(look_by_event());
    mount_tmpfs(guarded, "another", 0);
    CHECK(look_by_event());
    CHECK_INT(open_code("fs=tmpfs from=another"), FINDING_MOUNT_ADDED);
}

static void
one_pass_of_check_finds_the_same(void)
{
    begin("ro", 0);
    CHECK_INT(detector_mounts_ops.check(&env), 0);
    CHECK_INT(open_code("layer=mount,superblock"), FINDING_MOUNT_RW);
    begin("ro", MS_RDONLY);
    CHECK_INT(detector_mounts_ops.check(&env), 0);
    CHECK_INT(open_code(""), -1);
    CHECK_INT(passes(), 1);
}

static int
by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
every_remount_is_told_by_event(void)
{
    static int64_t took_us[LATENCIES];
    int idle_us = 0;

    begin("ro", MS_RDONLY);
    start();
    for (int i = 0; i < LATENCIES; i++) {
        note_count = 0;
        int64_t before = now_us();

        CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | (i % 2 == 0 ? 0 : MS_RDONLY), NULL), 0);
        CHECK(look_by_event());
        took_us[i] = now_us() - before;
        CHECK_INT(open_code(guarded), i % 2 == 0 ? FINDING_MOUNT_RW : -1);
    }
    int64_t before = now_us();

    for (int i = 0; i < 100; i++) {
        look();
    }
    idle_us = (int)((now_us() - before) / 100);
    qsort(took_us, LATENCIES, sizeof(took_us[0]), by_size);
    printf("     remount to finding: median %lld us, highest %lld us; a look without news %d us\n",
            (long long)took_us[LATENCIES / 2], (long long)took_us[LATENCIES - 1], idle_us);
}

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool
run(const char *format, ...)
{
    char command[4 * PATH];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    return system(command) == 0;
}

/* A small ext4 on a loop device that is freed with its last mount. */
static bool
mount_ext4(void)
{
    char image[PATH];

    while (umount2(guarded, MNT_DETACH) == 0) {
    }
    snprintf(image, sizeof(image), "%s/image", dir);
    bool done = run("truncate -s 1M %s", image) &&
                run("mke2fs -q -t ext4 -O ^has_journal %s >/dev/null 2>&1", image) &&
                run("mount -n -i -o loop,errors=remount-ro %s %s 2>/dev/null", image, guarded);

    unlink(image);
    return done;
}

static int
open_device(const char *path)
{
    char name[PATH];
    struct stat st;

    CHECK_INT(stat(path, &st), 0);
    snprintf(name, sizeof(name), "/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(name, sizeof(name), "/dev/loop%u", minor(st.st_dev));
        fd = open(name, O_RDONLY | O_CLOEXEC);
    }
    return fd;
}

/* Neither makes an event. */
static void
a_device_set_writable_and_errors_of_ext4_are_seen(void)
{
    int on = 1;
    int off = 0;

    begin("ro device", MS_RDONLY);
    if (!mount_ext4()) {
        printf("     left out: no ext4 on a loop device here (needs mke2fs, mount and loop devices)\n");
        return;
    }
    int device = open_device(guarded);

    CHECK(device >= 0);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    CHECK_INT(ioctl(device, BLKROSET, &on), 0);
    start();
    CHECK_INT(open_code(""), -1);
    CHECK_INT(ioctl(device, BLKROSET, &off), 0);
    look();
    CHECK_INT(open_code("layer=device "), FINDING_MOUNT_RW);
    CHECK_INT(ioctl(device, BLKROSET, &on), 0);
    look();
    CHECK_INT(open_code(""), -1);

    CHECK_INT(ioctl(device, BLKROSET, &off), 0);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT, NULL), 0);
    conf.mount[0].read_only = false;
    conf.mount[0].options = 0;
    note_count = 0;
    start();
    CHECK_INT(open_code(""), -1);
    struct stat st;

    CHECK_INT(fstat(device, &st), 0);
    CHECK(run("echo 1 >/sys/fs/ext4/loop%u/trigger_fs_error", minor(st.st_rdev)));
    look();
    CHECK_INT(open_code("why=errors errors=1 "), FINDING_MOUNT_CHANGED);
    close(device);
}

/* A device that is set read-only, taken away, and another that gets its number. */
static void
a_device_whose_number_is_used_again_is_not_what_it_was(void)
{
    struct mounts_device_files files = { .major = 0 };
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int number = control >= 0 ? ioctl(control, LOOP_CTL_ADD, -1) : -1;
    char name[PATH];
    struct stat st;
    int on = 1;

    snprintf(name, sizeof(name), "/dev/loop%d", number);
    int device = number >= 0 ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (device < 0) {
        printf("     left out: no loop devices to be made here\n");
        return;
    }
    CHECK_INT(fstat(device, &st), 0);
    CHECK_INT(mounts_device_read(&files, major(st.st_rdev), minor(st.st_rdev), false).state, DEVICE_RW);
    CHECK_INT(ioctl(device, BLKROSET, &on), 0);
    CHECK_INT(mounts_device_read(&files, major(st.st_rdev), minor(st.st_rdev), false).state, DEVICE_RO);
    close(device);
    for (int tries = 0; ioctl(control, LOOP_CTL_REMOVE, number) != 0 && tries < 100; tries++) {
        usleep(10000); /* who looks at new devices has it open */
    }
    CHECK_INT(mounts_device_read(&files, major(st.st_rdev), minor(st.st_rdev), false).state, DEVICE_UNKNOWN);
    CHECK_INT(ioctl(control, LOOP_CTL_ADD, number), number);
    CHECK_INT(mounts_device_read(&files, major(st.st_rdev), minor(st.st_rdev), false).state, DEVICE_RW);
    CHECK_INT(ioctl(control, LOOP_CTL_REMOVE, number), 0);
    mounts_device_close(&files);
    close(control);
}

/* The severity of the one open finding, or -1. */
static int
open_severity(const char *text)
{
    for (unsigned i = note_count; i-- > 0 && notes[i].op != FINDING_PASS_BEGIN;) {
        if (notes[i].op == FINDING_OPEN && strstr(notes[i].text, text) != NULL) {
            return notes[i].severity;
        }
    }
    return -1;
}

static void
a_mount_with_a_window_is_a_note_until_the_window_is_over(void)
{
    begin("ro window=30m", MS_RDONLY);
    start();
    CHECK_INT(open_code(""), -1);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT, NULL), 0);
    for (int64_t at = 5000; at < 5000 + 1800000; at += 600000) {
        CHECK(detector_mounts_ops.work(at) <= at + 1000);
        CHECK_INT(open_code("state=tolerated window_s=1800"), FINDING_MOUNT_RW);
        CHECK_INT(open_severity(guarded), WIRE_NOTE);
        note_count = 0;
    }
    CHECK_INT(detector_mounts_ops.work(5000 + 1799900), 5000 + 1800000); /* it does not come late */
    CHECK_INT(detector_mounts_ops.work(5000 + 1800000) > 0, 1);
    CHECK_INT(open_code("state=overdue"), FINDING_MOUNT_RW);
    CHECK_INT(open_severity(guarded), WIRE_ALRT);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    (void)detector_mounts_ops.work(2000000);
    CHECK_INT(open_code(""), -1);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT, NULL), 0);
    (void)detector_mounts_ops.work(2010000); /* the window begins anew */
    CHECK_INT(open_severity(guarded), WIRE_NOTE);
}

/* Devices of our own, with the links that udev makes. False when none may be made. */
static bool
make_devices(dev_t device)
{
    if (mount("dev", "/dev", "tmpfs", 0, "size=64k") != 0) {
        return false;
    }
    make_dir("/dev/disk");
    make_dir("/dev/disk/by-label");
    return mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0 &&
           mknod("/dev/ours", S_IFBLK | 0600, device) == 0 &&
           mknod("/dev/other", S_IFBLK | 0600, makedev(7, 199)) == 0 &&
           symlink("../../ours", "/dev/disk/by-label/back\\x20up") == 0;
}

/* More than there are places for in a table. */
static bool
mount_many(void)
{
    bool done = mount("none", "/mnt", "tmpfs", 0, NULL) == 0;

    for (int i = 0; i < MOUNTS_MAX + 100 && done; i++) {
        done = mount("/mnt", "/mnt", NULL, MS_BIND, NULL) == 0;
    }
    return done;
}

/* The process that is looked at first sees none of them, one that it leaves behind all. */
static bool
look_away(void)
{
    char path[PATH];
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    snprintf(path, sizeof(path), "%s/empty", dir);
    return pid > 0 && mkdir(path, 0700) == 0 && chroot(path) == 0;
}

/* In a mount namespace of its own: mounts the disk and says so. */
static pid_t
mount_elsewhere(int said[2])
{
    char byte = 0;
    pid_t pid = fork();

    if (pid == 0) {
        bool done = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    mount_many() && mount("/dev/ours", guarded, "ext4", 0, NULL) == 0 && look_away();

        (void)!write(said[1], done ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    CHECK_INT(read(said[0], &byte, 1), 1);
    CHECK_INT(byte, 'y');
    return pid;
}

static void
a_disk_is_judged_wherever_it_is_mounted(void)
{
    static const char text[] = "Host a\nMount \"LABEL=back up\" ro\n";
    int said[2] = { -1, -1 };
    char path[PATH];
    struct stat st;

    if (!mount_ext4() || stat(guarded, &st) != 0) {
        printf("     left out: no ext4 on a loop device here\n");
        return;
    }
    int device = open_device(guarded); /* keeps the loop device, which goes with its last user */

    CHECK(device >= 0 && make_devices(st.st_dev) && pipe(said) == 0);
    CHECK(conf_init(&conf, NULL, NULL));
    CHECK_INT(conf_parse(&conf, "t", text, sizeof(text) - 1, NULL, NULL), 0);
    note_count = 0;
    start();
    CHECK_INT(open_code("disk=LABEL%3Dback%20up at="), FINDING_MOUNT_RW);
    CHECK_INT(unlink("/dev/disk/by-label/back\\x20up"), 0); /* which hides nothing that is mounted */
    look();
    CHECK_INT(open_code("layer=mount,superblock"), FINDING_MOUNT_RW);
    CHECK_INT(symlink("../../other", "/dev/disk/by-label/back\\x20up"), 0); /* nor does this */
    look();
    CHECK_INT(open_code("layer=mount,superblock"), FINDING_MOUNT_RW);
    CHECK_INT(unlink("/dev/disk/by-label/back\\x20up"), 0);
    CHECK_INT(symlink("../../ours", "/dev/disk/by-label/back\\x20up"), 0);
    CHECK_INT(mount(NULL, guarded, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    look();
    CHECK_INT(open_code(""), -1);
    CHECK_INT(umount(guarded), 0);
    look();
    CHECK_INT(open_code(""), -1);

    pid_t pid = mount_elsewhere(said);

    (void)detector_mounts_ops.work(62000);
    CHECK_INT(open_code("layer=elsewhere ns="), FINDING_MOUNT_RW);
    if (pid > 1) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    for (int64_t now_ms = 124000; open_code("") != -1 && now_ms < 12400000; now_ms += 62000) {
        usleep(10000); /* the other one ends with it, a moment later */
        (void)detector_mounts_ops.work(now_ms);
    }
    CHECK_INT(open_code(""), -1);
    close(device);
    snprintf(path, sizeof(path), "%s/empty", dir);
    CHECK_INT(rmdir(path), 0);
    CHECK_INT(umount2("/dev", MNT_DETACH), 0);
}

static int
run_all(void)
{
    CHECK_RUN(a_remount_is_told_by_event_and_is_over_when_undone);
    CHECK_RUN(nothing_is_told_while_nothing_changes);
    CHECK_RUN(a_mount_that_is_read_only_by_its_flag_alone_is_writable);
    CHECK_RUN(a_superblock_made_writable_from_another_namespace_is_seen);
    CHECK_RUN(
            a_mount_that_is_carried_away_with_its_folder_is_seen_and_one_that_is_brought_within_ten_seconds);
    CHECK_RUN(another_mount_on_top_is_told_until_it_is_gone);
    CHECK_RUN(an_unmount_is_told_and_another_file_system_in_its_place_too);
    CHECK_RUN(what_was_missing_at_the_start_may_come);
    CHECK_RUN(an_option_that_is_missing_is_told);
    CHECK_RUN(a_new_mount_at_or_below_a_watched_path_is_told);
    CHECK_RUN(a_mount_that_went_needs_no_place);
    CHECK_RUN(mountinfo_is_read_each_second_only_where_a_mount_is_listed);
    CHECK_RUN(one_pass_of_check_finds_the_same);
    CHECK_RUN(every_remount_is_told_by_event);
    CHECK_RUN(a_device_set_writable_and_errors_of_ext4_are_seen);
    CHECK_RUN(a_device_whose_number_is_used_again_is_not_what_it_was);
    CHECK_RUN(a_mount_with_a_window_is_a_note_until_the_window_is_over);
    CHECK_RUN(a_disk_is_judged_wherever_it_is_mounted);
    while (umount2(guarded, MNT_DETACH) == 0) {
    }
    return check_result();
}

int
main(void)
{
    int status = -1;
    pid_t pid = mkdtemp(dir) != NULL ? fork() : -1;

    snprintf(guarded, sizeof(guarded), "%s/guarded", dir);
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
            printf("skipped: no mount namespace of our own: %s\n", strerror(errno));
            exit(CHECK_SKIPPED);
        }
        make_dir(guarded);
        exit(run_all());
    }
    if (pid > 0) {
        waitpid(pid, &status, 0);
    }
    rmdir(guarded);
    rmdir(dir);
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
