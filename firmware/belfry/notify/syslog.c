#include "belfry/notify/kind.h"

#include "belfry/clock.h"
#include "belfry/notify/facility.h"
#include "belfry/notify/rfc5424.h"
#include "belfry/notify/stream.h"
#include "belfry/notify/tls.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * To a collector on the network: RFC 5424 over TLS (RFC 5425), TCP with octet counts (RFC 6587,
 * section 3.4.1), or UDP (RFC 5426). A collector acknowledges nothing: what its kernel has may be lost with
 * its process. So a message counts as told when its kernel has it, and the last ones are kept and sent again
 * over the next connection; belfry goes back as far when this process is started again (`replay` in kinds.c).
 */

#define PORT_TLS 6514
#define PORT_OLD 514
#define FRAME_MAX (RFC5424_MAX + 8)
#define SEND_MS 1000 /* of a slow collector, before belfry is listened to again */
#define KEPT 512
#define KEPT_MS 60000 /* what is older when a connection is lost had time to be read */
#define ARRIVED_MS 10 /* how soon it is looked again whether all has arrived */
#define SETTLE_MS \
    1000 /* a connection that lasted so long is accepted: TLS 1.3 tells us of a refusal only then */
#define BACKOFF_MIN_MS 250
#define BACKOFF_MAX_MS 30000

struct kept {
    int64_t sent_ms;
    uint16_t len;
    char frame[FRAME_MAX];
};

static struct notify_url url;
static struct rfc5424_from from;
static char hostname[256];
static bool udp;
static bool tls;
static struct stream stream = { .fd = -1 };
static int64_t open_ms;   /* when it is tried to open it (again) */
static int64_t opened_ms; /* when it was opened */
static int64_t wait_ms = BACKOFF_MIN_MS;
static bool settled; /* it is accepted */
static bool parting;

static struct kept kept[KEPT]; /* a ring: `first` of `count` */
static unsigned first;
static unsigned count;

static struct notify_task
        *flight[NOTIFY_TASKS]; /* sent, but not known to have arrived: the last ones in the ring */
static unsigned in_flight;

static bool
start_tls(char *why)
{
    struct notify_tls options = {
        .ca = notify_option("ca"),
        .cert = notify_option("cert"),
        .key = notify_option("key"),
    };
    const char *print = NULL;

    while ((print = notify_option_next("fingerprint", print)) != NULL) {
        if (options.fingerprints == NOTIFY_FINGERPRINTS) {
            (void)snprintf(why, NOTIFY_WHY, "more than %d fingerprints", NOTIFY_FINGERPRINTS);
            return false;
        }
        (void)notify_fingerprint(print, &options.fingerprint[options.fingerprints++]);
    }
    return notify_tls_start(&options, why) == 0;
}

static bool
read_place(char *why)
{
    const char *name = notify_option("facility");

    from.facility = facility_of(name != NULL ? name : "daemon");
    if (gethostname(hostname, sizeof hostname - 1) != 0) {
        hostname[0] = '\0';
    }
    from.hostname = hostname;
    from.pid = (long)getppid();
    (void)notify_url(notify_place(), &url);
    udp = strcmp(url.scheme, "udp") == 0;
    tls = strcmp(url.scheme, "tls") == 0;
    return !tls || start_tls(why);
}

static int
syslog_start(void)
{
    char why[NOTIFY_WHY];

    if (read_place(why)) {
        return 0;
    }
    notify_state("%s", why);
    return -1;
}

/* ---- the connection */

static void
lost(const char *why)
{
    int64_t now_ms = clock_ms();

    stream_close(&stream);
    /* What has not arrived is sent as new. */
    for (unsigned i = 0; i < in_flight; i++) {
        notify_put_back(flight[i]);
    }
    count -= in_flight < count ? in_flight : count;
    in_flight = 0;
    open_ms = now_ms + wait_ms;
    wait_ms = wait_ms < BACKOFF_MAX_MS / 2 ? 2 * wait_ms : BACKOFF_MAX_MS;
    notify_state("%s", why);
}

/* What went over the last connection may not have been read. */
static bool
send_kept(char *why)
{
    int64_t now_ms = clock_ms();

    while (count > 0 && now_ms - kept[first].sent_ms > KEPT_MS) {
        first = (first + 1) % KEPT;
        count--;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct kept *k = &kept[(first + i) % KEPT];

        if (stream_send(&stream, k->frame, k->len, why) != 0) {
            return false;
        }
    }
    return true;
}

static void
open_stream(void)
{
    const char *name = notify_option("name");
    char why[NOTIFY_WHY];
    bool good;

    if (udp) {
        stream.fd = stream_socket(&url, PORT_OLD, SOCK_DGRAM, why);
        good = stream.fd >= 0;
    } else {
        good = stream_open(&stream, &url, tls ? PORT_TLS : PORT_OLD,
                       tls ? (name != NULL ? name : url.host) : NULL, why) == 0 &&
               send_kept(why);
    }
    if (!good) {
        lost(why);
        return;
    }
    opened_ms = clock_ms();
    settled = false;
}

/* Nothing is told over a connection before it is accepted, but sent it is. */
static void
settle(void)
{
    if (!settled && (udp || clock_ms() - opened_ms >= SETTLE_MS)) {
        settled = true;
        wait_ms = BACKOFF_MIN_MS;
        notify_state("%s", "");
    }
}

/* ---- messages */

static struct kept *
keep(const struct notice *n)
{
    struct kept *k;
    char text[RFC5424_MAX];
    size_t len = rfc5424_message(text, &from, n);

    if (count == KEPT) {
        first = (first + 1) % KEPT;
        count--;
    }
    k = &kept[(first + count++) % KEPT];
    k->sent_ms = clock_ms();
    k->len = (uint16_t)snprintf(k->frame, sizeof k->frame, "%zu %s", len, text);
    return k;
}

static void
send_datagrams(void)
{
    struct notify_task *t;
    char text[RFC5424_MAX];

    while ((t = notify_next()) != NULL) {
        size_t len = rfc5424_message(text, &from, &t->message.of.notice);

        /* An error is most often that of the datagram before, which nobody took. */
        if (send(stream.fd, text, len, MSG_NOSIGNAL) < 0) {
            (void)send(stream.fd, text, len, MSG_NOSIGNAL);
        }
        notify_told(t);
    }
}

static void
send_frames(void)
{
    int64_t until_ms = clock_ms() + SEND_MS;
    char why[NOTIFY_WHY];
    struct notify_task *t;

    while (clock_ms() < until_ms && (t = notify_next()) != NULL) {
        const struct kept *k = keep(&t->message.of.notice);

        flight[in_flight++] = t;
        if (stream_send(&stream, k->frame, k->len, why) != 0) {
            lost(why);
            return;
        }
    }
    if (in_flight > 0 && settled && stream_arrived(&stream)) {
        for (unsigned i = 0; i < in_flight; i++) {
            notify_told(flight[i]);
        }
        in_flight = 0;
    }
}

static unsigned
syslog_polls(struct pollfd *p, int64_t *due_ms)
{
    if (stream.fd < 0) {
        *due_ms = open_ms;
        return 0;
    }
    if (!settled) {
        *due_ms = udp ? 0 : opened_ms + SETTLE_MS;
    } else if (in_flight > 0) {
        *due_ms = clock_ms() + ARRIVED_MS;
    }
    p[0] = (struct pollfd){ .fd = udp ? -1 : stream.fd, .events = POLLIN };
    return 1;
}

static void
syslog_turn(const struct pollfd *p, unsigned polls)
{
    char why[NOTIFY_WHY];

    if (stream.fd >= 0 && polls > 0 && p[0].revents != 0 && !stream_alive(&stream, why)) {
        lost(why);
    }
    if (stream.fd < 0 && !parting && clock_ms() >= open_ms) {
        open_stream();
    }
#ifdef PLANT_TOLD_EARLY
    for (struct notify_task *t; stream.fd < 0 && (t = notify_next()) != NULL;) {
        notify_told(t);
    }
#endif
    if (stream.fd < 0) {
        return;
    }
    settle();
    if (udp) {
        send_datagrams();
    } else {
        send_frames();
    }
}

/* What is sent goes on its way, and TLS says that nothing follows. */
static bool
syslog_part(void)
{
    parting = true;
    if (stream.fd >= 0 && !udp && in_flight > 0) {
        return false;
    }
    stream_close(&stream);
    return true;
}

const struct notify_kind notify_syslog = {
    .name = "syslog",
    .start = syslog_start,
    .polls = syslog_polls,
    .turn = syslog_turn,
    .part = syslog_part,
};
