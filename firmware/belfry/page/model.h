#ifndef BELFRY_PAGE_MODEL_H
#define BELFRY_PAGE_MODEL_H
/*
 * model - what belfry has said of its lines, hosts and alarms, and what each line has done in the last hours
 *
 * One object a process. It is fed the lines of belfry's answers (DESIGN.md, "Questions") and is what the
 * page, its pictures, the plain text and the metrics are written from. Belfry is another process: what it
 * says is checked, and kept as text that is escaped where it is written.
 */
#include "belfry/conf.h"
#include "belfry/record.h"
#include "wire/line.h"

#define MODEL_HOSTS 1024
#define MODEL_ALARMS 512 /* open ones that are kept, the worst first; the rest is counted */
#define MODEL_RECENT 20
#define MODEL_PATHS 8
#define MODEL_SINKS 24

#define PAST_SPANS 180 /* of one line */
#define PAST_SPAN_MS 120000
#define PAST_MS ((int64_t)PAST_SPANS * PAST_SPAN_MS) /* six hours */

enum past_mark {
    PAST_SILENT = 1, /* its host was silent */
    PAST_LOST = 2,   /* the line was lost */
    PAST_WARN = 4,   /* an alarm was raised */
    PAST_ERRO = 8,   /* one of ERRO or worse */
    PAST_WATCHED = 16,
};

struct past_span {
    uint32_t bytes;
    uint16_t beats; /* lines proved */
    uint8_t marks;
};

/* A ring: the span of UTC minute pair n is at n modulo PAST_SPANS. */
struct past {
    int64_t last; /* the newest span's number since 1970 */
    struct past_span span[PAST_SPANS];
};

struct model_line {
    char name[CONF_NAME];
    char kind[12];
    bool up;
    bool seen; /* in this round of answers */
    int error;
    uint64_t bytes;
    uint64_t lost;
    uint64_t errors;
    int64_t last_ms;
    int64_t rate_ms; /* when bytes was looked at, UTC */
    double rate;     /* bytes a second, of the last look */
    struct past *past;
};

enum model_state { MODEL_NEVER, MODEL_ALIVE, MODEL_SILENT, MODEL_STOPPED };

struct model_host {
    char name[WIRE_HOST_MAX + 1];
    char last_line[CONF_NAME];
    char paths[MODEL_PATHS * (CONF_NAME + 2)]; /* "ttyS1,net!" */
    enum model_state state;
    bool network;
    bool seen;
    int64_t last_ms;
    int64_t patience_ms;
    int64_t expect_ms;
    uint64_t proved;
    uint64_t repaired;
    uint64_t copies;
    uint64_t forged;
    uint64_t missing;
    unsigned alarms;      /* open */
    int worst;            /* severity of the open ones that nobody acknowledged; WIRE_SEVERITIES for none */
    unsigned next_alarms; /* as the answer says that is not whole yet */
    int next_worst;
};

struct model_alarm {
    int64_t id;
    bool open;
    int severity;
    char host[WIRE_HOST_MAX + 1];
    char code[RECORD_CODE];
    char line[CONF_NAME];
    char verdict[24];
    char number[64];
    char detail[RECORD_DETAIL];
    char acked_by[CONF_NAME];
    int64_t opened_ms;
    int64_t closed_ms;
    int64_t acked_ms;
    unsigned count;
};

/* Who tells alarms to others: a notifier. */
struct model_sink {
    char name[CONF_NAME];
    char kind[16];
    bool up;
    bool waits;       /* for its target */
    uint64_t waiting; /* notices that it has not told */
    uint64_t told;
    uint64_t failed;
    int64_t last_ms;
    char why[128]; /* the last time it could not */
};

struct model_gate {
    bool there;
    uint64_t count[8]; /* addresses, listened at, connections, handshakes, accepted, refused, limited, expired
                        */
};

/* The open alarms, as far as an answer that is not whole yet has named them. */
struct model_next {
    bool refused; /* belfry could not read its ledger: what was known stays */
    unsigned alarms;
    unsigned kept;
    struct model_alarm alarm[MODEL_ALARMS];
    unsigned by_severity[WIRE_SEVERITIES];
    unsigned unacked_by_severity[WIRE_SEVERITIES];
};

struct model {
    char version[24];
    long pid;
    int64_t started_ms;
    int64_t now_ms; /* belfry's, of its last answer; 0 before the first */
    uint64_t strangers;
    uint64_t torn;
    bool stuck;
    bool knows_alarms; /* a whole answer has named them */
    struct model_gate gate;
    unsigned sinks;
    struct model_sink sink[MODEL_SINKS];
    unsigned lines;
    struct model_line *line; /* CONF_LINES of them */
    unsigned hosts;
    struct model_host *host; /* MODEL_HOSTS of them */
    unsigned alarms;         /* open, all */
    unsigned kept;           /* of them */
    struct model_alarm alarm[MODEL_ALARMS];
    unsigned by_severity[WIRE_SEVERITIES];         /* open */
    unsigned unacked_by_severity[WIRE_SEVERITIES]; /* of them */
    unsigned recents;
    struct model_alarm recent[MODEL_RECENT];
    struct model_next next;
    unsigned hint;  /* where the next line or host of an answer is looked for first */
    uint64_t moves; /* how often lines or hosts have changed their places: pointers to them are void then */
};

/* 0 or -ENOMEM. Everything is absent. */
int model_init(struct model *m);
void model_free(struct model *m);

/*
 * An answer begins and ends: what it is about, as it was asked. What a whole answer did not name is gone. A
 * line between them is cut into its fields; one of a kind that is not known is passed over.
 */
enum model_topic { MODEL_STATUS, MODEL_HOSTS_TOPIC, MODEL_ALARMS_TOPIC, MODEL_RECENT_TOPIC, MODEL_BEATS };

void model_begin(struct model *m, enum model_topic topic);
void model_take(struct model *m, enum model_topic topic, char *line);
void model_end(struct model *m, enum model_topic topic);

/* NULL when there is none of that name. */
const struct model_line *model_find_line(const struct model *m, const char *name, size_t len);

/* Is the host heard on this line (or on PATH_NET)? */
bool model_heard_on(const struct model_host *h, const char *path);

/* The span `back` spans before the newest one at `now_ms`; an empty one when it is not known. */
struct past_span past_at(const struct past *p, int64_t now_ms, unsigned back);

#endif
