#ifndef LOGGER_DEADMAN_H
#define LOGGER_DEADMAN_H
/*
 * deadman - notices that a host has stopped talking
 *
 * A host is watched from its first beat or start on, and silent when nothing new has come from it for three
 * promises and five seconds (wire/SPEC.md, section 7). Who holds no keys cannot tell a true goodbye from a
 * forged one, so agent.stop ends nothing here. Until some host has been heard, silence is counted from the
 * start. Times are seconds since the start.
 */
#include "wire/line.h"

#define DEADMAN_HOSTS 8
#define DEADMAN_PROMISE_MAX 60 /* s; also what an unknown promise counts as */
#define DEADMAN_SLACK 5        /* s */

enum deadman_news {
    DEADMAN_NOTHING,
    DEADMAN_SILENT, /* told once, until it is back */
    DEADMAN_BACK,
    DEADMAN_FULL, /* a host cannot be watched: the table is full; told once */
};

struct deadman_event {
    enum deadman_news news;
    const char *host; /* "" for nobody at all; until the next call */
    uint32_t for_s;   /* how long nothing was heard of it */
};

struct deadman_host {
    char name[WIRE_HOST_MAX + 1]; /* "": a free place, but for the first one: nobody has been heard yet */
    uint8_t promise_s;
    bool silent;
    bool seen; /* and a person knows */
    uint32_t heard_s;
};

struct deadman {
    struct deadman_host host[DEADMAN_HOSTS];
    uint8_t used;
    bool full_told;
};

void deadman_init(struct deadman *d, uint32_t now_s);

/* A line that is no copy came. Returns DEADMAN_NOTHING, _BACK or _FULL in out->news. */
void deadman_line(struct deadman *d, const struct wire_line *line, uint32_t now_s, struct deadman_event *out);

/* One host that has become silent since it was asked last, or DEADMAN_NOTHING. */
void deadman_look(struct deadman *d, uint32_t now_s, struct deadman_event *out);

/* A person has acknowledged: the places of hosts that are silent now may be given to others. */
void deadman_seen(struct deadman *d);

/* How many are silent. */
unsigned deadman_silent(const struct deadman *d);

#endif
