#include "belfry/ctl/client.h"
#include "belfry/ctl/commands.h"
#include "belfry/ctl/lines.h"

#include "belfry/clock.h"
#include "wire/escape.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#define BACK 1024 /* so much of the transcript is shown at first */
#define TICK_MS 20
#define RENEW_MS 5000
#define CTRL_E 0x05

enum typed { TYPED_PLAIN, TYPED_CTRL_E, TYPED_CTRL_E_C };

struct attach {
    const struct command *command;
    struct ctl_request request;
    bool terminal; /* ours is in raw mode: line ends are for us to make */
    struct termios before;
    enum typed typed;
    bool over;
    int64_t renewed_ms;
    uint8_t waiting[CTL_BYTES];
    size_t waits;
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* ---- what the line says */

/* Bytes for a terminal: line ends and tabs as they are, all else that is not printable as %HH. */
static void
show_plain(const struct attach *a, const uint8_t *src, size_t len)
{
    char shown[32];

    for (size_t i = 0; i < len; i++) {
        if (src[i] == '\n') {
            (void)fputs(a->terminal ? "\r\n" : "\n", stdout);
        } else if (src[i] == '\t' || (src[i] >= 0x20 && src[i] <= 0x7E && src[i] != '%')) {
            (void)putchar(src[i]);
        } else if (src[i] != '\r') {
            (void)fwrite(shown, 1, wire_escape(shown, sizeof shown, src + i, 1, WIRE_ESCAPE_TEXT), stdout);
        }
    }
}

static bool
show(const struct attach *a, struct reader *r)
{
    struct reader_piece p;
    char text[TRANSCRIPT_TEXT];

    for (;;) {
        reader_next(r, &p);
        if (p.what == READER_END || p.what == READER_OVER) {
            return p.what == READER_END && fflush(stdout) == 0;
        }
        if (p.what == READER_BYTES_CAME && a->command->raw) {
            (void)fwrite(p.bytes, 1, p.len, stdout);
        } else if (p.what == READER_BYTES_CAME) {
            show_plain(a, p.bytes, p.len);
        } else if (p.what == READER_MARK && transcript_mark_text(&p.mark, text)[0] != '\0') {
            (void)printf("%s-- %s --%s", a->terminal ? "\r\n" : "\n", text, a->terminal ? "\r\n" : "\n");
        }
    }
}

/* ---- what a person types */

/* To whom belfry says no. */
static void
say_how(const char *line)
{
    const struct passwd *me = getpwuid(getuid());
    char who[40];

    if (me != NULL) {
        (void)snprintf(who, sizeof who, "%s", me->pw_name);
    } else {
        (void)snprintf(who, sizeof who, "%lu", (unsigned long)getuid());
    }
    (void)fprintf(stderr,
            "belfry: who runs belfry adds to its configuration, and then runs `belfry reload`:\r\n"
            "    Operator %s %s\r\n",
            who, command_shown(line));
}

/* Sends what waits. False when belfry refuses, which is told. */
static bool
send_request(struct attach *a)
{
    static struct client_answer answer;
    char *field[2];
    unsigned long taken;
    int r;

    a->request.count = (uint8_t)a->waits;
    memcpy(a->request.bytes, a->waiting, a->waits);
    r = client_ask(a->command->conf, &a->request, &answer);
    if (r != 0) {
        (void)command_error("belfry does not answer: %s\r", strerror(-r));
        return false;
    }
    if (client_fields(answer.text, field, 2) != 2 || strcmp(field[0], "ok") != 0) {
        (void)command_error("%s\r", command_shown(field[1]));
        if (strcmp(field[1], "you are no Operator of this line") == 0) {
            say_how(a->command->argument[0]);
        }
        return false;
    }
    taken = strtoul(field[1], NULL, 10);
    taken = taken < a->waits ? taken : a->waits;
    a->waits -= taken;
    memmove(a->waiting, a->waiting + taken, a->waits);
    a->request.what = CTL_WRITE; /* it is ours now, also when it was taken */
    a->renewed_ms = clock_ms();
    return true;
}

/* Ctrl-E c . ends, as in other console programs; anything else behind Ctrl-E goes to the line with it. */
static void
take_typed(struct attach *a, uint8_t c)
{
    if (a->typed == TYPED_PLAIN && c == CTRL_E && a->terminal) {
        a->typed = TYPED_CTRL_E;
        return;
    }
    if (a->typed == TYPED_CTRL_E && c == 'c') {
        a->typed = TYPED_CTRL_E_C;
        return;
    }
    if (a->typed == TYPED_CTRL_E_C && c == '.') {
        a->over = true;
        return;
    }
    if (a->typed != TYPED_PLAIN) {
        a->waiting[a->waits++] = CTRL_E;
        if (a->typed == TYPED_CTRL_E_C) {
            a->waiting[a->waits++] = 'c';
        }
        a->typed = TYPED_PLAIN;
    }
    a->waiting[a->waits++] = c;
}

/* False at the end of what is typed. */
static bool
read_typed(struct attach *a)
{
    uint8_t bytes[CTL_BYTES];
    size_t room = sizeof a->waiting - a->waits;
    ssize_t n;

    if (room < 3) {
        return true;
    }
    n = read(STDIN_FILENO, bytes, room / 3);
    for (ssize_t i = 0; i < n && !a->over; i++) {
        take_typed(a, bytes[i]);
    }
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void
make_raw(struct attach *a)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &a->before) != 0 || !isatty(STDOUT_FILENO)) {
        return;
    }
    raw = a->before;
    cfmakeraw(&raw);
    a->terminal = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* ---- together */

/* True as long as there is something to wait for. */
static bool
write_on(struct attach *a, bool readable, bool *more)
{
    if (readable && !read_typed(a)) {
        *more = false;
    }
    if ((a->waits > 0 || clock_ms() - a->renewed_ms >= RENEW_MS) && !send_request(a)) {
        return false;
    }
    return *more || a->waits > 0;
}

static int
stay(struct attach *a, struct reader *r)
{
    bool write = a->request.session != 0;
    bool typing = write;
    bool on = true;

    while (on && !a->over && !interrupted) {
        struct pollfd in = { .fd = typing && sizeof a->waiting - a->waits >= 3 ? STDIN_FILENO : -1,
            .events = POLLIN };

        if (!show(a, r)) {
            return COMMAND_ERROR;
        }
        (void)poll(&in, 1, TICK_MS);
        on = !write || write_on(a, in.revents != 0, &typing);
    }
    if (write) {
        /* What the last bytes brought, as far as it comes at once. */
        (void)poll(NULL, 0, 5 * TICK_MS);
        (void)show(a, r);
        a->request.what = CTL_LEAVE;
        a->waits = 0;
        return on || !typing ? (send_request(a) ? COMMAND_WELL : COMMAND_ERROR) : COMMAND_ERROR;
    }
    return COMMAND_WELL;
}

/* Becomes the line's writer before the terminal is changed. */
static bool
begin_writing(struct attach *a)
{
    a->request.what = a->command->take ? CTL_TAKE : CTL_WRITE;
    (void)snprintf(a->request.line, sizeof a->request.line, "%s", a->command->argument[0]);
    while (a->request.session == 0) {
        if (getrandom(&a->request.session, sizeof a->request.session, 0) !=
                (ssize_t)sizeof a->request.session) {
            return false;
        }
    }
    return send_request(a);
}

int
command_attach(const struct command *c)
{
    static struct reader r;
    static struct attach a;
    int status = lines_open(c, &r);

    if (status == 0 && reader_back(&r, BACK) != 0) {
        status = command_error("cannot read: %s", strerror(errno));
    }
    if (status != 0) {
        return status;
    }
    a.command = c;
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGHUP, on_signal);
    if ((c->write || c->take) && !begin_writing(&a)) {
        return COMMAND_ERROR;
    }
    if (c->write || c->take) {
        make_raw(&a);
    }
    status = stay(&a, &r);
    if (a.terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &a.before);
    }
    reader_close(&r);
    return status;
}
