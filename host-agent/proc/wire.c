#include "alarm/clock.h"
#include "proc/link.h"
#include "proc/role.h"
#include "sinks/sink.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/*
 * A wire: one channel, one device. It asks the core for a line when the last is out, so the core decides as
 * late as can be what goes next. Two lines that were sealed in advance speak for the core and the warden when
 * those are gone.
 */
#define QUEUED_LOW 16       /* bytes in the driver at which the next line may follow */
#define QUEUED_LOOK_MS 2    /* how often to look at the driver's queue */
#define STUCK_MS 10000      /* takes nothing for this long: the channel is lost */
#define END_LOOK_MS 20      /* how often to look whether all is said, once it ends */
#define CORE_SILENT_MS 5000 /* the core says it lives each second */
#define LAST_WORDS_MS 5000  /* time for the last words */
#define DISMISSED_MS 1000   /* without progress after the warden said STOP */
#define REOPEN_FIRST_MS 100
#define REOPEN_MOST_MS 5000
#define LONGEST_WAIT_MS 1000

enum wire_state { WIRE_CLOSED, WIRE_IDLE, WIRE_WRITING, WIRE_DRAINING };

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
    int queued;       /* in the driver, when last looked */
    int64_t moved_ms; /* when the device last took something or sent it */
    int64_t reopen_ms;
    int64_t reopen_wait_ms;
    int64_t core_ms; /* when the core was last heard */
    int64_t turn_ms; /* of role_was_absent() */
    bool core_gone;
    bool warden_gone;
    bool dismissed;                 /* the warden said STOP */
    struct line_message reserve[2]; /* for the core's end and the warden's; len 0: none, or used */
};

static struct wire wire;

static void
say(enum wire_kind kind, uint32_t number, int value)
{
    struct wire_message m = { .kind = (uint8_t)kind, .number = number, .value = value };

    if (!wire.core_gone && link_send(ROLE_FD_LINK, &m, sizeof(m)) == -EPIPE) {
        wire.core_gone = true;
    }
}

static void
say_lost(int error)
{
    if (!wire.told_lost) {
        wire.told_lost = true;
        say(WIRE_SAYS_LOST, wire.number, error);
    }
}

static void
say_back(void)
{
    if (wire.told_lost) {
        wire.told_lost = false;
        say(WIRE_SAYS_BACK, 0, 0);
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

/* A line end first: whatever is on the line already is not ours to be part of. */
static void
open_device(int64_t now_ms)
{
    int error = wire.sink.ops->open(&wire.sink);

    if (error < 0) {
        say_lost(-error);
        wire.reopen_ms = now_ms + wire.reopen_wait_ms;
        wire.reopen_wait_ms =
                wire.reopen_wait_ms * 2 < REOPEN_MOST_MS ? wire.reopen_wait_ms * 2 : REOPEN_MOST_MS;
        return;
    }
    wire.reopen_wait_ms = REOPEN_FIRST_MS;
    wire.moved_ms = now_ms;
    if (wire.out_len > 0) {
        wire.out_at = 0;
        wire.state = WIRE_WRITING;
        return;
    }
    memcpy(wire.out, "\r\n", 2);
    wire.out_len = 2;
    wire.out_at = 0;
    wire.state = WIRE_WRITING;
}

static void
lose_device(int error, int64_t now_ms)
{
    wire.sink.ops->close(&wire.sink);
    wire.state = WIRE_CLOSED;
    wire.reopen_ms = now_ms + wire.reopen_wait_ms;
    say_lost(error);
}

static void
finish_line(void)
{
    wire.state = WIRE_IDLE;
    wire.out_len = 0;
    say_back();
    if (wire.answers) {
        wire.answers = false;
        say(WIRE_SAYS_DONE, wire.number, 0);
    } else {
        say(WIRE_SAYS_READY, 0, 0);
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
        lose_device(-queued, now_ms);
    } else if (queued <= QUEUED_LOW) {
        finish_line();
    } else if (now_ms - wire.moved_ms > STUCK_MS) {
        say_lost(0);
    }
}

static void
write_some(int64_t now_ms)
{
    int n = wire.sink.ops->write(&wire.sink, wire.out + wire.out_at, wire.out_len - wire.out_at);

    if (n < 0) {
        lose_device(-n, now_ms);
        return;
    }
    if (n > 0) {
        wire.moved_ms = now_ms;
        wire.out_at += (size_t)n;
    } else if (now_ms - wire.moved_ms > STUCK_MS) {
        say_lost(0);
    }
    if (wire.out_at == wire.out_len) {
        wire.state = WIRE_DRAINING;
        look_at_queue(now_ms);
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
hear_warden(void)
{
    struct control_message m;
    int passed;
    int heard = role_hear_warden(&m, &passed);

    if (heard < 0 || (heard > 0 && m.kind == CONTROL_STOP)) {
        wire.warden_gone = wire.warden_gone || heard < 0;
        wire.core_gone = true;
        if (heard > 0) {
            wire.dismissed = true;
            forget_last_words();
        }
    }
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

    return silent || (wire.dismissed && now_ms - wire.moved_ms > DISMISSED_MS) ||
           now_ms - gone_ms > LAST_WORDS_MS;
}

static int64_t
act(int64_t now_ms)
{
    check_partners(now_ms);
    switch (wire.state) {
    case WIRE_CLOSED:
        if (now_ms >= wire.reopen_ms) {
            open_device(now_ms);
        }
        break;
    case WIRE_DRAINING:
        look_at_queue(now_ms);
        break;
    case WIRE_WRITING:
        write_some(now_ms);
        break;
    case WIRE_IDLE:
        break;
    }
    if (wire.state == WIRE_CLOSED) {
        return wire.reopen_ms;
    }
    if (wire.state == WIRE_DRAINING) {
        return now_ms + QUEUED_LOOK_MS;
    }
    return wire.state == WIRE_WRITING && wire.out_at == 0 && wire.moved_ms == now_ms ? now_ms : INT64_MAX;
}

static void
wait_for_something(int64_t now_ms, int64_t due_ms)
{
    struct pollfd fds[3] = {
        { .fd = wire.warden_gone ? -1 : ROLE_FD_CONTROL, .events = POLLIN },
        { .fd = wire.core_gone ? -1 : ROLE_FD_LINK, .events = POLLIN },
        { .fd = wire.state == WIRE_WRITING ? wire.sink.fd : -1, .events = POLLOUT },
    };

    if (poll(fds, 3, role_timeout(now_ms, due_ms, LONGEST_WAIT_MS)) <= 0) {
        return;
    }
    if (fds[1].revents != 0) {
        hear_core(clock_boot_ms());
    }
    if (fds[0].revents != 0) {
        hear_warden();
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
    wire.sink.channel = &self->conf->channel[self->index];
    wire.sink.ops = sink_find(wire.sink.channel->scheme);
    wire.sink.fd = -1;
    wire.reopen_wait_ms = REOPEN_FIRST_MS;
    wire.core_ms = clock_boot_ms();
    if (wire.sink.ops == NULL) {
        return 2;
    }
    role_tell_warden(self, CONTROL_READY);
    for (;;) {
        int64_t now_ms = clock_boot_ms();
        int64_t due_ms = act(now_ms);
        int64_t alive_ms = role_alive(self, now_ms);

        if (wire.core_gone || wire.warden_gone) {
            gone_ms = gone_ms == 0 ? now_ms : gone_ms;
            if (all_said(gone_ms, now_ms)) {
                role_tell_warden(self, CONTROL_LAST_WORDS);
                return 0;
            }
            alive_ms = now_ms + END_LOOK_MS;
        }
        wait_for_something(now_ms, due_ms < alive_ms ? due_ms : alive_ms);
    }
}
