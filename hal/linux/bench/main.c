#include "hal/flash.h"
#include "hal/linux/bench/bench.h"
#include "hal/linux/bench/pins.h"
#include "hal/linux/bench/wires.h"
#include "hal/linux/flash.h"
#include "hal/result.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERIAL "1AB0000000000001"
#define DIRECTORY_MODE 0700
#define SECTORS 256
#define SECTORS_MOST 4096
#define LOCK_TRIES 200
#define LOCK_US 10000
#define LOOK_MS 5 /* how late the watchdog may bite */
#define USAGE                                                  \
    "usage: %s [-u PORT] [-s SERIAL] [-f SECTORS] [-p] DIR\n"  \
    "  -u PORT     USB/IP on 127.0.0.1; 0: any, see DIR/usb\n" \
    "  -s SERIAL   16 of 0-9 A-F\n"                            \
    "  -f SECTORS  of 4 KiB that the log has; 256\n"           \
    "  -p          begin without power: \"power 1\" on DIR/pins\n"

static struct bench_shared unshared; /* until set_up() has the one that both sides see */
struct bench bench = { .shared = &unshared, .usb = -1, .serial = SERIAL };

static pid_t chip; /* 0: not running */
static bool powered;
static int outputs_from_chip; /* the other end of bench.outputs */
static int signals;
static long sectors = SECTORS;
static enum hal_reset_cause next_cause; /* of the life after this one, unless the chip says otherwise */

uint64_t
bench_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static _Noreturn void
fail(const char *what, int error)
{
    (void)fprintf(stderr, "lab: %s: %s\n", what, strerror(-error));
    exit(2);
}

static int
hold(const char *what, int result)
{
    if (result < 0) {
        fail(what, result);
    }
    return result;
}

/* The chip goes with us: PR_SET_PDEATHSIG. */
static _Noreturn void
leave(int code)
{
    wires_remove();
    exit(code);
}

/* One bench a directory. The lock goes when the last of its processes does, which may take a moment. */
static void
move_in(const char *directory)
{
    if (mkdir(directory, DIRECTORY_MODE) != 0 && errno != EEXIST) {
        fail(directory, -errno);
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 0; fd >= 0 && result != 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
        (void)usleep(LOCK_US);
        result = flock(fd, LOCK_EX | LOCK_NB);
    }
    if (result != 0 || fchdir(fd) != 0) {
        fail(directory, -errno);
    }
}

static void
set_up(long port)
{
    int ends[2];
    sigset_t set;

    struct bench_shared *shared =
            mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        fail("set up", -errno);
    }
    bench.shared = shared;
    outputs_from_chip = ends[0];
    bench.outputs = ends[1];
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    hold("signals", signals < 0 ? -errno : 0);
    bench.uart[HAL_UART_SERVER] = hold("server", wires_pty("server"));
    bench.uart[HAL_UART_CONSOLE] = hold("console", wires_pty("console"));
    if (port >= 0) {
        bench.usb = hold("usb", wires_listen((uint16_t)port, "usb"));
    }
    hold("guard", wires_guard());
    hold("pins", pins_open());
}

static _Noreturn void
be_the_chip(pid_t parent)
{
    sigset_t none;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(0);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)close(signals);
    (void)close(outputs_from_chip);
    pins_forget();
    const struct flash_setup setup = {
        .path = "flash",
        .size = (uint32_t)sectors * HAL_FLASH_SECTOR,
        .program_us = FLASH_PROGRAM_US,
        .erase_us = FLASH_ERASE_US,
    };
    if (flash_fit(&setup) != HAL_OK) {
        (void)fprintf(stderr, "lab: the flash cannot be fitted\n");
        exit(2);
    }
    exit(image_main());
}

static void
start_chip(enum hal_reset_cause cause)
{
    pid_t parent = getpid();

    bench.shared->cause = cause;
    bench.shared->watchdog_due_us = 0;
    if (cause == HAL_RESET_POWER) {
        bench.shared->note = (struct hal_reset_note){ 0 };
    }
    next_cause = HAL_RESET_FAULT;
    chip = fork();
    if (chip < 0) {
        fail("fork", -errno);
    }
    if (chip == 0) {
        be_the_chip(parent);
    }
}

/* SIGCHLD tells when it has gone. */
static void
stop_chip(enum hal_reset_cause cause)
{
    if (chip > 1) {
        next_cause = cause;
        bench.shared->watchdog_due_us = 0;
        (void)kill(chip, SIGKILL);
    }
}

/* What the chip set until now; of one that has gone, everything. */
static void
hear_outputs(void)
{
    uint8_t change;

    while (read(outputs_from_chip, &change, 1) == 1) {
        pins_output(change / 2, change % 2 != 0);
    }
}

/* The chip has gone. Returns when it shall start again. */
static void
take_status(int status)
{
    bool left_note = WIFEXITED(status) && WEXITSTATUS(status) == BENCH_EXIT_RESET;

    chip = 0;
    hear_outputs();
    pins_release();
    if (WIFEXITED(status) && !left_note) {
        leave(WEXITSTATUS(status)); /* the image has come to its end */
    }
    if (next_cause == HAL_RESET_FAULT && !left_note) {
        (void)fprintf(stderr, "lab: the chip died of signal %d\n", WTERMSIG(status));
        bench.shared->note = (struct hal_reset_note){ HAL_NOTE_FAULT, (uint32_t)WTERMSIG(status), 0 };
    }
    if (powered) {
        start_chip(next_cause);
    }
}

static void
take_signals(void)
{
    struct signalfd_siginfo info;
    int status;

    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD) {
            leave(0);
        }
    }
    if (chip > 1 && waitpid(chip, &status, WNOHANG) == chip) {
        take_status(status);
    }
}

static void
fulfil(enum pins_wish wish)
{
    switch (wish) {
    case PINS_NOTHING:
        break;
    case PINS_RESET:
        stop_chip(HAL_RESET_PIN);
        break;
    case PINS_POWER_OFF:
        powered = false;
        stop_chip(HAL_RESET_POWER);
        break;
    case PINS_POWER_ON:
        powered = true;
        if (chip == 0) {
            start_chip(HAL_RESET_POWER);
        }
        break;
    }
    pins_power(powered);
}

static void
look_at_watchdog(void)
{
    uint64_t due = bench.shared->watchdog_due_us;

    if (due != 0 && due <= bench_now_us()) {
        stop_chip(HAL_RESET_WATCHDOG);
    }
}

static void
turn(void)
{
    struct pollfd polls[2 + PINS_POLLS] = {
        { .fd = signals, .events = POLLIN },
        { .fd = outputs_from_chip, .events = POLLIN },
    };

    pins_polls(polls + 2);
    if (poll(polls, sizeof polls / sizeof polls[0], LOOK_MS) < 0) {
        return;
    }
    hear_outputs();
    take_signals();
    look_at_watchdog();
    fulfil(pins_serve(polls + 2));
}

static bool
is_serial(const char *text)
{
    return strlen(text) == HAL_SERIAL_SIZE - 1 && strspn(text, "0123456789ABCDEF") == HAL_SERIAL_SIZE - 1;
}

/* -1 unless it is a number from least to most. */
static long
number_of(const char *text, long least, long most)
{
    char *end;
    long n = strtol(text, &end, 10);

    return end != text && *end == '\0' && n >= least && n <= most ? n : -1;
}

/* False when they are none; the port is -1 without USB. */
static bool
take_options(int argc, char **argv, long *port)
{
    int c;

    while ((c = getopt(argc, argv, "u:s:f:p")) != -1) {
        if (c == 'u' && (*port = number_of(optarg, 0, UINT16_MAX)) >= 0) {
            continue;
        }
        if (c == 'f' && (sectors = number_of(optarg, 1, SECTORS_MOST)) > 0) {
            continue;
        }
        if (c == 's' && is_serial(optarg)) {
            memcpy(bench.serial, optarg, HAL_SERIAL_SIZE);
            continue;
        }
        if (c != 'p') {
            return false;
        }
        powered = false;
    }
    return optind == argc - 1;
}

int
main(int argc, char **argv)
{
    long port = -1;

    powered = true;
    if (!take_options(argc, argv, &port)) {
        (void)fprintf(stderr, USAGE, argv[0]);
        return 2;
    }
    move_in(argv[optind]);
    set_up(port);
    pins_power(powered);
    if (powered) {
        start_chip(HAL_RESET_POWER);
    }
    for (;;) {
        turn();
    }
}
