#ifndef PROC_MESSAGE_H
#define PROC_MESSAGE_H
/*
 * message - what the agent's processes may say to each other (DESIGN.md has the table)
 *
 * Every link is a SOCK_SEQPACKET pair and every message has one fixed size, so there is nothing to frame and
 * little to parse. A receiver checks each message with message_*_valid() and drops what is not valid.
 */
#include "wire/line.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role { ROLE_WARDEN, ROLE_CORE, ROLE_WIRE, ROLE_FSCHECK, ROLE_PROCSCAN, ROLE_NETWATCH, ROLES };

const char *role_name(enum role role);

/* ROLES when there is no role of that name. */
enum role role_from(const char *name);

/* Descriptors a role finds open when it starts. */
#define ROLE_FD_CONTROL 3 /* to the warden */
#define ROLE_FD_CONF 4    /* sealed memory with struct conf */
#define ROLE_FD_LINK 5    /* detectors and wires: to the core. Core: the session file */
#define ROLE_FD_LISTEN 6  /* core: the listening socket of STATE/ctl */

enum control_kind {
    /* to the warden */
    CONTROL_READY, /* guarding has begun */
    CONTROL_ALIVE,
    CONTROL_STOPPED,    /* core: the goodbye is written, the session file says so */
    CONTROL_LAST_WORDS, /* wire: the line sealed in advance is out */
    /* to a child */
    CONTROL_PEER, /* to the core, with a descriptor: a link to the process `role`/`index` */
    CONTROL_LOST, /* to the core: `role`/`index` ended or was stopped; `value` is the signal or exit status */
    CONTROL_BACK, /* to the core: `role`/`index` runs again */
    CONTROL_STOP, /* say goodbye and end */
    CONTROL_KINDS
};

enum lost_how { LOST_EXITED, LOST_KILLED, LOST_STOPPED, LOST_HUNG, LOST_HOWS };

struct control_message {
    uint8_t kind; /* enum control_kind */
    uint8_t role;
    uint8_t index; /* which channel, for a wire */
    uint8_t how;   /* enum lost_how */
    int32_t value;
    uint64_t reserved;
};

enum line_kind {
    LINE_WRITE,       /* write these bytes, then say WIRE_DONE */
    LINE_CORE_LOST,   /* keep: to be written when the core is gone */
    LINE_WARDEN_LOST, /* keep: to be written when the warden is gone */
    LINE_CORE_ALIVE,
    LINE_GOODBYE, /* the core ends as planned: forget the lines kept, and end */
    LINE_KINDS
};

struct line_message {
    uint8_t kind; /* enum line_kind */
    uint8_t len;
    uint16_t reserved;
    uint32_t number;
    char bytes[WIRE_LINE_MAX + 4];
};

enum wire_kind {
    WIRE_SAYS_READY, /* the device is open: one line, please */
    WIRE_SAYS_DONE,  /* `number` is out; the next, please */
    WIRE_SAYS_LOST,  /* the device cannot be opened or written: `value` is the errno, or 0 for "takes nothing"
                      */
    WIRE_SAYS_BACK,
    WIRE_KINDS
};

struct wire_message {
    uint8_t kind; /* enum wire_kind */
    uint8_t reserved[3];
    uint32_t number;
    int32_t value;
};

bool message_control_valid(const void *message, size_t len);
bool message_line_valid(const void *message, size_t len);
bool message_wire_valid(const void *message, size_t len);

/* The agent's control socket, STATE/ctl: SOCK_SEQPACKET as well. */
#define CTL_MAGIC 0x6c746331u

enum ctl_kind { CTL_RING, CTL_STATUS, CTL_KINDS };

struct ctl_request {
    uint32_t magic;
    uint8_t kind; /* enum ctl_kind */
    uint8_t reserved[3];
};

enum ctl_state { CTL_WRITTEN, CTL_WAITING, CTL_LOST, CTL_STATES };

/* One a channel; `channels` says how many will come in all. For CTL_STATUS at once, for CTL_RING as each is
 * done. */
struct ctl_reply {
    uint32_t magic;
    uint8_t channel;
    uint8_t channels;
    uint8_t state; /* enum ctl_state */
    uint8_t reserved;
    int32_t error; /* errno of a lost channel */
    uint32_t elapsed_ms;
    uint32_t session;
    uint32_t number; /* CTL_RING: the test alarm's; CTL_STATUS: of the next line */
    uint32_t open;   /* open findings */
    uint32_t queued; /* lines not yet written to this channel */
};

bool message_request_valid(const void *message, size_t len);
bool message_reply_valid(const void *message, size_t len);

#endif
