#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ctl/client.h"
#include "belfry/ctl/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define EACH_MS 2000
#define PATIENCE_MS 300 /* keys are not looked at meanwhile */
#define AGAIN_MS 1000   /* when belfry did not answer */
#define KEYS_MAX 64

/* The other screen, without a cursor; and back. */
#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[m\033[?25h\033[?1049l"

struct top {
    const struct conf *conf;
    struct termios before;
    int signals;
    bool quit;
    bool old; /* the picture is */
    int64_t ask_ms;
    struct model model;
    struct rows rows;
    struct screen screen;
};

/* ---- the terminal */

static void
write_all(const char *src, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, src, len);

        if (n < 0 && errno != EINTR) {
            return; /* SIGHUP, or the end of standard input, tells more */
        }
        src += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void
enter(struct top *t)
{
    struct termios raw = t->before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    write_all(ENTER, sizeof ENTER - 1);
    t->old = true;
}

static void
leave(const struct top *t)
{
    write_all(LEAVE, sizeof LEAVE - 1);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
}

static unsigned
between(unsigned value, unsigned otherwise, unsigned most)
{
    return value == 0 ? otherwise : value < most ? value : most;
}

static void
look_at_size(struct top *t)
{
    struct winsize size = { .ws_row = 0 };

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    t->screen.columns = between(size.ws_col, 80, SCREEN_COLUMNS_MAX);
    t->screen.lines = between(size.ws_row, 24, SCREEN_LINES_MAX);
    t->old = true;
}

/* Stopped from the keyboard: the terminal is the shell's until we go on. */
static void
rest(struct top *t)
{
    leave(t);
    (void)raise(SIGSTOP);
    enter(t);
    look_at_size(t);
}

/* ---- belfry */

struct asking {
    struct model *model;
    enum model_topic topic;
};

static void
hear(void *to, char *line)
{
    struct asking *a = to;

    model_take(a->model, a->topic, line);
}

static int
ask(struct top *t, enum model_topic topic, int what)
{
    struct asking a = { .model = &t->model, .topic = topic };
    struct ctl_request request = { .what = what };
    int r;

    model_begin(&t->model, topic);
    r = client_each(t->conf, &request, hear, &a);
    if (r == 0) {
        model_end(&t->model, topic);
    }
    return r;
}

static void
ask_all(struct top *t)
{
    int r = ask(t, MODEL_STATUS, CTL_STATUS);

    r = r == 0 ? ask(t, MODEL_HOSTS_TOPIC, CTL_HOSTS) : r;
    r = r == 0 ? ask(t, MODEL_ALARMS_TOPIC, CTL_ALARMS) : r;
    t->screen.error = -r;
    t->ask_ms = clock_ms() + (r == 0 ? EACH_MS : AGAIN_MS);
    rows_make(&t->rows, &t->model);
    t->old = true;
}

/* ---- keys */

static void
move(struct top *t, long by)
{
    long first = (long)t->screen.first + by;

    t->screen.first = first > 0 ? (unsigned)first : 0;
    t->old = true;
}

struct key {
    const char *bytes;
    enum { KEY_UP, KEY_DOWN, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END, KEY_LOOK, KEY_QUIT } what;
};

static const struct key keys[] = {
    { "\033[A", KEY_UP },
    { "\033OA", KEY_UP },
    { "k", KEY_UP },
    { "\033[B", KEY_DOWN },
    { "\033OB", KEY_DOWN },
    { "j", KEY_DOWN },
    { "\033[5~", KEY_PAGE_UP },
    { "b", KEY_PAGE_UP },
    { "\033[6~", KEY_PAGE_DOWN },
    { "f", KEY_PAGE_DOWN },
    { "\033[H", KEY_HOME },
    { "\033OH", KEY_HOME },
    { "\033[1~", KEY_HOME },
    { "g", KEY_HOME },
    { "\033[F", KEY_END },
    { "\033OF", KEY_END },
    { "\033[4~", KEY_END },
    { "G", KEY_END },
    { " ", KEY_LOOK },
    { "q", KEY_QUIT },
};

static void
obey(struct top *t, const struct key *key)
{
    long page = (long)screen_room(&t->screen);

    switch (key->what) {
    case KEY_UP:
        move(t, -1);
        break;
    case KEY_DOWN:
        move(t, 1);
        break;
    case KEY_PAGE_UP:
        move(t, -page);
        break;
    case KEY_PAGE_DOWN:
        move(t, page);
        break;
    case KEY_HOME:
        move(t, -(long)t->rows.count);
        break;
    case KEY_END:
        move(t, (long)t->rows.count);
        break;
    case KEY_LOOK:
        t->ask_ms = 0;
        break;
    case KEY_QUIT:
        t->quit = true;
        break;
    }
}

/* What begins none of them is passed over, a byte at a time. */
static void
take_keys(struct top *t)
{
    char text[KEYS_MAX];
    ssize_t n = read(STDIN_FILENO, text, sizeof text);
    size_t at = 0;

    t->quit = t->quit || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    while (n > 0 && at < (size_t)n) {
        size_t len = 1;

        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            size_t want = strlen(keys[i].bytes);

            if (want <= (size_t)n - at && memcmp(text + at, keys[i].bytes, want) == 0) {
                obey(t, &keys[i]);
                len = want;
                break;
            }
        }
        at += len;
    }
}

/* ---- the loop */

static void
take_signals(struct top *t)
{
    struct signalfd_siginfo info;

    while (read(t->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGWINCH) {
            look_at_size(t);
        } else if (info.ssi_signo == SIGTSTP) {
            rest(t);
        } else {
            t->quit = true;
        }
    }
}

static void
draw(struct top *t)
{
    unsigned room = screen_room(&t->screen);
    unsigned most = t->rows.count > room ? t->rows.count - room : 0;
    struct sheet s = { .at = NULL };

    t->screen.first = t->screen.first < most ? t->screen.first : most;
    screen_draw(&s, &t->screen);
    if (sheet_sound(&s)) {
        write_all(s.at, s.len);
    }
    sheet_free(&s);
    t->old = false;
}

static void
run(struct top *t)
{
    while (!t->quit) {
        struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
            { .fd = t->signals, .events = POLLIN } };
        int64_t left;

        if (clock_ms() >= t->ask_ms) {
            ask_all(t);
        }
        if (t->old) {
            draw(t);
        }
        left = t->ask_ms - clock_ms();
        (void)poll(p, 2, left > 0 ? (int)left : 0);
        if (p[1].revents != 0) {
            take_signals(t);
        }
        if (p[0].revents != 0) {
            take_keys(t);
        }
    }
}

static int
catch_signals(void)
{
    static const int caught[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGWINCH };
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++) {
        (void)sigaddset(&set, caught[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int
command_top(const struct command *c)
{
    static struct top t;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &t.before) != 0) {
        return command_error("top wants a terminal; `belfry status` does without");
    }
    client_patience(PATIENCE_MS);
    t.conf = c->conf;
    t.screen.model = &t.model;
    t.screen.rows = &t.rows;
    t.signals = catch_signals();
    if (t.signals < 0 || model_init(&t.model) != 0) {
        return command_error("top: %s", strerror(errno));
    }
    look_at_size(&t);
    enter(&t);
    run(&t);
    leave(&t);
    (void)close(t.signals);
    model_free(&t.model);
    return COMMAND_WELL;
}
