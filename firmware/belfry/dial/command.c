#include "belfry/dial/command.h"

#include "belfry/conf.h"
#include "belfry/dial/loop.h"
#include "hal/host/tty.h"
#include "wire/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_MS 3000  /* from the polite signal to the other one */
#define SAID_MAX 160  /* bytes of one line of standard error */
#define SAID_LINES 20 /* in SAID_EACH_MS */
#define SAID_EACH_MS 60000

struct command {
    struct watch exit; /* first: the watch is the command; a descriptor of the process */
    struct watch error;
    struct command *next;
    uint32_t number;
    pid_t pid;       /* of its session and group, too */
    int64_t kill_ms; /* when it is killed for good; INT64_MAX while nobody wants it to end */
    bool over;
    unsigned told; /* lines since since_ms */
    unsigned left_out;
    int64_t since_ms;
    size_t said_len;
    char said[SAID_MAX];
    char line[CONF_NAME];
};

static struct command *commands;

/* ---- what it says on standard error */

static void
tell(const struct command *c, const char *src, size_t len)
{
    char text[SAID_MAX * WIRE_ESCAPE_WORST + 24];

    wire_escape(text, sizeof text, src, len, WIRE_ESCAPE_TEXT);
    (void)fprintf(stderr, "belfry: line %s: %s\n", c->line, text);
}

static void
say_line(struct command *c)
{
    if (loop_now_ms() - c->since_ms >= SAID_EACH_MS) {
        if (c->left_out > 0) {
            (void)fprintf(stderr, "belfry: line %s: %u more lines were left out\n", c->line, c->left_out);
        }
        c->since_ms = loop_now_ms();
        c->told = 0;
        c->left_out = 0;
    }
    if (c->told < SAID_LINES) {
        c->told++;
        tell(c, c->said, c->said_len);
    } else {
        c->left_out++;
    }
    c->said_len = 0;
}

static void
say(struct command *c, const char *src, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (src[i] != '\n' && src[i] != '\r') {
            c->said[c->said_len++] = src[i];
        }
        if (c->said_len == sizeof c->said || (src[i] == '\n' && c->said_len > 0)) {
            say_line(c);
        }
    }
}

static void
on_error(struct watch *w, uint32_t events)
{
    struct command *c = (struct command *)((char *)w - offsetof(struct command, error));
    char bytes[1024];
    ssize_t n = read(w->fd, bytes, sizeof bytes);

    (void)events;
    if (n > 0) {
        say(c, bytes, (size_t)n);
    } else if (n == 0 || errno != EAGAIN) {
        int fd = w->fd;

        loop_remove(w);
        (void)close(fd);
    }
}

/* ---- its end */

static void
ask_to_end(struct command *c)
{
    if (!c->over && c->kill_ms == INT64_MAX) {
        c->kill_ms = loop_now_ms() + KILL_MS;
        (void)kill(-c->pid, SIGHUP);
        (void)kill(-c->pid, SIGTERM);
        (void)kill(-c->pid, SIGCONT);
    }
}

static void
reap(struct command *c)
{
    int status = 0;

    (void)kill(-c->pid, SIGKILL); /* what it left behind; the number is its until it is waited for */
    (void)waitpid(c->pid, &status, 0);
    if (c->kill_ms == INT64_MAX) {
        char text[64];

        (void)snprintf(text, sizeof text, WIFSIGNALED(status) ? "ended by signal %d" : "ended with status %d",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        tell(c, text, strlen(text));
    }
    c->over = true;
}

static void
on_exit_of(struct watch *w, uint32_t events)
{
    struct command *c = (struct command *)w;
    int fd = w->fd;

    (void)events;
    if (c->error.fd >= 0) {
        on_error(&c->error, EPOLLIN); /* its last words */
    }
    reap(c);
    loop_remove(w);
    (void)close(fd);
}

void
command_end(uint32_t number)
{
    for (struct command *c = commands; c != NULL; c = c->next) {
        if (c->number == number) {
            ask_to_end(c);
        }
    }
}

void
command_tick(void)
{
    for (struct command *c = commands; c != NULL; c = c->next) {
        if (!c->over && loop_now_ms() >= c->kill_ms) {
            (void)kill(-c->pid, SIGKILL);
        }
    }
}

void
command_sweep(void)
{
    struct command **at = &commands;

    while (*at != NULL) {
        struct command *c = *at;

        if (!c->over) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        if (c->error.fd >= 0) {
            int fd = c->error.fd;

            loop_remove(&c->error);
            (void)close(fd);
        }
        free(c);
    }
}

void
command_end_all(void)
{
    int64_t until_ms = loop_now_ms() + LOOP_SECOND_MS;

    for (struct command *c = commands; c != NULL; c = c->next) {
        ask_to_end(c);
    }
    while (commands != NULL && loop_now_ms() < until_ms) {
        loop_turn();
        command_sweep();
    }
    for (struct command *c = commands; c != NULL; c = c->next) {
        if (!c->over) {
            (void)kill(-c->pid, SIGKILL);
        }
    }
}

/* ---- its beginning */

struct ends {
    int master;
    int slave;
    int error[2]; /* its standard error */
    int ran[2];   /* closed by its being executed; otherwise it says why it could not be */
};

static void
close_end(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void
close_ends(struct ends *e)
{
    close_end(&e->master);
    close_end(&e->slave);
    close_end(&e->error[0]);
    close_end(&e->error[1]);
    close_end(&e->ran[0]);
    close_end(&e->ran[1]);
}

static int
open_ends(struct ends *e)
{
    static const struct winsize size = { .ws_row = 24, .ws_col = 80 };
    char name[64];

    *e = (struct ends){ .master = -1, .slave = -1, .error = { -1, -1 }, .ran = { -1, -1 } };
    e->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (e->master < 0 || grantpt(e->master) != 0 || unlockpt(e->master) != 0 ||
            ptsname_r(e->master, name, sizeof name) != 0) {
        return -errno;
    }
    e->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (e->slave < 0 || ioctl(e->slave, TIOCSWINSZ, &size) != 0 || pipe2(e->ran, O_CLOEXEC) != 0 ||
            pipe2(e->error, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -errno;
    }
    return hal_tty_raw(e->slave, CONF_DEFAULT_BAUD, "8n1");
}

static void
clean_signals(void)
{
    sigset_t none;

    for (int s = 1; s < SIGRTMAX; s++) {
        (void)signal(s, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void
become(const struct ends *e, char *const argv[], pid_t parent)
{
    static char home[CONF_PATH] = "HOME=/";
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char locale[] = "LC_ALL=C";
    static char terminal[] = "TERM=dumb";
    char *const environment[] = { path, locale, terminal, home, NULL };
    const struct passwd *user = getpwuid(geteuid());
    int error;

    if (user != NULL) {
        (void)snprintf(home, sizeof home, "HOME=%s", user->pw_dir);
    }
    (void)setsid();
    (void)ioctl(e->slave, TIOCSCTTY, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) {
        (void)dup2(e->slave, STDIN_FILENO);
        (void)dup2(e->slave, STDOUT_FILENO);
        (void)fcntl(e->error[1], F_SETFL, 0);
        (void)dup2(e->error[1], STDERR_FILENO);
        clean_signals();
        (void)execve(argv[0], argv, environment);
    }
    error = errno;
    (void)!write(e->ran[1], &error, sizeof error);
    _exit(127);
}

/* The process, when it could be executed; -errno when not. */
static pid_t
run(struct ends *e, char *const argv[])
{
    pid_t parent = getpid();
    pid_t pid = fork();
    int error = 0;

    if (pid == 0) {
        become(e, argv, parent);
    }
    if (pid < 0) {
        return -errno;
    }
    close_end(&e->slave);
    close_end(&e->error[1]);
    close_end(&e->ran[1]);
    if (read(e->ran[0], &error, sizeof error) == (ssize_t)sizeof error) {
        (void)waitpid(pid, NULL, 0);
        return error > 0 ? -error : -ENOEXEC;
    }
    return pid;
}

static void
answer(uint32_t number, int error, int master)
{
    struct dial_message m;

    memset(&m, 0, DIAL_HEAD);
    m.kind = error == 0 ? DIAL_CAME : DIAL_FAILED;
    m.number = number;
    m.error = error;
    (void)dial_send_patiently(DIAL_FD, &m, master);
}

static int
watch(struct command *c, struct ends *e)
{
    int fd = pidfd_open(c->pid, 0);
    int error = fd < 0 ? -errno : loop_add(&c->exit, fd, EPOLLIN, on_exit_of);

    if (error == 0) {
        error = loop_add(&c->error, e->error[0], EPOLLIN, on_error);
    }
    if (error == 0) {
        e->error[0] = -1;
        return 0;
    }
    (void)kill(-c->pid, SIGKILL);
    (void)waitpid(c->pid, NULL, 0);
    loop_remove(&c->exit);
    close_end(&fd);
    return error;
}

/* 0 or -errno. */
static int
begin(struct command *c, char *const argv[], struct ends *e)
{
    int error = open_ends(e);

    if (error != 0) {
        return error;
    }
    c->pid = run(e, argv);
    return c->pid < 0 ? (int)c->pid : watch(c, e);
}

void
command_begin(const struct dial_message *m)
{
    struct command *c = calloc(1, sizeof *c);
    char *argv[DIAL_TEXTS];
    struct ends e;
    int error;

    if (c == NULL) {
        answer(m->number, ENOMEM, -1);
        return;
    }
    for (unsigned i = 1; i < m->texts; i++) {
        argv[i - 1] = (char *)(uintptr_t)dial_text(m, i);
    }
    argv[m->texts - 1] = NULL;
    c->number = m->number;
    c->kill_ms = INT64_MAX;
    c->exit.fd = -1;
    c->error.fd = -1;
    c->since_ms = loop_now_ms() - SAID_EACH_MS;
    (void)snprintf(c->line, sizeof c->line, "%s", dial_text(m, 0));
    error = begin(c, argv, &e);
    answer(m->number, -error, error == 0 ? e.master : -1);
    close_ends(&e);
    if (error != 0) {
        free(c);
        return;
    }
    c->next = commands;
    commands = c;
}
