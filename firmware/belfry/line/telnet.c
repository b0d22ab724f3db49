#include "belfry/line/telnet.h"

#include <string.h>

#define CR 13

enum command {
    SE = 240,
    BRK = 243,
    SB = 250,
    WILL = 251,
    WONT = 252,
    DO = 253,
    DONT = 254,
    IAC = 255,
};

enum stage { DATA, COMMAND, OPTION, SUB, SUB_COMMAND };

/* RFC 2217, section 3; the server's are 100 more. */
enum com_port {
    SET_BAUD = 1,
    SET_DATA = 2,
    SET_PARITY = 3,
    SET_STOP = 4,
    SET_CONTROL = 5,
    LINE_STATE = 6,
    MODEM_STATE = 7,
    SUSPEND = 8,
    RESUME = 9,
    LINE_STATE_MASK = 10,
    MODEM_STATE_MASK = 11,
    SERVER = 100,
};

#define LINE_OVERRUN 0x02
#define LINE_PARITY 0x04
#define LINE_FRAMING 0x08
#define LINE_BREAK 0x10

static const uint8_t codes[TELNET_OPTIONS] = {
    [TELNET_BINARY] = 0,
    [TELNET_ECHO] = 1,
    [TELNET_SGA] = 3,
    [TELNET_COM_PORT] = 44,
};

/* Whether the option makes sense on our side, and on the server's. */
static const bool ours[TELNET_OPTIONS] = {
    [TELNET_BINARY] = true,
    [TELNET_SGA] = true,
    [TELNET_COM_PORT] = true,
};
static const bool theirs[TELNET_OPTIONS] = {
    [TELNET_BINARY] = true,
    [TELNET_ECHO] = true,
    [TELNET_SGA] = true,
};

/* ---- what is said */

/* All of it or nothing: half a command would shift all that come after it. */
static void
say(struct telnet *t, const uint8_t *src, size_t len)
{
    if (len <= sizeof t->out - t->out_len) {
        memcpy(t->out + t->out_len, src, len);
        t->out_len = (uint16_t)(t->out_len + len);
    }
}

static void
say_option(struct telnet *t, uint8_t verb, uint8_t option)
{
    const uint8_t bytes[] = { IAC, verb, option };

    say(t, bytes, sizeof bytes);
}

/* An answer to what the server asked for; a server that asks for more than that in a second is not answered.
 */
static void
answer(struct telnet *t, uint8_t verb, uint8_t option)
{
    if (t->answers < TELNET_ANSWERS) {
        t->answers++;
        say_option(t, verb, option);
    }
}

static void
say_port(struct telnet *t, enum com_port what, uint32_t value, size_t bytes)
{
    uint8_t m[4 + 2 * 4 + 2] = { IAC, SB, codes[TELNET_COM_PORT], (uint8_t)what };
    size_t n = 4;

    for (size_t i = bytes; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> (8 * i));

        m[n++] = byte;
        if (byte == IAC) {
            m[n++] = IAC;
        }
    }
    m[n++] = IAC;
    m[n++] = SE;
    say(t, m, n);
}

static uint8_t
parity_code(char parity)
{
    static const char letters[] = "noems"; /* RFC 2217: 1 none, 2 odd, 3 even, 4 mark, 5 space */
    const char *at = strchr(letters, parity);

    return at != NULL && parity != '\0' ? (uint8_t)(at - letters + 1) : 0;
}

static uint8_t
flow_code(enum conf_flow flow)
{
    static const uint8_t flows[] = { [CONF_FLOW_NONE] = 1, [CONF_FLOW_XONXOFF] = 2, [CONF_FLOW_RTSCTS] = 3 };

    return flows[flow];
}

/* The server does RFC 2217: what the port shall be, and that we want to hear what happens on it. */
static void
set_port(struct telnet *t)
{
    const struct telnet_port *p = &t->port;

    say_port(t, LINE_STATE_MASK, LINE_BREAK | LINE_FRAMING | LINE_PARITY | LINE_OVERRUN, 1);
    say_port(t, MODEM_STATE_MASK, 0xFF, 1);
    if (p->baud != 0) {
        say_port(t, SET_BAUD, p->baud, 4);
    }
    if (p->frame[0] != '\0') {
        say_port(t, SET_DATA, (uint32_t)(p->frame[0] - '0'), 1);
        say_port(t, SET_PARITY, parity_code(p->frame[1]), 1);
        say_port(t, SET_STOP, (uint32_t)(p->frame[2] - '0'), 1);
    }
    if (p->set_flow) {
        say_port(t, SET_CONTROL, flow_code(p->flow), 1);
    }
}

/* ---- what is heard */

static void
event(struct telnet *t, enum telnet_what what, uint8_t on, uint8_t changed, size_t at)
{
    struct telnet_event *last = t->events > 0 ? &t->event[t->events - 1] : NULL;

    if (t->events == TELNET_EVENTS) {
        if (last->what == TELNET_MODEM && what == TELNET_MODEM) {
            last->on = on;
            last->changed |= changed;
        }
        return;
    }
    t->event[t->events++] =
            (struct telnet_event){ .what = what, .on = on, .changed = changed, .at = (uint16_t)at };
}

static void
hear_modem(struct telnet *t, uint8_t state, size_t at)
{
    /* High half: DCD, RI, DSR, CTS as they are; low half: which of them changed, in the same order. */
    uint8_t on = state >> 4;
    uint8_t changed = t->modem_known ? (uint8_t)(t->modem ^ on) : (uint8_t)(state & 0x0F);

    t->modem = on;
    t->modem_known = true;
    if (changed != 0) {
        event(t, TELNET_MODEM, on, changed, at);
    }
}

static void
hear_line(struct telnet *t, uint8_t state, size_t at)
{
    static const struct {
        uint8_t bit;
        enum telnet_what what;
    } bits[] = { { LINE_BREAK, TELNET_BREAK }, { LINE_FRAMING, TELNET_FRAMING },
        { LINE_PARITY, TELNET_PARITY }, { LINE_OVERRUN, TELNET_OVERRUN } };

    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if ((state & bits[i].bit) != 0) {
            event(t, bits[i].what, 0, 0, at);
        }
    }
}

static uint32_t
wanted(const struct telnet_port *p, uint8_t what)
{
    switch (what) {
    case SET_BAUD:
        return p->baud;
    case SET_DATA:
        return p->frame[0] != '\0' ? (uint32_t)(p->frame[0] - '0') : 0;
    case SET_PARITY:
        return parity_code(p->frame[1]);
    case SET_STOP:
        return p->frame[0] != '\0' ? (uint32_t)(p->frame[2] - '0') : 0;
    default:
        return 0;
    }
}

static void
hear_port(struct telnet *t, size_t at)
{
    uint8_t what = t->sub[1] >= SERVER ? (uint8_t)(t->sub[1] - SERVER) : 0;
    size_t len = (size_t)t->sub_len - 2;
    uint32_t value = 0;

    for (size_t i = 0; i < len && i < 4; i++) {
        value = value << 8 | t->sub[2 + i];
    }
    if (what == LINE_STATE && len == 1) {
        hear_line(t, t->sub[2], at);
    } else if (what == MODEM_STATE && len == 1) {
        hear_modem(t, t->sub[2], at);
    } else if (what == SUSPEND || what == RESUME) {
        t->paused = what == SUSPEND;
    } else if (len == (what == SET_BAUD ? 4 : 1) && wanted(&t->port, what) != 0 && value != 0 &&
               wanted(&t->port, what) != value) { /* 0: it does not say */
        t->differs |= 1U << what;
    }
}

static void
refuse(struct telnet *t, uint8_t verb, uint8_t option)
{
    uint8_t *refused = &t->refused[verb == DO][option / 8];

    if ((verb == WILL || verb == DO) && (*refused & 1U << option % 8) == 0) {
        *refused |= (uint8_t)(1U << option % 8);
        answer(t, verb == WILL ? DONT : WONT, option);
    }
}

/* One side of an option that we know. `yes` and `no` are what agrees and what does not. */
static void
settle(struct telnet *t, enum telnet_state *state, bool on, uint8_t option, uint8_t yes, uint8_t no)
{
    if (on && *state == TELNET_NO) {
        answer(t, yes, option);
    } else if (!on && *state == TELNET_YES) {
        answer(t, no, option);
    }
    *state = on ? TELNET_YES : TELNET_NO;
}

static void
hear_option(struct telnet *t, uint8_t code)
{
    bool mine = t->verb == DO || t->verb == DONT;
    bool on = t->verb == DO || t->verb == WILL;
    enum telnet_state *state;
    bool was;

    for (unsigned i = 0; i < TELNET_OPTIONS; i++) {
        if (codes[i] != code || !(mine ? ours[i] : theirs[i])) {
            continue;
        }
        state = mine ? &t->us[i] : &t->him[i];
        was = *state == TELNET_YES;
        settle(t, state, on, code, mine ? WILL : DO, mine ? WONT : DONT);
        if (mine && i == TELNET_COM_PORT && on && !was && t->answers < TELNET_ANSWERS) {
            t->answers++;
            set_port(t);
        }
        return;
    }
    refuse(t, t->verb, code);
}

static void
hear_sub(struct telnet *t, size_t at)
{
    if (t->sub_len >= 2 && t->sub[0] == codes[TELNET_COM_PORT] && t->us[TELNET_COM_PORT] == TELNET_YES) {
        hear_port(t, at);
    }
}

static void
add_sub(struct telnet *t, uint8_t byte)
{
#ifdef PLANT_TELNET
    if (t->sub_len <= TELNET_SUB) {
#else
    if (t->sub_len < TELNET_SUB) {
#endif
        t->sub[t->sub_len++] = byte;
    }
}

static enum stage
hear_command(struct telnet *t, uint8_t byte, size_t at)
{
    if (byte >= WILL && byte <= DONT) {
        t->verb = byte;
        return OPTION;
    }
    if (byte == SB) {
        t->sub_len = 0;
        return SUB;
    }
    if (byte == BRK) {
        event(t, TELNET_BREAK, 0, 0, at);
    }
    return DATA;
}

/* True when the byte is data. RFC 854: without binary mode, a carriage return by itself comes with a NUL. */
static bool
is_data(struct telnet *t, uint8_t byte)
{
    bool padding = byte == 0 && t->after_cr && t->him[TELNET_BINARY] != TELNET_YES;

    t->after_cr = byte == CR;
    return !padding;
}

/* A byte that is no data, or no data yet. True when it is some: an escaped IAC. */
static bool
hear_byte(struct telnet *t, uint8_t byte, size_t at)
{
    switch ((enum stage)t->stage) {
    case COMMAND:
        if (byte == IAC) {
            t->stage = DATA;
            return true;
        }
        t->stage = hear_command(t, byte, at);
        break;
    case OPTION:
        hear_option(t, byte);
        t->stage = DATA;
        break;
    case SUB:
        if (byte == IAC) {
            t->stage = SUB_COMMAND;
        } else {
            add_sub(t, byte);
        }
        break;
    case SUB_COMMAND:
        if (byte == IAC) {
            add_sub(t, byte);
            t->stage = SUB;
        } else if (byte == SE) {
            hear_sub(t, at);
            t->stage = DATA;
        } else { /* it never ended: what it was is not known */
            t->stage = hear_command(t, byte, at);
        }
        break;
    case DATA:
        break;
    }
    return false;
}

void
telnet_init(struct telnet *t, const struct telnet_port *port)
{
    memset(t, 0, sizeof *t);
    t->port = *port;
    for (unsigned i = 0; i < TELNET_OPTIONS; i++) {
        if (ours[i]) {
            t->us[i] = TELNET_WANT_YES;
            say_option(t, WILL, codes[i]);
        }
        if (theirs[i] && i != TELNET_ECHO) {
            t->him[i] = TELNET_WANT_YES;
            say_option(t, DO, codes[i]);
        }
    }
}

size_t
telnet_feed(struct telnet *t, const uint8_t *src, size_t len, uint8_t *to, int64_t now_ms)
{
    size_t n = 0;

    t->events = 0;
    if (now_ms - t->second_ms >= 1000) {
        t->second_ms = now_ms;
        t->answers = 0;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = src[i];

        if (t->stage == DATA && byte == IAC) {
            t->stage = COMMAND;
        } else if (t->stage == DATA || hear_byte(t, byte, n)) {
            if (is_data(t, byte)) {
                to[n++] = byte;
            }
        }
    }
    return n;
}

void
telnet_sent(struct telnet *t, size_t n)
{
    memmove(t->out, t->out + n, t->out_len - n);
    t->out_len = (uint16_t)(t->out_len - n);
}

size_t
telnet_write(const struct telnet *t, const uint8_t *src, size_t len, uint8_t *to, size_t room, size_t *taken)
{
    size_t n = 0;
    size_t i = 0;

    for (; i < len; i++) {
        bool two = src[i] == IAC || (src[i] == CR && t->us[TELNET_BINARY] != TELNET_YES);

        if (room - n < (two ? 2U : 1U)) {
            break;
        }
        to[n++] = src[i];
        if (two) {
            to[n++] = src[i] == IAC ? IAC : 0;
        }
    }
    *taken = i;
    return n;
}
