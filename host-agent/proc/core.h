#ifndef PROC_CORE_H
#define PROC_CORE_H
/*
 * core - the state of the core process, and what its files call of each other
 *
 * For core.c and core_*.c only: core.c has the loop and the start, core_tell.c seals, core_run.c
 * says what runs, core_wires.c writes,
 * core_net.c has the network,
 * core_ctl.c answers clients. Whatever takes `now_ms` wants CLOCK_BOOTTIME.
 */
#include "alarm/open.h"
#include "alarm/schedule.h"
#include "alarm/session.h"
#include "proc/core_net.h"
#include "proc/role.h"

#define CORE_DETECTORS 8
#define CORE_CLIENTS 4
#define CORE_MESSAGES_A_TURN 64
#define CORE_FLOOD_MS 5000 /* between two lines that tell of it */

struct core_channel {
    int fd; /* -1: no wire now */
    bool credit;
    bool lost;
    bool asked;          /* how its device is, and has not said yet */
    int error;           /* of the last loss; stays when it is over */
    char why[WIRE_WORD]; /* the same as a word; "" when there is none */
    int64_t alive_ms;    /* when we last said that we live */
    int64_t state_ms;    /* since when it is lost, or is not */
    int64_t line_ms;     /* when a line was out last; 0: none was */
    int64_t error_ms;    /* when it was lost last; 0: never */
    uint64_t lines;
    uint64_t bytes;
    uint8_t sent; /* of the line that is on its way */
    uint32_t tampered;
    struct wire_status status;
};

struct core_client {
    int fd; /* -1: free */
    bool rings;
    bool unanswered;    /* of what was lost when it began to ring */
    enum ctl_kind asks; /* and waits for the answers of detectors or wires; CTL_NOTHING: does not */
    uint32_t number;
    int64_t from_ms;   /* the last request */
    int64_t until_ms;  /* while it rings */
    uint16_t answered; /* a bit a channel, and one for the network */
};

struct core {
    struct role_self *self;
    struct session session;
    struct open_table open;
    struct schedule schedule;
    struct core_channel channel[CONF_CHANNELS];
    struct core_net net;
    int detector[CORE_DETECTORS];
    bool asked[CORE_DETECTORS]; /* and has not said all yet */
    struct status_table status;
    struct ctl_rights rights;
    int64_t started_ms;
    struct core_client client[CORE_CLIENTS];
    struct line_message reserve[CONF_CHANNELS][2]; /* for the core's end and the warden's */
    int64_t beat_ms;                               /* when the next beat is due */
    int64_t flood_ms;                              /* when agent.flood was last told */
    int64_t flood_number;                          /* its line */
    bool flooded;                                  /* told, and not yet told that it is over */
    int64_t warden_ms;                             /* when the warden was last heard */
    int64_t turn_ms;                               /* of role_was_absent() */
    bool warden_told;                              /* its silence is a finding */
    bool stopping;
    bool spent;   /* it stops by itself, for a session with numbers to follow */
    bool goodbye; /* agent.stop is sealed: nothing may follow it */
    int64_t stop_ms;
};

/* One per process. */
extern struct core core;

/* ---- core_tell.c ---- */

/* Seals and keeps; the number as session_tell(). */
int64_t core_tell(enum wire_severity severity, const char *code, const char *text, int64_t of);

/* The same, with flags of schedule_add(). */
int64_t core_tell_flagged(
        unsigned flags, enum wire_severity severity, const char *code, const char *text, int64_t of);

/* What waits of the findings and may be told now. Returns when to call again. */
int64_t core_tell_findings(int64_t now_ms);

/* The end is near: how many findings will not be told. */
void core_tell_rest(int64_t now_ms);

void core_tell_beat(int64_t now_ms);

/* As core_run_look(). */
void core_tell_look(void);
void core_tell_start(const struct session_past *past);

/* Something about the agent itself that stays open: "part=WHAT state=STATE". */
void core_self_finding(const char *what, const char *state, enum wire_severity severity);

/* A process guards, without these layers of rights.h: kept for clients, and told as "layer=NAME part=sandbox
 * state=missing" until no process is without it. */
void core_rights_take(enum role role, unsigned index, unsigned missing);

void core_process_finding(const struct control_message *m, bool lost);

/* ---- core_run.c ---- */

/* Reads what the core is not allowed to read any more once it is narrowed. */
void core_run_look(void);

/* Tells what runs: program, configuration, kernel and rights. */
void core_run_begin(void);

/* Tells the baseline, when it is another than before. */
void core_run_base(const struct base_message *m);

/* ---- core_wires.c ---- */

/* The two last lines of each channel take the session's first numbers; agent.start says which (res=). */
void core_wire_reserves(void);

void core_wire_welcome(unsigned i, int fd, int64_t now_ms);
void core_wire_hear(unsigned i, int64_t now_ms);

/* Gives the wire its next line when it has asked for one; *due_ms is moved to where there may be one. */
void core_wire_feed(unsigned i, int64_t now_ms, int64_t *due_ms);

void core_wire_alive(unsigned i, int64_t now_ms);

/* How its device is; the answer is kept. */
void core_wire_ask(unsigned i);

enum ctl_state core_wire_state(unsigned i);

/* How the channel is, for a client. */
void core_wire_describe(unsigned i, struct ctl_channel *out, int64_t now_ms);

/* A detector that was started is told which devices the wires have open. */
void core_wires_introduce(int detector);

/* At the end: nothing waits for a channel that takes lines. */
bool core_wires_written(int64_t now_ms);
void core_wires_dismiss(void);

/* ---- core_ctl.c ---- */

/* Is there room for a client that waits to be let in? */
bool core_ctl_room(int64_t now_ms);

void core_ctl_welcome(int64_t now_ms);
void core_ctl_hear(struct core_client *client, int64_t now_ms);

/*
 * Those who wait for detectors or wires that have answered, or never will, and those who just began to ring:
 * the wires have their lines by then. Moves *due_ms.
 */
void core_ctl_answer(int64_t now_ms, int64_t *due_ms);

/* `state` is CTL_WRITTEN for who waits for line `number`, CTL_LOST for all who wait for the channel. */
void core_ctl_rings(unsigned channel, enum ctl_state state, uint32_t number, int64_t now_ms);

/* The receiver has line `number` and all that was sent before it. */
void core_ctl_acked(uint32_t number, int64_t now_ms);

/* Those who ring are told when the network is lost. */
void core_ctl_net_lost(int64_t now_ms);

void core_ctl_drop_old(int64_t now_ms);

#endif
