#include "init/keep.h"

#include "belfry/nobody.h"
#include "init/say.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/belfry"
#define NOTIFY "/run/notify"
#define BACK_OFF_MAX_S 60
#define STOP_S 20
#define FILES 8192

/* What its processes for the network become nobody with, what ends these, and low ports. */
static const unsigned kept[] = { CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_NET_BIND_SERVICE };

static int notify = -1;
static int output[2] = { -1, -1 }; /* its standard error, read by us */
static pid_t pid = -1;
static bool ready;
static time_t heard_s;
static time_t begun_s;
static time_t due_s;
static time_t asked_s; /* to stop; 0 when it is not */
static unsigned back_off_s = 1;

static time_t
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

int
keep_open(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = NOTIFY };

    notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify < 0 || bind(notify, (struct sockaddr *)&at, sizeof at) != 0 ||
            chown(NOTIFY, KEEP_USER, KEEP_USER) != 0 || pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -errno;
    }
    return 0;
}

unsigned
keep_polls(struct pollfd poll[KEEP_POLLS])
{
    poll[0] = (struct pollfd){ .fd = notify, .events = POLLIN };
    poll[1] = (struct pollfd){ .fd = output[0], .events = POLLIN };
    return KEEP_POLLS;
}

void
keep_take(const struct pollfd poll[KEEP_POLLS])
{
    char text[512];
    ssize_t n;

    while (poll[0].revents != 0 && (n = recv(notify, text, sizeof text - 1, 0)) >= 0) {
        text[n] = '\0';
        heard_s = seconds();
        if (strstr(text, "READY=1") != NULL && !ready) {
            ready = true;
            say_news("belfry is ready");
        }
    }
    if (poll[1].revents != 0 && (n = read(output[0], text, sizeof text)) > 0) {
        say_of_others(text, (size_t)n);
    }
}

static bool
keep_capabilities(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct set[2] = { 0 };

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        set[0].effective |= 1U << kept[i];
    }
    set[0].permitted = set[0].inheritable = set[0].effective;
    if (syscall(SYS_capset, &head, set) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i], 0, 0) != 0) {
            return false;
        }
    }
    return true;
}

static bool
bound_capabilities(void)
{
    for (unsigned c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++) {
        bool stays = false;

        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
            stays = stays || kept[i] == c;
        }
        if (!stays && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0) {
            return false;
        }
    }
    return true;
}

_Noreturn static void
become(const char *state)
{
    static char environment[2][40] = { "NOTIFY_SOCKET=" NOTIFY };
    char *const env[] = { environment[0], environment[1], NULL };
    static char program[] = PROGRAM;
    static char option[] = "--state";
    static char run[] = "run";
    char place[64];
    char *const argv[] = { program, option, place, run, NULL };
    struct rlimit files = { .rlim_cur = FILES, .rlim_max = FILES };
    sigset_t none;

    (void)snprintf(environment[1], sizeof environment[1], "WATCHDOG_USEC=%d000000", KEEP_SILENCE_S);
    (void)snprintf(place, sizeof place, "%s", state);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)umask(077);
    (void)fcntl(output[1], F_SETFL, 0);
    (void)dup2(output[1], STDERR_FILENO);
    if (bound_capabilities() && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
            setresgid(KEEP_USER, KEEP_USER, KEEP_USER) == 0 &&
            setresuid(KEEP_USER, KEEP_USER, KEEP_USER) == 0 && keep_capabilities() &&
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && nobody_alone()) {
        (void)execve(PROGRAM, argv, env);
    }
    (void)dprintf(STDERR_FILENO, "belfry cannot be started: %s\n", strerror(errno));
    _exit(127);
}

static void
start(const char *state)
{
    begun_s = seconds();
    heard_s = begun_s;
    ready = false;
    pid = fork();
    if (pid == 0) {
        become(state);
    }
    if (pid < 0) {
        say_fault("no process for belfry: %s", strerror(errno));
        due_s = begun_s + BACK_OFF_MAX_S;
    }
}

void
keep_tick(const char *state)
{
    time_t now_s = seconds();

    if (pid < 0 && now_s >= due_s) {
        start(state);
    } else if (pid > 1 && now_s - heard_s > KEEP_SILENCE_S && asked_s == 0) {
        say_alarm("belfry has said nothing for %d s; it is ended", KEEP_SILENCE_S);
        heard_s = now_s;
        (void)kill(pid, SIGKILL);
    }
}

void
keep_ended(pid_t ended, int status)
{
    time_t now_s = seconds();

    if (ended != pid || ended <= 1) {
        return;
    }
    pid = -1;
    if (asked_s != 0) {
        return;
    }
    if (now_s - begun_s >= BACK_OFF_MAX_S) {
        back_off_s = 1;
    }
    say_alarm("belfry ended (%s %d); again in %u s", WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), back_off_s);
    due_s = now_s + (time_t)back_off_s;
    back_off_s = back_off_s * 2 < BACK_OFF_MAX_S ? back_off_s * 2 : BACK_OFF_MAX_S;
}

bool
keep_stop(void)
{
    time_t now_s = seconds();

    if (pid <= 1) {
        asked_s = 0;
        due_s = 0;
        return true;
    }
    if (asked_s == 0) {
        asked_s = now_s;
        (void)kill(pid, SIGTERM);
    } else if (now_s - asked_s > STOP_S) {
        (void)kill(pid, SIGKILL);
    }
    return false;
}
