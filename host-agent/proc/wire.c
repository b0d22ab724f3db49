#include "alarm/clock.h"
#include "proc/link.h"
#include "proc/role.h"
#include "sinks/sink.h"
#include "watch/device.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A wire: one channel, one device. It asks the core for a line when the last is out, so the core decides as
 * late as can be what goes next. Two lines that were sealed in advance speak for the core and the warden when
 * those are gone.
 */
#define QUEUED_LOW 16       /* bytes in the driver at which the next line may follow */
#define QUEUED_LOOK_MS 2    /* how often to look at the driver's queue */
#define STILL_MS 1000       /* sends nothing for this long: looked at less often, */
#define STILL_LOOK_MS 40    /* every so often */
#define STUCK_MS 10000      /* takes nothing for this long: the channel is lost */
#define END_LOOK_MS 20      /* how often to look whether all is said, once it ends */
#define CORE_SILENT_MS 5000 /* the core says it lives each ROLE_ALIVE_MS */
#define LAST_WORDS_MS 5000  /* time for the last words */
#define DISMISSED_MS 1000   /* without progress after the warden said STOP */
#define OPEN_MS 5000        /* for the opener; what takes longer hangs, and another one is asked for */
#define REOPEN_FIRST_MS 100
#define REOPEN_MOST_MS 5000
#define CHECK_MS 1000  /* between two looks at a device that others can change */
#define HANGUPS_MOST 3 /* in HANGUPS_MS: as many as a getty and a login make when they begin anew */
#define HANGUPS_MS 10000

_Static_assert(
        WIRE_WORD == SINK_WORD && WIRE_SETTINGS == SINK_SETTINGS, "a wire passes on what its sink says");

enum wire_state { WIRE_CLOSED, WIRE_OPENING, WIRE_IDLE, WIRE_WRITING, WIRE_DRAINING };

struct wire {
    struct role_self *self;
    struct sink sink;
    enum wire_state state;
    char out[WIRE_LINE_MAX + 8];
    size_t out_len;
    size_t out_at;
    uint32_t number;
    bool answers; /* the core waits for WIRE_SAYS_DONE */
    bool told_lost;
    unsigned hangups; /* since hangups_ms */
    int64_t hangups_ms;
    bool hung;        /* the device said so, and a look was due */
    bool waits;       /* open, and takes nothing for now: sink_ops.check says so */
    int opener;       /* a link to the process that opens the device; -1: none */
    int64_t asked_ms; /* when it was asked for */
    int queued;       /* in the driver, when last looked */
    int64_t moved_ms; /* when the device last took something or sent it */
    int64_t reopen_ms;
    int64_t reopen_wait_ms;
    int64_t check_ms;
    int64_t core_ms; /* when the core was last heard */
    int64_t turn_ms; /* of role_was_absent() */
    bool core_gone;
    bool warden_gone;
    bool dismissed;                 /* the warden said STOP */
    struct line_message reserve[2]; /* for the core's end and the warden's; len 0: none, or used */
};

static struct wire wire;

static void
say(enum wire_kind kind, uint32_t number, int value, const char *word)
{
    struct wire_message m = { .kind = (uint8_t)kind, .number = number, .value = value };

    snprintf(m.word, sizeof(m.word), "%s", word);
    if (!wire.core_gone && link_send(ROLE_FD_LINK, &m, sizeof(m)) == -EPIPE) {
        wire.core_gone = true;
    }
}

/* What is open, as the device has it now. */
static void
say_status(void)
{
    struct wire_status m = { .magic = WIRE_STATUS_MAGIC, .open = wire.state > WIRE_OPENING };
    const struct sink_ops *ops = wire.sink.ops;
    struct stat st;

    if (wire.sink.fd >= 0 && fstat(wire.sink.fd, &st) == 0 && S_ISCHR(st.st_mode)) {
        m.device = device_of(st.st_rdev, st.st_dev);
    }
    if (m.open != 0 && ops->settings != NULL) {
        ops->settings(&wire.sink, m.settings);
    }
    (void)link_send(ROLE_FD_LINK, &m, sizeof(m));
}

static void
say_lost(int error, const char *word)
{
    if (!wire.told_lost) {
        wire.told_lost = true;
        say(WIRE_SAYS_LOST, wire.number, error, word);
    }
}

static void
say_back(void)
{
    if (wire.told_lost) {
        wire.told_lost = false;
        say(WIRE_SAYS_BACK, 0, 0, "");
    }
}

static void
set_out(const char *bytes, size_t len)
{
    memcpy(wire.out, bytes, len);
    memcpy(wire.out + len, "\r\n", 2);
    wire.out_len = len + 2;
    wire.out_at = 0;
}

static void
ask_for_device(int64_t now_ms)
{
    wire.state = WIRE_OPENING;
    wire.asked_ms = now_ms;
    role_tell_warden(wire.self, CONTROL_OPEN);
}

static void
forget_opener(void)
{
    if (wire.opener >= 0) {
        close(wire.opener);
        wire.opener = -1;
    }
}

/* Ever later, until a line of the core's was out: a device that opens may still take nothing. */
static void
reopen_later(int64_t now_ms)
{
    wire.state = WIRE_CLOSED;
    wire.reopen_ms = now_ms + wire.reopen_wait_ms;
    wire.reopen_wait_ms = wire.reopen_wait_ms * 2 < REOPEN_MOST_MS ? wire.reopen_wait_ms * 2 : REOPEN_MOST_MS;
}

static void
fail_to_open(int error, int64_t now_ms)
{
    forget_opener();
    say_lost(error, "");
    reopen_later(now_ms);
}

/* A line end first: whatever is on the line already is not ours to be part of. */
static void
take_device(int fd, int64_t now_ms)
{
    struct sink *s = &wire.sink;

    s->fd = fd;
    int error = s->ops->adopt != NULL ? s->ops->adopt(s) : 0;
    if (error < 0) {
        s->ops->close(s);
        fail_to_open(-error, now_ms);
        return;
    }
    forget_opener();
    wire.moved_ms = now_ms;
    wire.check_ms = now_ms;
    wire.waits = false;
    wire.hung = false;
    if (wire.out_len == 0) {
        memcpy(wire.out, "\r\n", 2);
        wire.out_len = 2;
    }
    wire.out_at = 0;
    wire.state = WIRE_WRITING;
    say_status();
}

/* Logins hang a shared line up now and then; who does so all the time keeps it from us. */
static bool
is_login(int64_t now_ms)
{
    if (now_ms - wire.hangups_ms > HANGUPS_MS) {
        wire.hangups_ms = now_ms;
        wire.hangups = 0;
    }
    return wire.sink.ops->hangs_up && ++wire.hangups <= HANGUPS_MOST;
}

static void
hear_opener(int64_t now_ms)
{
    struct control_message m;
    int fd;
    ssize_t n = link_receive_fd(wire.opener, &m, sizeof(m), &fd);

    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0 || !message_control_valid(&m, (size_t)n) || m.kind != CONTROL_OPENED) {
        m.value = EIO;
    }
    if (fd >= 0 && wire.state == WIRE_OPENING) {
        take_device(fd, now_ms);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (wire.state == WIRE_OPENING) {
        fail_to_open(m.value != 0 ? m.value : EIO, now_ms);
    }
    forget_opener();
}

static void
lose_device(int error, const char *word, int64_t now_ms)
{
    wire.sink.ops->close(&wire.sink);
    reopen_later(now_ms);
    wire.waits = false;
    say_status();
    if (error != EIO || !is_login(now_ms)) {
        say_lost(error, word);
    }
}

static void
finish_line(void)
{
    wire.state = WIRE_IDLE;
    wire.out_len = 0;
    say_back();
    if (wire.answers) {
        wire.answers = false;
        wire.reopen_wait_ms = REOPEN_FIRST_MS;
        say(WIRE_SAYS_DONE, wire.number, 0, "");
    } else {
        say(WIRE_SAYS_READY, 0, 0, "");
    }
}

static void
look_at_queue(int64_t now_ms)
{
    int queued = wire.sink.ops->queued(&wire.sink);

    if (queued < wire.queued) {
        wire.moved_ms = now_ms;
    }
    wire.queued = queued;
    if (queued < 0) {
        lose_device(-queued, "", now_ms);
    } else if (queued <= QUEUED_LOW) {
        finish_line();
    } else if (now_ms - wire.moved_ms > STUCK_MS) {
        say_lost(0, "stuck");
    }
}

static void
write_some(int64_t now_ms)
{
    int n = wire.sink.ops->write(&wire.sink, wire.out + wire.out_at, wire.out_len - wire.out_at);

    if (n < 0) {
        lose_device(-n, "", now_ms);
        return;
    }
    if (n > 0) {
        wire.moved_ms = now_ms;
        wire.out_at += (size_t)n;
    } else if (now_ms - wire.moved_ms > STUCK_MS) {
        say_lost(0, "stuck");
    }
    if (wire.out_at == wire.out_len) {
        wire.state = WIRE_DRAINING;
        look_at_queue(now_ms);
    }
}

/* Whether the device is as it should be, by its own settings and state. */
static void
check_device(int64_t now_ms)
{
    char word[SINK_WORD] = "";
    int found = wire.sink.ops->check != NULL ? wire.sink.ops->check(&wire.sink, word) : 0;

    wire.check_ms = role_next_ms(ROLE_WIRE, now_ms, wire.sink.ops->changes ? CHECK_MS : ROLE_ALIVE_MS);
    wire.waits = found == SINK_WAITS;
    if (found < 0) {
        lose_device(-found, word, now_ms);
    } else if (wire.waits) {
        say_lost(0, word);
    } else if (found == SINK_TAMPERED) {
        say(WIRE_SAYS_TAMPERED, 0, 0, word);
    } else if (wire.state == WIRE_IDLE) {
        say_back();
    }
}

static void
forget_last_words(void)
{
    wire.reserve[0].len = 0;
    wire.reserve[1].len = 0;
}

static void
take_line(const struct line_message *m, int64_t now_ms)
{
    switch ((enum line_kind)m->kind) {
    case LINE_WRITE:
        if (wire.out_len == 0) {
            set_out(m->bytes, m->len);
            wire.number = m->number;
            wire.answers = true;
            wire.moved_ms = now_ms;
            wire.state = wire.state == WIRE_IDLE ? WIRE_WRITING : wire.state;
        }
        break;
    case LINE_CORE_LOST:
        wire.reserve[0] = *m;
        break;
    case LINE_WARDEN_LOST:
        wire.reserve[1] = *m;
        break;
    case LINE_GOODBYE:
        forget_last_words();
        break;
    case LINE_ASK:
        say_status();
        break;
    case LINE_CORE_ALIVE:
    case LINE_KINDS:
        break;
    }
}

static void
hear_core(int64_t now_ms)
{
    struct line_message m;

    for (;;) {
        ssize_t n = link_receive(ROLE_FD_LINK, &m, sizeof(m));
        if (n == -EAGAIN) {
            return;
        }
        if (n <= 0) {
            wire.core_gone = true;
            return;
        }
        wire.core_ms = now_ms;
        if (message_line_valid(&m, (size_t)n)) {
            take_line(&m, now_ms);
        }
    }
}

/* The line sealed in advance, once, as soon as the line that is going out is out. */
static void
speak_last_words(unsigned which, int64_t now_ms)
{
    struct line_message *m = &wire.reserve[which];

    if (m->len == 0 || wire.out_len > 0) {
        return;
    }
    set_out(m->bytes, m->len);
    m->len = 0;
    wire.answers = false;
    wire.moved_ms = now_ms;
    wire.state = wire.state == WIRE_IDLE ? WIRE_WRITING : wire.state;
}

static void
check_partners(int64_t now_ms)
{
    if (role_was_absent(&wire.turn_ms, now_ms)) {
        wire.core_ms = now_ms;
    }
    if (wire.core_gone || now_ms - wire.core_ms > CORE_SILENT_MS) {
        speak_last_words(0, now_ms);
    }
    if (wire.warden_gone) {
        speak_last_words(1, now_ms);
    }
}

static void
hear_warden(int64_t now_ms)
{
    struct control_message m;
    int passed = -1;
    int heard = role_hear_warden(&m, &passed);

    if (heard < 0 || (heard > 0 && m.kind == CONTROL_STOP)) {
        wire.warden_gone = wire.warden_gone || heard < 0;
        wire.core_gone = true;
        if (heard > 0) {
            wire.dismissed = true;
            forget_last_words();
        }
    } else if (heard > 0 && m.kind == CONTROL_OPENER && passed >= 0) {
        forget_opener();
        wire.opener = passed;
        return;
    } else if (heard > 0 && m.kind == CONTROL_OPENED && wire.state == WIRE_OPENING) {
        fail_to_open(m.value != 0 ? m.value : EIO, now_ms);
    }
    if (passed >= 0 && heard > 0) {
        close(passed);
    }
}

/* The driver's last bytes go with the descriptor. */
static bool
all_sent(void)
{
    return wire.state == WIRE_CLOSED || wire.sink.ops->queued(&wire.sink) <= 0;
}

/*
 * True when all that can still be said is out, or its time is over. An orderly end does not wait for a
 * channel that is stuck.
 */
static bool
all_said(int64_t gone_ms, int64_t now_ms)
{
    bool silent = wire.out_len == 0 && (wire.reserve[0].len == 0 || !wire.core_gone) &&
                  (wire.reserve[1].len == 0 || !wire.warden_gone);

    return (silent && all_sent()) || (wire.dismissed && now_ms - wire.moved_ms > DISMISSED_MS) ||
           now_ms - gone_ms > LAST_WORDS_MS;
}

static int64_t
act(int64_t now_ms)
{
    check_partners(now_ms);
    if (wire.state > WIRE_OPENING && now_ms + ROLE_EARLY_MS >= wire.check_ms) {
        check_device(now_ms);
    }
    switch (wire.state) {
    case WIRE_CLOSED:
        if (now_ms >= wire.reopen_ms) {
            ask_for_device(now_ms);
        }
        break;
    case WIRE_OPENING:
        if (now_ms - wire.asked_ms >= OPEN_MS) {
            fail_to_open(ETIMEDOUT, now_ms);
        }
        break;
    case WIRE_DRAINING:
        look_at_queue(now_ms);
        break;
    case WIRE_WRITING:
        if (!wire.waits) {
            write_some(now_ms);
        }
        break;
    case WIRE_IDLE:
        break;
    }
    if (wire.state == WIRE_CLOSED) {
        return wire.reopen_ms;
    }
    if (wire.state == WIRE_OPENING) {
        return wire.asked_ms + OPEN_MS;
    }
    if (wire.state == WIRE_DRAINING) {
        return wire.waits ? wire.check_ms
                          : now_ms + (now_ms - wire.moved_ms > STILL_MS ? STILL_LOOK_MS : QUEUED_LOOK_MS);
    }
    return wire.state == WIRE_WRITING && !wire.waits && wire.out_at == 0 && wire.moved_ms == now_ms
                   ? now_ms
                   : wire.check_ms;
}

/* When the core's silence has lasted long enough, where that is still to come and before `due_ms`. */
static int64_t
silence_due(int64_t now_ms, int64_t due_ms)
{
    int64_t silent_ms = wire.core_ms + CORE_SILENT_MS + 1;

    return silent_ms > now_ms && silent_ms < due_ms ? silent_ms : due_ms;
}

static void
wait_for_something(int64_t now_ms, int64_t due_ms)
{
    bool writes = wire.state == WIRE_WRITING && !wire.waits;
    struct pollfd fds[4] = {
        { .fd = wire.warden_gone ? -1 : ROLE_FD_CONTROL, .events = POLLIN },
        { .fd = wire.core_gone ? -1 : ROLE_FD_LINK, .events = POLLIN },
        { .fd = wire.hung && !writes ? -1 : wire.sink.fd, .events = writes ? POLLOUT : 0 },
        { .fd = wire.opener, .events = POLLIN },
    };

    if (role_poll(fds, 4, role_timeout(now_ms, due_ms, ROLE_ALIVE_MS)) <= 0) {
        return;
    }
    if (fds[1].revents != 0) {
        hear_core(clock_boot_ms());
    }
    if (fds[0].revents != 0) {
        hear_warden(clock_boot_ms());
    }
    if (fds[3].revents != 0 && fds[3].fd == wire.opener) {
        hear_opener(clock_boot_ms());
    }
    if (!writes && (fds[2].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        wire.hung = true;
        wire.check_ms = now_ms;
    }
}

int
role_wire(struct role_self *self)
{
    int64_t gone_ms = 0;

    if (self->index >= self->conf->channels) {
        return 2;
    }
    wire.self = self;
    wire.opener = -1;
    wire.reopen_wait_ms = REOPEN_FIRST_MS;
    wire.core_ms = clock_boot_ms();
    if (!sink_init(&wire.sink, &self->conf->channel[self->index])) {
        return 2;
    }
    if (wire.sink.ops->prepare != NULL) {
        wire.sink.ops->prepare(&wire.sink);
    }
    role_narrow(self);
    role_seal(self);
    role_tell_warden(self, CONTROL_READY);
    for (;;) {
        int64_t now_ms = clock_boot_ms();
        int64_t due_ms = act(now_ms);

        role_hurry(self, wire.core_gone || wire.warden_gone);
        int64_t alive_ms = role_alive(self, now_ms);
        if (wire.core_gone || wire.warden_gone) {
            gone_ms = gone_ms == 0 ? now_ms : gone_ms;
            if (all_said(gone_ms, now_ms)) {
                role_tell_warden(self, CONTROL_LAST_WORDS);
                return 0;
            }
            alive_ms = now_ms + END_LOOK_MS;
        }
        due_ms = silence_due(now_ms, due_ms);
        wait_for_something(now_ms, due_ms < alive_ms ? due_ms : alive_ms);
    }
}
