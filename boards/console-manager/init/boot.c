#include "init/boot.h"

#include "init/say.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define ORDER "/lib/modules/order"
#define MADE "/etc/image-made" /* seconds since 1970 */

bool
boot_put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0) {
        (void)close(fd);
    }
    return done;
}

static void
put_in(const char *what, const char *on, const char *options, unsigned long flags)
{
    (void)mkdir(on, 0755);
    if (mount(what, on, what, flags, options) != 0 && errno != EBUSY) {
        say_fault("%s cannot be mounted on %s: %s", what, on, strerror(errno));
    }
}

void
boot_mounts(void)
{
    const unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    put_in("devtmpfs", "/dev", "mode=0755", MS_NOSUID | MS_NOEXEC);
    for (int fd = 0; fd < 3; fd++) {
        (void)close(fd);
    }
    (void)open("/dev/null", O_RDWR);
    (void)dup(0);
    (void)dup(0);
    say_open();
    put_in("proc", "/proc", "", plain);
    put_in("sysfs", "/sys", "", plain);
    put_in("devpts", "/dev/pts", "mode=0600,ptmxmode=0666", MS_NOSUID | MS_NOEXEC);
    (void)unlink("/dev/ptmx");
    (void)symlink("pts/ptmx", "/dev/ptmx");
    put_in("tmpfs", "/run", "mode=0755,size=50%", plain);
    put_in("tmpfs", "/tmp", "mode=1777,size=16m", plain);
}

static bool
load(const char *name)
{
    char path[160];
    int fd;
    bool loaded;

    (void)snprintf(path, sizeof path, "/lib/modules/%s.ko", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    loaded = fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0;
    if (!loaded && errno != EEXIST && errno != ENODEV) {
        say_fault("module %s: %s", name, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return loaded;
}

void
boot_modules(void)
{
    char name[64];
    unsigned loaded = 0;
    FILE *order = fopen(ORDER, "re");

    if (order == NULL) {
        say_fault("%s: %s", ORDER, strerror(errno));
        return;
    }
    while (fscanf(order, "%63s", name) == 1) {
        loaded += load(name);
    }
    (void)fclose(order);
    say_well("%u modules are loaded", loaded);
}

void
boot_switches(void)
{
    static const char *const set[][2] = {
        { "kernel/panic", "10" },
        { "kernel/panic_on_oops", "1" },
        { "kernel/sysrq", "0" },
        { "kernel/kexec_load_disabled", "1" },
        { "kernel/dmesg_restrict", "1" },
        { "kernel/kptr_restrict", "2" },
        { "kernel/perf_event_paranoid", "3" },
        { "kernel/unprivileged_bpf_disabled", "1" },
        { "kernel/yama/ptrace_scope", "3" },
        /* What no fsync(2) asked for, as transcripts, is on the disk after two seconds. */
        { "vm/dirty_expire_centisecs", "100" },
        { "vm/dirty_writeback_centisecs", "100" },
    };

    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
        char path[80];

        (void)snprintf(path, sizeof path, "/proc/sys/%s", set[i][0]);
        if (!boot_put(path, set[i][1])) {
            say_fault("%s cannot be set", path);
        }
    }
}

void
boot_modules_end(void)
{
    (void)boot_put("/proc/sys/kernel/modules_disabled", "1");
}

/* UTC, as the image expects of the hardware's clock; 0 when it cannot be read. */
static time_t
hardware_clock(void)
{
    struct rtc_time at;
    struct tm tm = { 0 };
    int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
    bool got = fd >= 0 && ioctl(fd, RTC_RD_TIME, &at) == 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    if (!got) {
        return 0;
    }
    tm.tm_sec = at.tm_sec;
    tm.tm_min = at.tm_min;
    tm.tm_hour = at.tm_hour;
    tm.tm_mday = at.tm_mday;
    tm.tm_mon = at.tm_mon;
    tm.tm_year = at.tm_year;
    return timegm(&tm);
}

bool
boot_clock(void)
{
    char text[32] = "";
    FILE *file = fopen(MADE, "re");
    struct timeval now = { 0 };
    time_t made;

    if (file != NULL) {
        (void)!fgets(text, sizeof text, file);
        (void)fclose(file);
    }
    made = (time_t)strtoll(text, NULL, 10);
    if (time(NULL) >= made) {
        return true;
    }
    now.tv_sec = hardware_clock();
    if (now.tv_sec >= made) {
        return settimeofday(&now, NULL) == 0;
    }
    now.tv_sec = made;
    (void)settimeofday(&now, NULL);
    say_alarm("the clock has lost the time; it goes on from when this image was made");
    return false;
}

void
boot_seal_root(void)
{
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0) {
        say_fault("/ stays writable: %s", strerror(errno));
    }
}
