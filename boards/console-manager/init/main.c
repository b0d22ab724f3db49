/*
 * belfry-init - the first process of a console manager that runs belfry and nothing else
 */
#include "init/boot.h"
#include "init/devices.h"
#include "init/disk.h"
#include "init/files.h"
#include "init/keep.h"
#include "init/network.h"
#include "init/say.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DISK_WAIT_S 15
#define DISK_AGAIN_S 60
#define TELL_AGAIN_S 60
#define WATCHDOG_S 60
#define ETC "/run/etc" /* /etc/belfry is a link to it */
#define ETC_MAX (4U << 20)
#define LEDGER_MAX (64U << 20)
#define MEMORY_STATE "/run/belfry"
#define DISK_STATE "/log/belfry"

static struct {
    enum disk disk;
    const char *state;
    int signals;
    int watchdog; /* -1: none */
    int how;      /* RB_POWER_OFF or RB_AUTOBOOT once it stops, 0 before */
    time_t tell_s;
    time_t disk_s; /* when it is looked for again */
    bool connected;
} machine;

static time_t
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* ---- what belfry runs on */

static void
take_disk(enum disk found)
{
    machine.disk = found;
    (void)files_copy("/etc/belfry.image", ETC, "", KEEP_USER, ETC_MAX);
    if (found != DISK_NONE && access("/log/etc", F_OK) == 0) {
        (void)files_copy("/log/etc", ETC, "", KEEP_USER, ETC_MAX);
    }
    network_read(ETC "/network");
    machine.connected = false;
    if (found == DISK_WELL && files_folder(DISK_STATE, KEEP_USER)) {
        files_own(DISK_STATE, KEEP_USER);
        machine.state = DISK_STATE;
        return;
    }
    machine.state = MEMORY_STATE;
    if (!files_folder(MEMORY_STATE, KEEP_USER)) {
        say_fault("%s: %s", MEMORY_STATE, strerror(errno));
    }
    if (found == DISK_READ_ONLY &&
            !files_copy(DISK_STATE, MEMORY_STATE, "ledger.db", KEEP_USER, LEDGER_MAX)) {
        say_alarm("the keys on the log disk are not to be had: nothing is proved");
    }
}

static void
await_disk(void)
{
    enum disk found = disk_mount();

    for (int tenths = 0; found == DISK_NONE && tenths < DISK_WAIT_S * 10; tenths++) {
        (void)usleep(100000);
        found = tenths % 5 == 4 ? disk_mount() : DISK_NONE;
    }
    take_disk(found);
}

/* A disk that came late is taken as soon as belfry has left the memory. */
static void
look_for_disk(void)
{
    static enum disk found;

    if (machine.disk == DISK_NONE && found == DISK_NONE && seconds() >= machine.disk_s) {
        machine.disk_s = seconds() + DISK_AGAIN_S;
        found = disk_mount();
    }
    if (found != DISK_NONE && keep_stop()) {
        say_news("the log disk is there");
        take_disk(found);
        found = DISK_NONE;
    }
    if (machine.disk == DISK_WELL && disk_look() != DISK_WELL) {
        machine.disk = DISK_READ_ONLY;
        say_alarm("the log disk has become read-only");
    }
}

static void
tell_again(void)
{
    if (seconds() < machine.tell_s) {
        return;
    }
    machine.tell_s = seconds() + TELL_AGAIN_S;
    if (machine.disk == DISK_NONE) {
        say_alarm("there is no log disk (an ext4 labelled %s): belfry keeps all in memory only", DISK_LABEL);
    } else if (machine.disk == DISK_READ_ONLY) {
        say_alarm("the log disk cannot be written: what comes is kept in memory, if at all");
    }
    if (!machine.connected) {
        network_tell();
    }
}

/* ---- its life */

static void
open_watchdog(void)
{
    int timeout_s = WATCHDOG_S;

    machine.watchdog = open("/dev/watchdog", O_WRONLY | O_CLOEXEC);
    if (machine.watchdog >= 0) {
        (void)ioctl(machine.watchdog, WDIOC_SETTIMEOUT, &timeout_s);
    }
    say_well(machine.watchdog >= 0 ? "the hardware's watchdog is armed" : "there is no hardware watchdog");
}

static void
take_signals(void)
{
    struct signalfd_siginfo info;
    int status;
    pid_t ended;

    while (read(machine.signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGINT) {
            machine.how = RB_AUTOBOOT; /* Ctrl-Alt-Del */
        } else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGPWR) {
            machine.how = RB_POWER_OFF;
        }
    }
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
        keep_ended(ended, status);
    }
}

/* Once a second. */
static void
tick(void)
{
    if (machine.watchdog >= 0) {
        (void)ioctl(machine.watchdog, WDIOC_KEEPALIVE, 0);
    }
    look_for_disk();
    machine.connected = machine.connected || network_settle();
    tell_again();
    keep_tick(machine.state);
}

static void
turn(void)
{
    struct pollfd poll_at[1 + DEVICES_POLLS + KEEP_POLLS] = { { .fd = machine.signals, .events = POLLIN } };
    unsigned devices = devices_polls(poll_at + 1);
    unsigned all = 1 + devices + keep_polls(poll_at + 1 + devices);
    bool changed;

    if (poll(poll_at, all, 1000) < 0) {
        return;
    }
    take_signals();
    if (devices_take(poll_at + 1, devices, &changed)) {
        machine.how = RB_POWER_OFF;
    }
    keep_take(poll_at + 1 + devices);
    if (changed) {
        (void)devices_settle(KEEP_USER);
        machine.disk_s = 0;
    }
}

_Noreturn static void
end(void)
{
    say_news(machine.how == RB_POWER_OFF ? "going down" : "going down, to start again");
    while (!keep_stop()) {
        if (machine.watchdog >= 0) {
            (void)ioctl(machine.watchdog, WDIOC_KEEPALIVE, 0);
        }
        turn();
    }
    /* Its processes end when it does. */
    for (int tenths = 0; !disk_end() && tenths < 50; tenths++) {
        (void)usleep(100000);
        take_signals();
    }
    if (machine.watchdog >= 0) {
        (void)!write(machine.watchdog, "V", 1);
        (void)close(machine.watchdog);
    }
    say_news("down");
    sync();
    for (;;) {
        (void)reboot(machine.how);
        (void)sleep(1);
    }
}

static void
begin(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    boot_mounts();
    machine.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    (void)reboot(RB_DISABLE_CAD);
    devices_open();
    boot_modules();
    boot_switches();
    (void)boot_clock();
    open_watchdog();
    (void)files_folder(ETC, KEEP_USER);
    await_disk();
    boot_modules_end();
    boot_seal_root();
    if (keep_open() != 0) {
        say_fault("no way to hear of belfry: %s", strerror(errno));
    }
    say_news("%u serial ports, state in %s", devices_settle(KEEP_USER), machine.state);
}

int
main(void)
{
    if (getpid() != 1) {
        (void)fprintf(stderr, "belfry-init: the first process of a console manager, and only that\n");
        return 2;
    }
    begin();
    for (time_t at_s = -1;;) {
        if (machine.how != 0) {
            end();
        }
        if (seconds() != at_s) {
            at_s = seconds();
            tick();
        }
        turn();
    }
}
