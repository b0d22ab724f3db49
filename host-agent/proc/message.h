#ifndef PROC_MESSAGE_H
#define PROC_MESSAGE_H
/*
 * message - what the agent's processes may say to each other (DESIGN.md has the table)
 *
 * Every link is a SOCK_SEQPACKET pair and every message has one fixed size, so there is nothing to frame and
 * little to parse. A receiver checks each message with message_*_valid() and drops what is not valid.
 */
#include "alarm/finding.h"
#include "alarm/status.h"
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

/* The core to a detector: how are you? Answered with a struct detector_status for each detector of the
 * process. */
#define ASK_MAGIC 0x6c746361u

struct ask_message {
    uint32_t magic;
    uint32_t reserved;
};

bool message_ask_valid(const void *message, size_t len);
bool message_control_valid(const void *message, size_t len);
bool message_line_valid(const void *message, size_t len);
bool message_wire_valid(const void *message, size_t len);

/* The agent's control socket, STATE/ctl: SOCK_SEQPACKET as well. */
#define CTL_MAGIC 0x6c746332u

enum ctl_kind {
    CTL_RING,     /* a ctl_reply for each channel, as the test alarm is out there */
    CTL_STATUS,   /* a ctl_reply for each channel, at once */
    CTL_DETECTOR, /* one ctl_detector: the one numbered `from` */
    CTL_FINDING,  /* one ctl_finding: the first open one from place `from` on */
    CTL_KINDS
};

struct ctl_request {
    uint32_t magic;
    uint8_t kind; /* enum ctl_kind */
    uint8_t reserved[3];
    uint32_t from; /* 0 at first, then the reply's `next` */
};

enum ctl_state { CTL_WRITTEN, CTL_WAITING, CTL_LOST, CTL_STATES };

/* One a channel; `channels` says how many will come in all. */
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

/* How a detector is, and with each the session. Without one left `status` has no name. */
struct ctl_detector {
    uint32_t magic;
    uint32_t next; /* 0: that was the last */
    uint32_t session;
    uint32_t open;
    int64_t now_ms;     /* CLOCK_BOOTTIME */
    int64_t started_ms; /* the session */
    int64_t heard_ms;   /* when the detector said this; older than the request when it does not answer */
    struct detector_status status;
};

/* An open finding. Without one left `text` is empty. */
struct ctl_finding {
    uint32_t magic;
    uint32_t next;   /* 0: that was the last */
    uint32_t number; /* of the line that told it last */
    uint32_t since_s;
    uint8_t code;     /* enum finding_code */
    uint8_t severity; /* enum wire_severity */
    uint8_t told;     /* 0: it waits its turn, and the two above say nothing */
    uint8_t reserved;
    uint8_t id[FINDING_ID_SIZE];
    char text[FINDING_TEXT + 4];
};

bool message_request_valid(const void *message, size_t len);
bool message_reply_valid(const void *message, size_t len);
bool message_detector_valid(const void *message, size_t len);
bool message_finding_valid(const void *message, size_t len);

#endif
