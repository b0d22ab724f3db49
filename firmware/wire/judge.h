#ifndef WIRE_JUDGE_H
#define WIRE_JUDGE_H
/*
 * judge - what a receiver makes of the lines of one agent: proof, order, holes, silence (SPEC.md, section 7)
 *
 * One object an agent, of fixed size. It decides; the receiver keeps the record. Times are the receiver's
 * own: a clock that never jumps in milliseconds, and UTC in seconds for comparison with what the line claims.
 */
#include "wire/keys.h"
#include "wire/line.h"
#include "wire/stream.h"

enum wire_verdict {
    WIRE_OK,
    WIRE_REPAIRED,        /* proved, put together from pieces */
    WIRE_DUP,             /* byte-identical copy of a proved line */
    WIRE_LATE,            /* proved, fills a hole that had been told as a gap */
    WIRE_TORN,            /* more torn heads a minute than noise explains */
    WIRE_FORGED,          /* contiguous, check good, tag bad */
    WIRE_CLONE,           /* one number, two texts, both proved */
    WIRE_GAP,             /* numbers first..last missing for longer than WIRE_GAP_MS */
    WIRE_SILENT,          /* no new proved line for the promised time */
    WIRE_SKIPPED_SESSION, /* sessions first..last were never seen */
    WIRE_ROLLBACK,        /* a session number that began before, or a rekey that only one end knows of */
    WIRE_UNCLEAN_END,     /* the session before did not say goodbye */
    WIRE_TAMPERED_SPOOL,  /* numbers seen beyond what the agent says it sealed */
    WIRE_CLOCK,           /* the agent's UTC and its own seconds part, or ours and its */
    WIRE_FLOOD,           /* more holes or lines than there is room or time to follow */
    WIRE_UNKNOWN,         /* check good, no key for this host or session: nothing can be said */
    WIRE_VERDICTS
};

/* "OK", "REPAIRED", ... "SKIPPED-SESSION", ... */
const char *wire_verdict_name(enum wire_verdict v);

#define WIRE_GAP_MS 15000
#define WIRE_NEXT_CEILING_S 60  /* longest interval between beats that a receiver accepts */
#define WIRE_SESSION_AHEAD 4096 /* how far a session number may jump */
#define WIRE_JUDGE_HOLES 256    /* holes followed at a time in one session */
#define WIRE_JUDGE_SESSIONS 4   /* sessions followed at a time */
#define WIRE_JUDGE_PASSED 4     /* ranges of sessions passed over that can still be proved */
#define WIRE_JUDGE_BAD 16       /* missing lines of ERRO and worse remembered in one session */
#define WIRE_CLOCK_S 5          /* how far clocks may part */
#define WIRE_TORN_MINUTE 30     /* torn heads a minute that noise explains */

struct wire_event {
    enum wire_verdict verdict;
    uint32_t session;
    char nonce[WIRE_NONCE_CHARS + 1];
    uint32_t first; /* numbers of lines (or of sessions, for WIRE_SKIPPED_SESSION), both inclusive */
    uint32_t last;
    int64_t value; /* seconds of silence (SILENT) or of difference (CLOCK), count (TORN, FLOOD), else 0 */
    bool bad;      /* GAP: the agent's al= says that a line of ERRO or worse is among them */
};

#define WIRE_EVENTS_MAX 16

struct wire_events {
    struct wire_event at[WIRE_EVENTS_MAX];
    unsigned count;
};

/* What the receiver has to remember for the judge, beyond its fixed memory. */
struct wire_judge_ops {
    /*
     * The tag of a line proved before. False when there is none on record. The judge asks this to tell DUP
     * from CLONE and LATE.
     */
    bool (*tag_of)(void *to, uint32_t session, const char *nonce, uint32_t number, char tag[WIRE_TAG_CHARS]);
    /* The key of a session that is no longer followed. False when it is not on record. */
    bool (*key_of)(void *to, uint32_t session, const char *nonce, struct wire_key *key);
};

struct wire_hole {
    uint32_t first;
    uint32_t last;
    int64_t since_ms;
    bool told;
};

struct wire_judge_session {
    bool used;
    uint32_t number;
    char nonce[WIRE_NONCE_CHARS + 1];
    struct wire_key key;
    bool any;               /* a line was proved */
    uint32_t top;           /* highest number that is known to exist */
    uint32_t reserve_first; /* agent.start res=: numbers sealed in advance, not missing when absent */
    uint32_t reserve_last;
    bool has_reserve;
    bool ended; /* agent.stop was proved */
    bool has_claim;
    uint32_t claimed_last; /* what the session after said was the last number here */
    bool has_clock;
    int64_t clock_s; /* the agent's UTC less its own seconds */
    bool flood_told;
    uint32_t bad[WIRE_JUDGE_BAD]; /* missing numbers that agent.beat al= names */
    unsigned bads;
    unsigned holes;
};

/* A rekey of session root_session (section 9). The agent may have stored `x` or not: both are tried. */
struct wire_judge_rekey {
    bool pending;
    char nonce[WIRE_NONCE_CHARS + 1];
    char id[WIRE_REKEY_ID + 1]; /* also when a later session showed that it was never stored; "" else */
    struct wire_key x;
};

/* Sessions that were passed over: a later one was proved first. What they sealed may still come. */
struct wire_judge_passed {
    uint32_t first; /* 0: none */
    uint32_t last;
    struct wire_key root; /* of session `first` */
};

struct wire_judge {
    const struct wire_judge_ops *ops;
    void *to;
    char host[WIRE_HOST_MAX + 1];
    uint32_t root_session; /* `root` is the root of this session */
    struct wire_key root;
    bool rekeyed;
    struct wire_key next_root; /* when rekeyed: of the session after root_session */
    struct wire_judge_passed passed[WIRE_JUDGE_PASSED];
    struct wire_judge_rekey rekey;
    uint32_t newest; /* highest session proved; 0 when none: sessions are numbered from 1 */
    struct wire_judge_session session[WIRE_JUDGE_SESSIONS];
    int64_t life_ms; /* when the last new line was proved */
    uint32_t next_s; /* the promised interval between beats */
    bool alive;      /* a session runs and has not said goodbye */
    bool silent_told;
    int64_t quiet_until_ms; /* no silence is told before: set by a receiver that expects it */
    bool clock_told;
    bool behind; /* lines in order are behind our UTC without a step: late, or the clock is wrong */
    int64_t behind_ms;
    int64_t torn_from_ms; /* the minute in which torn heads are counted */
    uint32_t torn_count;
    /* Of each session, in order, apart, none beyond its `top`. Last: most of it is never touched. */
    struct wire_hole hole[WIRE_JUDGE_SESSIONS][WIRE_JUDGE_HOLES];
};

/* What a receiver saves and gives back after its own restart. */
struct wire_judge_start {
    const char *host;
    struct wire_key root; /* of session root_session */
    uint32_t root_session;
    bool rekeyed;
    struct wire_key next_root; /* when rekeyed */
    struct wire_judge_passed passed[WIRE_JUDGE_PASSED];
    struct wire_judge_rekey rekey;
    uint32_t next_s; /* 0: not known, WIRE_NEXT_CEILING_S is taken */
    bool alive;
    int64_t now_ms; /* silence is counted from here */
};

void wire_judge_init(struct wire_judge *j, const struct wire_judge_start *start,
        const struct wire_judge_ops *ops, void *to);

/*
 * Follow a session again after a restart: its key, its highest number and its holes. The caller fills
 * `number`, `nonce`, `key`, `any`, `top`, reserve, `ended` and `holes`, the count of `hole`; all else is 0.
 * When more than WIRE_JUDGE_SESSIONS are given, the highest numbers stay.
 */
void wire_judge_resume(
        struct wire_judge *j, const struct wire_judge_session *s, const struct wire_hole *hole);

/*
 * Each of the calls below begins with an empty list of events.
 *
 * One line whose check fits. The first event is the verdict on the line itself; others follow from it (a
 * hole, a skipped session, ...). True when the line is proved: the record keeps it if the verdict is OK,
 * REPAIRED or LATE. `key`, if not NULL, gets the session's key when the line is proved, to be kept with a new
 * session. A mended line that is not proved makes no event at all. `utc_s` 0 means that the receiver's UTC is
 * not known (a transcript).
 */
bool wire_judge_line(struct wire_judge *j, const struct wire_line *line, enum wire_seen seen, int64_t now_ms,
        uint64_t utc_s, struct wire_events *events, struct wire_key *key);

/*
 * A rekey begins: the agent, in this session, will be told to mix `x` into the roots to come. False, and
 * nothing changes, when that session is not the newest proved or its number has two nonces, or when a rekey
 * is pending. The agent may be told when what the judge keeps is on the disk.
 */
bool wire_judge_pending(
        struct wire_judge *j, uint32_t session, const char nonce[WIRE_NONCE_CHARS], const struct wire_key *x);

/*
 * The agent says that it is in this session and that the rekey it took up last has this id, "" for none. True
 * when what was pending is forgotten: it was never taken up.
 */
bool wire_judge_pending_drop(
        struct wire_judge *j, uint32_t session, const char nonce[WIRE_NONCE_CHARS], const char *id);

/* A torn head on a line this agent writes to. */
void wire_judge_torn(struct wire_judge *j, int64_t now_ms, struct wire_events *events);

/* To be called at least once a second: holes grown old, silence. */
void wire_judge_tick(struct wire_judge *j, int64_t now_ms, struct wire_events *events);

/* How long this agent may be silent: three promised beats and five seconds. */
int64_t wire_judge_patience_ms(const struct wire_judge *j);

/* When the next tick can tell something, in ms on the same clock; INT64_MAX when nothing is due. */
int64_t wire_judge_due(const struct wire_judge *j);

#endif
