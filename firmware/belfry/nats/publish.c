#include "belfry/nats/client.h"
#include "belfry/nats/message.h"

#include "belfry/clock.h"
#include "belfry/notify/kind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM "TOCSIN"
#define ACK_MS 5000  /* longest wait for the acknowledgements of a batch */
#define AGAIN_MS 500 /* pause after one that was not acknowledged as a whole */
#define STATE_EVERY_MS 15000
#define STANDING_MAX 1024
#define ROOM 128 /* messages of one batch */
#define BATCH (ROOM + 1)

/* A message as it goes out. */
struct letter {
    char subject[MESSAGE_SUBJECT];
    char id[MESSAGE_ID];
    char text[MESSAGE_MAX];
};

struct publisher {
    const char *site;
    const char *stream;
    uint64_t published;
    int64_t state_ms; /* when it is to be said again that we are there */
    int64_t again_ms;
    bool failing;
    /* Open when belfry started, and not in the stream yet. */
    struct letter *standing[STANDING_MAX];
    unsigned standings;
    /* The batch under way: letter n is of task n, NULL for what has none. */
    unsigned count;
    unsigned state; /* which letter says that we are there; `count` for none */
    struct notify_task *task[BATCH];
    struct letter letter[BATCH];
    struct client_post post[BATCH];
};

static struct publisher pub;

static bool
write_letter(const struct message *m, struct letter *out)
{
    if (message_compose(m, out->text) == 0) {
        return false;
    }
    message_subject(out->subject, pub.site, m);
    message_id(out->id, pub.site, m, out->text);
    return true;
}

static void
of_notice(const struct notice *n, struct message *m)
{
    m->kind = MESSAGE_ALARM;
    m->row = (uint64_t)n->seq;
    m->utc_ms = n->made_ms;
    m->alarm = n->alarm;
    m->alarm.open = !n->closed;
}

static void
of_row(const struct notify_row *r, bool proved, struct message *m)
{
    m->kind = proved ? MESSAGE_LINE : MESSAGE_EVENT;
    m->row = (uint64_t)r->row;
    m->utc_ms = r->record.seen_us / 1000;
    m->record = r->record;
}

static bool
write_task(const struct notify_task *t, struct letter *out)
{
    static struct message m;

    memset(&m, 0, sizeof m);
    if (t->message.what == NOTIFY_LINE || t->message.what == NOTIFY_EVENT) {
        of_row(&t->message.of.row, t->message.what == NOTIFY_LINE, &m);
    } else {
        of_notice(&t->message.of.notice, &m);
    }
    return write_letter(&m, out);
}

/* ---- one batch */

static void
add(struct notify_task *t)
{
    struct client_post *p = &pub.post[pub.count];
    const struct letter *l = &pub.letter[pub.count];

    *p = (struct client_post){ .subject = l->subject, .id = l->id, .text = l->text };
    pub.task[pub.count++] = t;
}

static void
add_state(int64_t now_ms)
{
    static struct message m = { .kind = MESSAGE_STATE };

    pub.state = pub.count;
    if (now_ms < pub.state_ms) {
        return;
    }
    m.utc_ms = clock_utc_us() / 1000;
    m.state.published = pub.published;
    (void)snprintf(m.state.version, sizeof m.state.version, "%s", TOCSIN_VERSION);
    if (write_letter(&m, &pub.letter[pub.count])) {
        add(NULL);
    }
}

/* What stood at the start goes first; then what waits, and that we are there. */
static void
gather(int64_t now_ms)
{
    struct notify_task *t;

    pub.count = 0;
    for (unsigned i = 0; i < pub.standings && pub.count < ROOM; i++) {
        pub.letter[pub.count] = *pub.standing[i];
        add(NULL);
    }
    while (pub.standings == 0 && pub.count < ROOM && (t = notify_next()) != NULL) {
        if (write_task(t, &pub.letter[pub.count])) {
            add(t);
        } else {
            notify_failed(t, "not fit to be published");
        }
    }
    add_state(now_ms);
}

static void
settle_standing(void)
{
    unsigned tried = pub.standings < ROOM ? pub.standings : ROOM;
    unsigned kept = 0;

    for (unsigned i = 0; i < pub.standings; i++) {
        if (i < tried && pub.post[i].acked) {
            free(pub.standing[i]);
        } else {
            pub.standing[kept++] = pub.standing[i];
        }
    }
    pub.standings = kept;
}

static void
settle(int64_t now_ms)
{
    unsigned acked = 0;

    if (pub.standings > 0) {
        settle_standing();
    }
    for (unsigned i = 0; i < pub.count; i++) {
        acked += pub.post[i].acked;
        if (pub.task[i] != NULL && pub.post[i].acked) {
            notify_told(pub.task[i]);
        } else if (pub.task[i] != NULL) {
            notify_put_back(pub.task[i]);
        } else if (pub.post[i].acked && i == pub.state) {
            pub.state_ms = now_ms + STATE_EVERY_MS;
        }
    }
    pub.published += acked;
    pub.failing = acked < pub.count;
    pub.again_ms = pub.failing ? clock_ms() + AGAIN_MS : 0;
    notify_state("%s", pub.failing ? client_why() : "");
}

static bool
due(int64_t now_ms)
{
    return now_ms >= pub.again_ms && (notify_waiting() > 0 || pub.standings > 0 || now_ms >= pub.state_ms);
}

static void
turn(const struct pollfd *p, unsigned count)
{
    int64_t now_ms = clock_ms();

    (void)p;
    (void)count;
    if (!due(now_ms)) {
        return;
    }
    if (!client_connected()) {
        pub.failing = true;
        pub.again_ms = now_ms + AGAIN_MS;
        notify_state("%s", client_why());
        return;
    }
    gather(now_ms);
#ifdef PLANT_TOLD_BEFORE_ACK
    for (unsigned i = 0; i < pub.count; i++) {
        if (pub.task[i] != NULL) {
            notify_told(pub.task[i]);
            pub.task[i] = NULL;
        }
    }
#endif
    (void)client_publish(pub.stream, pub.post, pub.count, ACK_MS);
    settle(now_ms);
}

/* ---- the kind */

static int
start(void)
{
    struct client_options o = {
        .name = "belfry",
        .servers = notify_place(),
        .creds = notify_option("creds"),
        .auth = notify_option("auth"),
        .ca = notify_option("ca"),
        .cert = notify_option("cert"),
        .key = notify_option("key"),
    };
    char why[CLIENT_WHY];
    int error;

    pub.site = notify_option("site");
    pub.stream = notify_option("stream") != NULL ? notify_option("stream") : STREAM;
    if (pub.site == NULL || !message_site_valid(pub.site, strlen(pub.site))) {
        notify_state("it has no site=");
        return -EINVAL;
    }
    error = client_start(&o, why);
    if (error != 0) {
        notify_state("%s", why);
    }
    return error;
}

static unsigned
polls(struct pollfd *p, int64_t *due_ms)
{
    (void)p;
    *due_ms = notify_waiting() > 0 || pub.standings > 0 ? 0 : pub.state_ms;
    if (*due_ms < pub.again_ms) {
        *due_ms = pub.again_ms;
    }
    return 0;
}

static void
standing(const struct notice *n)
{
    static struct message m;
    struct letter *l = pub.standings < STANDING_MAX ? malloc(sizeof *l) : NULL;

    memset(&m, 0, sizeof m);
    of_notice(n, &m);
    if (n->closed) {
        free(l); /* its notice is in the stream, or still to come */
        return;
    }
    if (l != NULL && write_letter(&m, l)) {
        pub.standing[pub.standings++] = l;
        return;
    }
    free(l);
}

const struct notify_kind notify_nats = {
    .name = "nats",
    .start = start,
    .polls = polls,
    .turn = turn,
    .standing = standing,
};
