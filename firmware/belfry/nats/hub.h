#ifndef BELFRY_NATS_HUB_H
#define BELFRY_NATS_HUB_H
/*
 * hub - one view of all sites, made of what their belfries published
 *
 * Takes messages in the order of the stream and keeps, for each site, hosts, open alarms and counts. Taking
 * a message a second time changes nothing but a counter. What comes in is hostile: every table has an end
 * (HUB_*), each site has its own, and what does not fit is counted. Holds no keys and proves nothing: a line
 * is proved by the belfry that published it.
 */
#include "belfry/nats/message.h"

#include <stdio.h>

#define HUB_SITES 64
#define HUB_HOSTS 1024  /* a site */
#define HUB_ALARMS 1024 /* a site, open */
#define HUB_CLOSED 512  /* a site: that were closed last, so that an old "open" does not raise them again */
#define HUB_RECENT 256  /* numbers below the highest of a session of which each is known, seen or not */
#define HUB_QUIET_MS 90000 /* a belfry says every 15 s that it is there */

struct hub_host {
    char host[WIRE_HOST_MAX + 1];
    char nonce[WIRE_NONCE_CHARS + 1]; /* of the newest session */
    uint32_t session;
    uint32_t top;                   /* the highest number */
    uint64_t seen[HUB_RECENT / 64]; /* bit n of it: number top - n */
    uint64_t lines;
    uint64_t late;   /* of an earlier session, or so far below the top that a copy is not known as one */
    int64_t last_ms; /* UTC by the site's clock of the newest line */
};

struct hub_alarm {
    uint64_t row;
    int64_t told_ms; /* UTC by the site's clock */
    struct alarm alarm;
};

struct hub_closed {
    uint64_t row;
    int64_t id;
    int64_t opened_ms;
};

struct hub_site {
    char site[MESSAGE_SITE];
    int64_t heard_ms; /* UTC by the stream's clock of its newest message */
    int64_t state_ms; /* and of its newest MESSAGE_STATE, 0 for never */
    struct message_state state;
    uint64_t lines;
    uint64_t events;
    uint64_t copies;   /* lines taken a second time */
    uint64_t refused;  /* messages that are no messages */
    uint64_t left_out; /* hosts and alarms without room */
    unsigned hosts;
    unsigned alarms;
    unsigned closed;       /* counts on; the last HUB_CLOSED are kept */
    struct hub_host *host; /* by name */
    struct hub_alarm *alarm;
    struct hub_closed *over;
};

struct hub {
    uint64_t stream;   /* which stream it is: when it was made, ns since 1970; 0 for none yet */
    uint64_t sequence; /* of the last message taken */
    uint64_t missed;   /* messages that were gone from the stream before they were read */
    uint64_t refused;  /* messages under no subject of ours, or of more than HUB_SITES sites */
    int64_t read_ms;   /* UTC, when the stream was read last */
    unsigned sites;
    struct hub_site *site[HUB_SITES]; /* by name */
};

/*
 * One message, `sequence` in the stream, stored there at `utc_ms`. Does nothing when it was taken before.
 * False without memory: then it was not taken.
 */
bool hub_take(struct hub *hub, uint64_t sequence, int64_t utc_ms, const char *subject, const char *text,
        size_t len);

/* Another stream: sequences begin anew. What is known stays. */
void hub_stream(struct hub *hub, uint64_t stream);

void hub_free(struct hub *hub);

/* hub_file.c: what is kept over a restart, and what `belfry sites` reads. */

/* False when it could not be written. */
bool hub_save(const struct hub *hub, FILE *to);

/* False, and the hub is empty, when the text is not one that hub_save() wrote. */
bool hub_load(struct hub *hub, const char *text, size_t len);

/* hub_report.c: for people and scripts. */

enum hub_form { HUB_TEXT, HUB_JSON };

/* True when something wants attention: an alarm of WARN or worse, or a site that is not heard. */
bool hub_report(const struct hub *hub, enum hub_form form, int64_t now_ms, FILE *to);

#endif
