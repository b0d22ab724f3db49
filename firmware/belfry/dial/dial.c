#include "belfry/dial/dial.h"

#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_FIRST_MS 1000
#define AGAIN_LAST_MS 60000
#define WELL_MS 60000 /* a process that ran so long begins at AGAIN_FIRST_MS again */
#define STOP_MS 1500
#define SLOTS_FIRST 16

enum which { NETWORK, COMMANDS, PORTS, PROCESSES };

enum state { FREE, CALLING, CAME, FAILED, TAKEN };

struct call {
    uint32_t number;
    uint8_t state; /* enum state */
    uint8_t which;
    uint8_t why;
    int fd;
    int error;
};

struct process {
    struct beside beside;
    int64_t started_ms;
    int64_t again_ms;
    int64_t wait_ms;
    bool was_started;
};

static struct process process[PROCESSES] = { { .beside = { .fd = -1, .pid = -1 } },
    { .beside = { .fd = -1, .pid = -1 } }, { .beside = { .fd = -1, .pid = -1 } } };
static struct call *calls; /* number % slots is its place */
static uint32_t slots;
static uint32_t last_number;

/* ---- calls */

static struct call *
find(uint32_t number)
{
    struct call *c = slots > 0 && number != 0 ? &calls[number % slots] : NULL;

    return c != NULL && c->state != FREE && c->number == number ? c : NULL;
}

static void
free_call(struct call *c)
{
    if (c->fd >= 0 && c->which == PORTS) {
        dial_close(c->fd);
    } else if (c->fd >= 0) {
        (void)close(c->fd);
    }
    *c = (struct call){ .state = FREE, .fd = -1 };
}

/* Twice the room. What is there keeps its number, and with it its place in the larger table. */
static bool
grow(void)
{
    uint32_t more = slots == 0 ? SLOTS_FIRST : slots * 2;
    struct call *table = calloc(more, sizeof *table);

    if (table == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < more; i++) {
        table[i].fd = -1;
    }
    for (uint32_t i = 0; i < slots; i++) {
        if (calls[i].state != FREE) {
            table[calls[i].number % more] = calls[i];
        }
    }
    free(calls);
    calls = table;
    slots = more;
    return true;
}

static struct call *
new_call(enum which which)
{
    for (;;) {
        for (uint32_t i = 0; i < slots; i++) {
            uint32_t number = ++last_number;
            struct call *c = &calls[number % slots];

            if (number != 0 && c->state == FREE) {
                *c = (struct call){ .number = number, .state = CALLING, .which = (uint8_t)which, .fd = -1 };
                return c;
            }
        }
        if (slots >= 2 * CONF_LINES || !grow()) {
            return NULL;
        }
    }
}

static void
fail(struct call *c, int error, enum dial_why why)
{
    c->state = FAILED;
    c->error = error;
    c->why = (uint8_t)why;
}

/* ---- the processes */

static void
gone(enum which which, int64_t now_ms)
{
    struct process *p = &process[which];

    beside_stop(&p->beside);
    p->wait_ms = now_ms - p->started_ms >= WELL_MS || p->wait_ms == 0 ? AGAIN_FIRST_MS : p->wait_ms * 2;
    p->wait_ms = p->wait_ms < AGAIN_LAST_MS ? p->wait_ms : AGAIN_LAST_MS;
    p->again_ms = now_ms + p->wait_ms;
    for (uint32_t i = 0; i < slots; i++) {
        if (calls[i].state == CALLING && calls[i].which == which) {
            fail(&calls[i], ECONNABORTED, DIAL_WHY_NONE);
        }
    }
}

static int
start(enum which which, int64_t now_ms)
{
    static char program[PROCESSES][12] = { "belfry-dial", "belfry-dial", "belfry-port" };
    static char part[PROCESSES][12] = { "network", "commands", "ports" };
    char *argv[] = { program[which], part[which], NULL };
    struct process *p = &process[which];
    int error;

    if (p->beside.fd >= 0) {
        return 0;
    }
    if (p->was_started && now_ms < p->again_ms) {
        return -ECONNABORTED;
    }
    p->was_started = true;
    p->started_ms = now_ms;
    error = beside_start(&p->beside, argv[0], argv, SOCK_SEQPACKET);
    if (error != 0) {
        gone(which, now_ms);
    }
    return error;
}

static enum which
process_of(enum conf_kind kind)
{
    return kind == CONF_SERIAL ? PORTS : kind == CONF_COMMAND ? COMMANDS : NETWORK;
}

static bool
needs_dialing(enum conf_kind kind)
{
    return kind == CONF_SERIAL || kind == CONF_TCP || kind == CONF_TELNET || kind == CONF_TLS ||
           kind == CONF_COMMAND;
}

void
dial_start(const struct conf *conf)
{
    for (unsigned i = 0; i < conf->lines; i++) {
        if (needs_dialing(conf->line[i].kind)) {
            (void)start(process_of(conf->line[i].kind), 0);
        }
    }
}

/* The end of the link is what it ends its commands for. */
static void
part(struct beside *b)
{
    if (b->fd >= 0) {
        (void)close(b->fd);
        b->fd = -1;
    }
    for (int waited = 0; b->pid > 1 && waited < STOP_MS; waited += 10) {
        if (waitpid(b->pid, NULL, WNOHANG) != 0) {
            b->pid = -1;
            return;
        }
        (void)poll(NULL, 0, 10);
    }
}

void
dial_stop(void)
{
    for (uint32_t i = 0; i < slots; i++) {
        free_call(&calls[i]);
    }
    for (int which = 0; which < PROCESSES; which++) {
        part(&process[which].beside);
        beside_stop(&process[which].beside);
        process[which].was_started = false;
    }
    free(calls);
    calls = NULL;
    slots = 0;
}

/* ---- what is said and heard */

static struct dial_message message;

/* Without belfry-port it is closed here, as at the end of a process. */
void
dial_close(int fd)
{
    static struct dial_message close_message = { .kind = DIAL_CLOSE };

    if (process[PORTS].beside.fd >= 0) {
        (void)dial_send(process[PORTS].beside.fd, &close_message, fd);
    }
    (void)close(fd);
}

static void
hear(enum which which, size_t size, int passed)
{
    struct call *c = dial_message_valid(&message, size) ? find(message.number) : NULL;

    if (c == NULL || c->which != which || c->state != CALLING) {
        if (passed >= 0 && which == PORTS) {
            dial_close(passed);
        } else if (passed >= 0) {
            (void)close(passed);
        }
        return;
    }
    if (message.kind == DIAL_CAME && passed >= 0) {
        c->state = CAME;
        c->fd = passed;
        return;
    }
    if (passed >= 0) {
        (void)close(passed);
    }
    fail(c, message.kind == DIAL_FAILED ? message.error : EPROTO, message.why);
}

static void
listen_to(enum which which, int64_t now_ms)
{
    int passed;
    int n = 1;

    while (process[which].beside.fd >= 0 && n > 0) {
        n = dial_receive(process[which].beside.fd, &message, &passed);
        if (n > 0) {
            hear(which, (size_t)n, passed);
        } else if (n != -EAGAIN) {
            gone(which, now_ms);
        }
    }
}

void
dial_tick(int64_t now_ms)
{
    listen_to(PORTS, now_ms);
}

static uint8_t
nibble(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static bool
write_port(const struct conf_line *line)
{
    static const enum hal_tty_flow flows[] = {
        [CONF_FLOW_NONE] = HAL_TTY_FLOW_NONE,
        [CONF_FLOW_RTSCTS] = HAL_TTY_FLOW_RTSCTS,
        [CONF_FLOW_XONXOFF] = HAL_TTY_FLOW_XONXOFF,
    };
    const struct conf_options *o = &line->options;

    message.kind = DIAL_PORT;
    message.serial.baud = o->baud;
    message.serial.flow = (uint8_t)flows[o->flow];
    message.serial.writes = !o->alarm_only;
    return dial_add_text(&message, line->name) && dial_add_text(&message, line->path) &&
           dial_add_text(&message, o->frame);
}

static bool
write_call(const struct conf_line *line)
{
    const struct conf_options *o = &line->options;

    memset(&message, 0, DIAL_HEAD);
    if (line->kind == CONF_SERIAL) {
        return write_port(line);
    }
    message.kind = line->kind == CONF_COMMAND ? DIAL_COMMAND : line->kind == CONF_TLS ? DIAL_TLS : DIAL_TCP;
    message.port = line->port;
    if (o->pin != NULL) {
        message.pinned = 1;
        for (size_t i = 0; i < DIAL_PIN; i++) {
            message.pin[i] = (uint8_t)(nibble(o->pin[2 * i]) << 4 | nibble(o->pin[2 * i + 1]));
        }
    }
    if (line->kind != CONF_COMMAND) {
        return dial_add_text(&message, line->name) && dial_add_text(&message, line->host) &&
               dial_add_text(&message, o->peer != NULL ? o->peer : line->host);
    }
    if (!dial_add_text(&message, line->name)) {
        return false;
    }
    for (const char *const *arg = line->argv; *arg != NULL; arg++) {
        if (!dial_add_text(&message, *arg)) {
            return false;
        }
    }
    return true;
}

/* Opened here: belfry-dial may read no files. 0 or -errno; `fd` gets -1 when there is none to be opened. */
static int
open_ca(const struct conf_line *line, int *fd)
{
    *fd = -1;
    if (line->kind != CONF_TLS || line->options.ca == NULL) {
        return 0;
    }
    *fd = open(line->options.ca, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return *fd < 0 ? -errno : 0;
}

/* The call is under way, or what it had is given back. */
static int
called(enum which which, struct call *c, int error, int64_t now_ms, uint32_t *number)
{
    if (error == 0) {
        *number = c->number;
        return 0;
    }
    if (c != NULL) {
        free_call(c);
    }
    if (error == -EPIPE || error == -ECONNRESET) {
        gone(which, now_ms);
    }
    return error;
}

int
dial_call(const struct conf_line *line, int64_t now_ms, uint32_t *number)
{
    enum which which = process_of(line->kind);
    int error = start(which, now_ms);
    struct call *c;
    int ca;

    if (error != 0) {
        return error;
    }
    error = open_ca(line, &ca);
    if (error != 0) {
        return error;
    }
    c = new_call(which);
    if (c == NULL || !write_call(line)) {
        error = c == NULL ? -ENOMEM : -E2BIG;
    } else {
        message.number = c->number;
        error = dial_send(process[which].beside.fd, &message, ca);
    }
    if (ca >= 0) {
        (void)close(ca);
    }
    return called(which, c, error, now_ms, number);
}

int
dial_set(int fd, const struct termios *settings, int64_t now_ms, uint32_t *number)
{
    int error = start(PORTS, now_ms);
    struct call *c;

    if (error != 0) {
        return error;
    }
    c = new_call(PORTS);
    if (c == NULL) {
        return -ENOMEM;
    }
    memset(&message, 0, DIAL_HEAD);
    message.kind = DIAL_SET;
    message.number = c->number;
    message.len = sizeof *settings;
    memcpy(message.bytes, settings, sizeof *settings);
    error = dial_send(process[PORTS].beside.fd, &message, fd);
    return called(PORTS, c, error, now_ms, number);
}

int
dial_answer(uint32_t number, int64_t now_ms, int *fd, enum dial_why *why)
{
    struct call *c = find(number);
    int error;

    *why = DIAL_WHY_NONE;
    if (c == NULL) {
        return -ECONNABORTED;
    }
    if (c->state == CALLING) {
        listen_to(c->which, now_ms);
    }
    if (c->state == CALLING) {
        return -EINPROGRESS;
    }
    if (c->state == CAME) {
        *fd = c->fd;
        c->fd = -1;
        c->state = TAKEN;
        if (c->which == PORTS) {
            free_call(c); /* its end is dial_close()'s */
        }
        return 0;
    }
    error = -c->error;
    *why = (enum dial_why)c->why;
    free_call(c);
    return error;
}

void
dial_end(uint32_t number)
{
    struct call *c = find(number);

    if (c == NULL) {
        return;
    }
    memset(&message, 0, DIAL_HEAD);
    message.kind = DIAL_END;
    message.number = number;
    if (process[c->which].beside.fd >= 0) {
        /* Should it not be told: our end of the line is closed, which ends the other half too. */
        (void)dial_send(process[c->which].beside.fd, &message, -1);
    }
    free_call(c);
}
