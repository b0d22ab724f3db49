#ifndef WATCH_PORTFINDING_H
#define WATCH_PORTFINDING_H
/*
 * portfinding - what portjudge found, as findings; remembers what was told, so that only changes are
 *
 * One of it in a process.
 */
#include "alarm/finding.h"
#include "watch/listens.h"
#include "watch/portjudge.h"

#define PORTFINDINGS_MAX 1024

struct portfinding_out {
    void (*report)(void *to, const struct finding *f);
    void *to;
    int proc; /* /proc */
};

/* A listener that came and went between two looks. */
struct port_brief {
    const struct listen_event *event;
    enum conf_proto proto;
    uint8_t net;
    const struct owner_exe *exe; /* NULL when unknown */
    uint32_t uid;                /* 0 also when unknown: a process may keep it from being seen */
    const char *unit;            /* "" for none */
};

/* Nothing has been told yet. */
void portfinding_reset(void);

/*
 * Judges, and tells what is new or different since the last time and what is over. With `pass` it tells all
 * of it, between PASS_BEGIN and PASS_END. Beyond PORTFINDINGS_MAX it says only that there is more.
 */
void portfinding_tell(struct portjudge *j, const struct portfinding_out *out, bool pass);

/*
 * Told as an event when its port is not listed or no entry lets this process listen there. At most ten a
 * second; `unsaid` of the next says how many were not.
 */
void portfinding_brief(
        const struct portjudge *j, const struct portfinding_out *out, const struct port_brief *brief);

/* So many listeners were not seen by the source of events, which had no room. */
void portfinding_missed(uint32_t count);

/* Tells how many short-lived listeners were left out, when none came after them to say it, and how many
 * missed. */
void portfinding_flush(const struct portfinding_out *out, int64_t now_ms);

/* agent.self about a source of events or an ability: open with what it means, or over. */
void portfinding_self(const struct portfinding_out *out, const char *source, const char *state, bool open);

#endif
