#ifndef BELFRY_LINE_TELNET_H
#define BELFRY_LINE_TELNET_H
/*
 * telnet - a client's end of a Telnet connection, with the serial port behind it
 *
 * One a connection, without memory of its own. RFC 854 (bytes and commands), 855 and 1143 (options), 856
 * (binary), 857 (echo), 858 (suppress go ahead), 2217 (the port's speed, frame and flow control; what happens
 * on it). All else is refused. What the server sends is hostile: answers are bounded in number and bytes, and
 * what has no room is not said.
 */
#include "belfry/conf.h"

#define TELNET_OUT 320    /* bytes that wait to be sent */
#define TELNET_SUB 16     /* of a subnegotiation that are kept; those that matter have 6 at most */
#define TELNET_ANSWERS 64 /* in a second */
#define TELNET_EVENTS 16  /* in one call; more become one */

enum telnet_what { TELNET_BREAK, TELNET_FRAMING, TELNET_PARITY, TELNET_OVERRUN, TELNET_MODEM };

#define TELNET_CTS 1
#define TELNET_DSR 2
#define TELNET_RI 4
#define TELNET_DCD 8

struct telnet_event {
    enum telnet_what what;
    uint8_t on;      /* TELNET_MODEM: TELNET_CTS and its like that are on now */
    uint8_t changed; /* and those that changed */
    uint16_t at;     /* bytes that this call gave before it */
};

/* What is wanted of the port; 0, "" and false leave it as it is. */
struct telnet_port {
    uint32_t baud;
    char frame[4];
    bool set_flow;
    enum conf_flow flow;
};

enum telnet_option { TELNET_BINARY, TELNET_ECHO, TELNET_SGA, TELNET_COM_PORT, TELNET_OPTIONS };

/* RFC 1143, without its queue: nothing is asked for while an answer is awaited. */
enum telnet_state { TELNET_NO, TELNET_WANT_YES, TELNET_YES };

struct telnet {
    struct telnet_port port;
    enum telnet_state us[TELNET_OPTIONS];
    enum telnet_state him[TELNET_OPTIONS];
    uint8_t refused[2][32]; /* options that were refused already: once is enough */
    uint8_t stage;
    uint8_t verb; /* WILL, WONT, DO or DONT that an option follows */
    bool after_cr;
    bool paused; /* the server asked us to send no data */
    bool modem_known;
    uint8_t modem;
    uint8_t sub_len;
    uint8_t sub[TELNET_SUB];
    uint16_t out_len;
    uint8_t out[TELNET_OUT];
    unsigned answers; /* since second_ms */
    int64_t second_ms;
    unsigned differs; /* settings that the server answered with another value */
    unsigned events;
    struct telnet_event event[TELNET_EVENTS];
};

/* The first offers wait in `out`. */
void telnet_init(struct telnet *t, const struct telnet_port *port);

/* Takes bytes as they came and gives the data among them, at most as many; `to` may be `src`. What happened
 * meanwhile is in `event`, what is to be answered in `out`. */
size_t telnet_feed(struct telnet *t, const uint8_t *src, size_t len, uint8_t *to, int64_t now_ms);

/* The first `n` bytes of `out` were sent. */
void telnet_sent(struct telnet *t, size_t n);

/* Data as it is to be sent, at most `room` bytes. `taken` gets how many bytes of `src` that is. */
size_t telnet_write(
        const struct telnet *t, const uint8_t *src, size_t len, uint8_t *to, size_t room, size_t *taken);

#endif
