#ifndef PROC_MESSAGE_H
#define PROC_MESSAGE_H
/*
 * message - what the agent's processes may say to each other (DESIGN.md has the table)
 *
 * Every link is a SOCK_SEQPACKET pair and every message has one fixed size, so there is nothing to frame and
 * little to parse. A receiver checks each message with message_*_valid() and drops what is not valid.
 */
#include "alarm/finding.h"
#include "alarm/netstate.h"
#include "alarm/status.h"
#include "conf/conf.h"
#include "wire/hash.h"
#include "wire/line.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role {
    ROLE_WARDEN,
    ROLE_CORE,
    ROLE_WIRE,
    ROLE_FSCHECK,
    ROLE_PROCSCAN,
    ROLE_NETWATCH,
    ROLE_COURIER,
    ROLE_OPENER, /* opens a device for a wire, and ends */
    ROLES
};

const char *role_name(enum role role);

/* ROLES when there is no role of that name. */
enum role role_from(const char *name);

/* Descriptors a role finds open when it starts. */
#define ROLE_FD_CONTROL 3 /* to the warden */
#define ROLE_FD_CONF 4    /* sealed memory with struct conf */
#define ROLE_FD_LINK 5    /* detectors and wires: to the core. Core: the session file. Opener: to its wire */
#define ROLE_FD_LISTEN 6  /* core: the listening socket of STATE/ctl */
#define ROLE_FD_PULSE 7   /* all but an opener: a timerfd that runs out when it shows no life */

enum control_kind {
    /* to the warden */
    CONTROL_READY,      /* guarding has begun; `value` has a bit for each layer of rights.h that is missing */
    CONTROL_STOPPED,    /* core: the goodbye is written, the session file says so */
    CONTROL_LAST_WORDS, /* wire: the line sealed in advance is out */
    CONTROL_OPEN,       /* wire: open my device, please */
    /* to a child */
    CONTROL_PEER, /* to the core, with a descriptor: a link to the process `role`/`index` */
    CONTROL_LOST, /* to the core: `role`/`index` ended, stopped, unstarted; `value`: status, signal, errno */
    CONTROL_BACK, /* to the core: `role`/`index` runs again */
    CONTROL_STOP, /* say goodbye and end */
    CONTROL_RIGHTS, /* to the core: `role`/`index` guards, without the layers in `value` */
    CONTROL_ALIVE,  /* to the core: the warden lives */
    CONTROL_OPENER, /* to a wire, with a descriptor: a link to the process that opens its device */
    /* of an opener to its wire */
    CONTROL_OPENED, /* with the descriptor of the device, or `value` is the errno why not */
    CONTROL_KINDS
};

/* LOST_UNSTARTED: no process could be made for it; `value` is the errno. */
enum lost_how { LOST_EXITED, LOST_KILLED, LOST_STOPPED, LOST_HUNG, LOST_UNSTARTED, LOST_HOWS };

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
    LINE_GOODBYE, /* the core ends as planned: forget the lines kept, and end; the courier within `number` ms
                   */
    LINE_ASK,     /* how is the device? Answered with a struct wire_status */
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
    WIRE_SAYS_LOST,  /* the device cannot be opened or written: `word` says why, or is empty and `value` is
                      * the errno */
    WIRE_SAYS_BACK,
    WIRE_SAYS_TAMPERED, /* somebody changed the device's settings, and they are put right: `word` says which
                         */
    WIRE_KINDS
};

#define WIRE_WORD 16 /* with the NUL: of a-z, 0-9 and '-' */

struct wire_message {
    uint8_t kind; /* enum wire_kind */
    uint8_t reserved[3];
    uint32_t number;
    int32_t value;
    char word[WIRE_WORD];
};

/* A wire to the core: what it has open. Told when that is another, and as the answer to LINE_ASK. */
#define WIRE_STATUS_MAGIC 0x6c747773u
#define WIRE_SETTINGS 96 /* with the NUL */

struct wire_status {
    uint32_t magic;
    uint8_t open;
    uint8_t reserved[3];
    uint64_t device;              /* by device_of(); 0: nothing is open, or it is no device */
    char settings[WIRE_SETTINGS]; /* as the device has them now, for people: printable ASCII */
};

bool message_wire_status_valid(const void *message, size_t len);

/* The core to a detector: the device that a wire has open, when it is another. 0: none. */
#define DEVICE_MAGIC 0x6c746476u

struct device_message {
    uint32_t magic;
    uint8_t channel;
    uint8_t reserved[3];
    uint64_t device; /* by device_of() */
};

bool message_device_valid(const void *message, size_t len);

/*
 * The courier is a program of its own (tocsin-courier), as it is linked to the system's OpenSSL. It finds the
 * same descriptors as a role; in place of ROLE_FD_LISTEN the directory STATE/courier. The core gives it each
 * line as LINE_WRITE in the order of their numbers, at most COURIER_WINDOW that are not COURIER_KEPT.
 */
#define ROLE_FD_SPOOL 6 /* courier: the directory of its spool and its key */
#define COURIER_WINDOW 32

enum courier_kind {
    COURIER_KEPT, /* line `number` of this session, and all before, are in the spool: on the disk, or `value`
                   * is the errno why they are in memory only */
    COURIER_DROPPED, /* `value` lines found no room in the spool since the last of these; they are lost */
    COURIER_UP,      /* registered with the receiver; `bytes` is its address: family, then 16 bytes */
    COURIER_DOWN,    /* not connected: `value` is an errno, or 0 and `bytes` the word of =close */
    COURIER_ACK,     /* the receiver answered: an acknowledgement or a pong */
    COURIER_ACKED, /* the receiver has line `number` of session `session`, and all that was sent before it */
    COURIER_ERROR, /* a send or a connect failed: errno `value` */
    COURIER_PATH,  /* bytes: the token to be said as ch= */
    COURIER_REKEY, /* bytes: 32 of the exporter. From now on =hello says its id, until COURIER_HELLO says
                    * another */
    COURIER_ADDRESS, /* the receiver's name has another address: bytes as of COURIER_UP */
    COURIER_KINDS
};

struct courier_message {
    uint8_t kind; /* enum courier_kind */
    uint8_t reserved[3];
    int32_t value;
    uint32_t session;
    uint32_t number;
    char nonce[8];
    uint8_t bytes[32];
};

/* Of the core to the courier, beside struct line_message: what it has to know or do. */
enum courier_order_kind {
    COURIER_HELLO, /* what =hello says from now on: this session, and in `token` the id of the rekey taken up
                    * last in it, or zeros. The first order on a link, and the answer to COURIER_REKEY. The
                    * courier does not connect before it has it */
    COURIER_PROBE, /* something changed on the network: ask now, and for a while four times a second */
    COURIER_ORDERS
};

struct courier_order {
    uint8_t kind; /* enum courier_order_kind */
    uint8_t reserved[3];
    uint32_t session;
    char nonce[8];
    char token[8]; /* WIRE_TALK_TOKEN_CHARS, no NUL */
};

bool message_courier_valid(const void *message, size_t len);
bool message_order_valid(const void *message, size_t len);

/* The core to a detector: how are you? Answered with a struct detector_status for each detector of the
 * process. */
#define ASK_MAGIC 0x6c746361u

struct ask_message {
    uint32_t magic;
    uint32_t reserved;
};

bool message_ask_valid(const void *message, size_t len);

/* fscheck to the core: the root of the baseline in force, when there is one or another one, or none any more.
 */
#define BASE_MAGIC 0x6c746265u

struct base_message {
    uint32_t magic;
    uint8_t none;
    uint8_t reserved[3];
    uint8_t root[WIRE_HASH_SIZE];
};

bool message_base_valid(const void *message, size_t len);

/* The core to netwatch: the address of the receiver's name, when the courier knows it or another one. */
#define ADDRESS_MAGIC 0x6c746464u

struct address_message {
    uint32_t magic;
    uint8_t family; /* AF_INET, AF_INET6 */
    uint8_t reserved[3];
    uint8_t address[16];
};

bool message_address_valid(const void *message, size_t len);
bool message_control_valid(const void *message, size_t len);
bool message_line_valid(const void *message, size_t len);
bool message_wire_valid(const void *message, size_t len);

/* The agent's control socket, STATE/ctl: SOCK_SEQPACKET as well. */
#define CTL_MAGIC 0x6c746333u

enum ctl_kind {
    CTL_NOTHING,
    CTL_RING,     /* a ctl_reply for each channel and for the network, as the test alarm is out there; what
                   * cannot be written is told at once, too. For `from` seconds, 0 for the usual 30 */
    CTL_STATUS,   /* a ctl_reply for each channel, at once */
    CTL_DETECTOR, /* one ctl_detector: the one numbered `from` */
    CTL_FINDING,  /* one ctl_finding: the first open one from place `from` on */
    CTL_NET,      /* one ctl_net */
    CTL_CHANNEL,  /* one ctl_channel: the one numbered `from` */
    CTL_RIGHTS,   /* one ctl_rights */
    CTL_KINDS
};

#define CTL_RING_MOST 3600

struct ctl_request {
    uint32_t magic;
    uint8_t kind; /* enum ctl_kind */
    uint8_t reserved[3];
    uint32_t from; /* 0 at first, then the reply's `next`; CTL_RING: seconds, at most CTL_RING_MOST */
};

enum ctl_state { CTL_WRITTEN, CTL_WAITING, CTL_LOST, CTL_STATES };

/* One a channel; `channels` says how many will come in all. */
struct ctl_reply {
    uint32_t magic;
    uint8_t channel;
    uint8_t channels;
    uint8_t state;   /* enum ctl_state */
    uint8_t network; /* CTL_RING: it is about the network, and no channel */
    int32_t error;   /* errno of a lost channel */
    uint32_t elapsed_ms;
    uint32_t session;
    uint32_t number;     /* CTL_RING: the test alarm's; CTL_STATUS: of the next line */
    uint32_t open;       /* open findings */
    uint32_t queued;     /* lines not yet written to this channel */
    char why[WIRE_WORD]; /* it is lost, as a word; "": `error` says why */
};

/* A channel as it is, and what went over it in this session. */
struct ctl_channel {
    uint32_t magic;
    uint32_t next; /* 0: that was the last */
    uint8_t channel;
    uint8_t state;   /* enum ctl_state */
    uint8_t running; /* there is a wire, */
    uint8_t answers; /* and it says what follows */
    uint8_t open;
    uint8_t reserved[3];
    int32_t error;     /* errno of the last loss; 0: none */
    uint32_t tampered; /* how often */
    uint32_t waiting;  /* lines */
    uint64_t device;   /* by device_of(); 0: none is open */
    uint64_t lines;    /* that were written, with copies */
    uint64_t bytes;
    int64_t state_ms;    /* how long it has been lost, or has not */
    int64_t line_ms;     /* since the last line was out; -1: none was */
    int64_t error_ms;    /* since it was lost last; -1: never */
    char why[WIRE_WORD]; /* as of ctl_reply, of the last loss */
    char settings[WIRE_SETTINGS];
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

/* Reporting over the network: the evidence and what is made of it. Without a receiver only `used` counts. */
struct ctl_net {
    uint32_t magic;
    uint8_t used;    /* a receiver is named */
    uint8_t courier; /* it runs, */
    uint8_t up;      /* and is registered with the receiver */
    uint8_t unsaved; /* the spool is in memory only */
    uint8_t state;   /* enum net_state */
    uint8_t why;     /* enum net_why: what the loss was proved by, when it is lost */
    uint8_t route_bad;
    uint8_t family; /* of `address`; 0: not known */
    uint8_t closed; /* 1 + enum wire_talk_reason with which the receiver ended the last connection; else 0 */
    uint8_t reserved[3];
    uint8_t address[16];
    uint32_t send_errors; /* in a row */
    uint32_t waiting;     /* lines of this session that are not acknowledged */
    uint32_t unkept;      /* of these not in the spool */
    int32_t error;        /* errno with which the last connection ended; 0: none, or another reason */
    int64_t state_ms;     /* how long it has been so */
    int64_t ack_ms;       /* since the last acknowledgement; -1: there was none */
    int64_t route_ms;     /* how long the route has been bad */
};

/* How far each process is walled in. */
#define CTL_RIGHTS_KNOWN 0x80u
#define CTL_PROCESSES (ROLES + CONF_CHANNELS) /* a role each, and behind them the wires */

struct ctl_rights {
    uint32_t magic;
    /* CTL_RIGHTS_KNOWN and a bit for each layer of rights.h that is missing; 0: it has not said. */
    uint8_t process[CTL_PROCESSES];
};

bool message_request_valid(const void *message, size_t len);
bool message_reply_valid(const void *message, size_t len);
bool message_detector_valid(const void *message, size_t len);
bool message_finding_valid(const void *message, size_t len);
bool message_net_valid(const void *message, size_t len);
bool message_channel_valid(const void *message, size_t len);
bool message_rights_valid(const void *message, size_t len);

#endif
