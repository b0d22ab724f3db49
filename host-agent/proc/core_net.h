#ifndef PROC_CORE_NET_H
#define PROC_CORE_NET_H
/*
 * core_net - the core's link to the courier, and whether the network carries
 *
 * For core.c and core_*.c only. Without a configured receiver nothing here does anything. Whatever takes
 * `now_ms` wants CLOCK_BOOTTIME.
 */
#include "alarm/finding.h"
#include "alarm/netstate.h"
#include "conf/conf.h"
#include "proc/message.h"
#include "wire/talk.h"

struct core_net {
    bool used; /* a receiver is named */
    bool up;   /* the courier is registered with it */
    bool lost; /* told as lost */
    int fd;    /* to the courier; -1: there is none */
    struct netstate state;
    char to[CONF_RECEIVER_NAME + 16]; /* what lines call the receiver */
    int64_t since_ms;                 /* the first sign of this loss */
    int64_t state_ms;                 /* when the state became what it is */
    int64_t number;                   /* of the line that told it last; -1: none */
    int64_t feed_ms;                  /* when lines go to a courier that is not up; 0: none waits */
    int64_t alive_ms;                 /* when the courier was last told that we live */
    int64_t turn_ms;                  /* of the last core_net_work() */
    int64_t probe_ms;                 /* ... and to probe */
    int64_t rekey_ms;                 /* when one was last taken up; 0: never */
    int64_t spool_ms;                 /* when agent.flood part=spool was last told; 0: never */
    uint32_t dropped;                 /* lines that the courier dropped, to be told */
    bool unsaved;                     /* told: the spool is in memory only */
    int64_t acked_ms;                 /* the last acknowledgement; 0: none yet */
    int error;                        /* errno of the end of the last connection */
    unsigned closed;                  /* 1 + enum wire_talk_reason, when the receiver closed it; else 0 */
    struct address_message address;   /* of the receiver; no magic: not known */
    char token[WIRE_TALK_TOKEN_CHARS + 1];
    unsigned token_beats; /* that are still to say ch= */
};

void core_net_begin(int64_t now_ms);

/* A courier that was started: it gets what the one before did not keep. */
void core_net_welcome(int fd, int64_t now_ms);

void core_net_hear(int64_t now_ms);

/* A detector that was started may want to know the receiver's address. */
void core_net_introduce(int detector);

/* A finding that a detector told: is it a sign, or a reason to look? */
void core_net_notice(const struct finding *f, int64_t now_ms);

/* What is due: life, the state. Moves *due_ms. */
void core_net_work(int64_t now_ms, int64_t *due_ms);

/*
 * Lines for the courier. After those for the wires: whoever is woken first gets the processor that is free.
 * Moves *due_ms.
 */
void core_net_feed(int64_t now_ms, int64_t *due_ms);

/* " ch=TOKEN" for a beat, or "". */
const char *core_net_token(char out[WIRE_TALK_TOKEN_CHARS + 8]);
void core_net_token_said(void);

/* True when nothing of what is sealed is still to be kept, or acknowledged while the network is there. */
bool core_net_written(void);

/* The core ends as planned. */
/* It has `left_ms` for what is not acknowledged. */
void core_net_dismiss(int64_t left_ms);

/* How it is, for a client. */
void core_net_describe(struct ctl_net *out, int64_t now_ms);

#endif
