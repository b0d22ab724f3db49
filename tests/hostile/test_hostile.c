/*
 * test_hostile BELFRY - lines that do all they can to be believed, to fill the receiver, or to keep others
 * from it
 *
 * A belfry with one quiet line of an agent, and beside it noise with damaged copies of true lines, an endless
 * physical line, forged lines of many hosts, a Telnet server of nothing but options, and a peer that only
 * talks; neither of the last two ever reads. TOCSIN_HOSTILE_BYTES (6000000) is what the noise and the endless
 * line send each, the others an eighth of it; TOCSIN_HOSTILE_SEED (1).
 */
#define BELFRY ""
#include "receiver.h"
#include "support/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/socket.h>

#define CHUNK 4096
#define SEALED 20000 /* true lines of a host, at most */
#define SAY_MS 50
#define GROWTH_KIB 8192

#if defined(__SANITIZE_ADDRESS__)
#define MEASURED false /* what the sanitizer keeps back is not belfry's */
#else
#define MEASURED true
#endif

enum { NOISE, ENDLESS, FORGED, STORM, TALKER, SOURCES };

struct voice {
    struct speaker speaker;
    char (*line)[SPEAKER_LINE]; /* all that was truly sealed, by number */
    uint32_t lines;
};

struct source {
    const char *name;
    size_t (*fill)(uint8_t *to);
    bool listens; /* a server; else a pseudo-terminal of belfry's */
    int listener;
    int fd;
    uint16_t port;
    uint64_t left;
    uint8_t chunk[CHUNK];
    size_t len;
    size_t at;
};

static struct receiver r;
static struct voice quiet;
static struct voice noisy;
static uint64_t random_state;

/* ---- what they say */

static uint32_t
any(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % below;
}

static size_t
fill_random(uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint8_t)any(256);
    }
    return n;
}

/* A true line; the same one again when there are enough. */
static const char *
voice_say(struct voice *v, enum wire_severity severity, const char *code, const char *detail, size_t *len)
{
    uint32_t n = v->lines;

    if (n == SEALED) {
        n = any(SEALED);
        *len = strlen(v->line[n]);
        return v->line[n];
    }
    *len = speaker_say(&v->speaker, severity, code, detail, v->line[n]);
    v->lines++;
    return v->line[n];
}

static size_t
fill_noise(uint8_t *to)
{
    size_t len = fill_random(to, 200 + any(1500));
    size_t n;
    const char *line = voice_say(&noisy, WIRE_CRIT, "test.alarm", "what=true", &n);

    for (unsigned copy = 0; copy < 3; copy++) {
        memcpy(to + len, line, n);
        for (unsigned flip = any(6); flip > 0; flip--) {
            to[len + any((uint32_t)n)] ^= (uint8_t)(1U << any(8));
        }
        len += n;
    }
    return len;
}

static size_t
fill_endless(uint8_t *to)
{
    static const char head[] = "!1 CRIT quiet 1-K3QF.7@";
    size_t len = 0;

    while (len + sizeof head < CHUNK) {
        memcpy(to + len, head, sizeof head - 1);
        len += sizeof head - 1;
    }
    return len;
}

/* Sound in all but the key. */
static size_t
forge(const char *host, char *out)
{
    struct wire_head h = { .severity = (enum wire_severity)any(WIRE_SEVERITIES), .number = any(1000) };
    struct wire_key wrong;
    int n;

    (void)fill_random(wrong.bytes, sizeof wrong.bytes);
    (void)snprintf(h.host, sizeof h.host, "%s", host);
    (void)snprintf(h.nonce, sizeof h.nonce, "%s", "K3QF");
    (void)snprintf(h.code, sizeof h.code, "%s", "disk.failed");
    h.session = 1 + any(3) / 2;
    h.utc_s = (uint64_t)time(NULL);
    n = wire_line_compose(&h, "never=true", 10, out, WIRE_LINE_MAX);
    n = wire_seal(&wrong, out, (size_t)n, WIRE_LINE_MAX);
    if (n < 0) {
        abort();
    }
    out[n] = '\r';
    out[n + 1] = '\n';
    return (size_t)n + 2;
}

static size_t
fill_forged(uint8_t *to)
{
    char host[WIRE_HOST_MAX + 1];
    size_t len = 0;

    while (len + SPEAKER_LINE < CHUNK) {
        (void)snprintf(host, sizeof host, "h%u", any(1000000));
        len += forge(any(4) == 0 ? host : any(2) == 0 ? "quiet" : "noisy", (char *)to + len);
    }
    return len;
}

static size_t
fill_storm(uint8_t *to)
{
    size_t len = 0;

    while (len + 8 < CHUNK) {
        to[len++] = 0xFF;
        to[len++] = (uint8_t)(any(20) == 0 ? 240 + any(15) : 251 + any(4));
        to[len++] = (uint8_t)(any(2) == 0 ? 44 : any(256));
    }
    return len;
}

static size_t
fill_talker(uint8_t *to)
{
    return fill_random(to, CHUNK);
}

/* ---- who says it */

static struct source sources[SOURCES] = {
    [NOISE] = { .name = "noise", .fill = fill_noise },
    [ENDLESS] = { .name = "endless", .fill = fill_endless },
    [FORGED] = { .name = "forged", .fill = fill_forged },
    [STORM] = { .name = "storm", .fill = fill_storm, .listens = true },
    [TALKER] = { .name = "talker", .fill = fill_talker, .listens = true },
};

static void
source_begin(struct source *s, uint64_t bytes)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;

    s->fd = -1;
    s->left = bytes;
    if (s->listens) {
        s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        CHECK_INT(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
        CHECK_INT(listen(s->listener, 4), 0);
        CHECK_INT(getsockname(s->listener, (struct sockaddr *)&at, &size), 0);
        s->port = ntohs(at.sin_port);
    }
}

static void
source_open(struct source *s)
{
    if (s->fd < 0) {
        s->fd = s->listens ? accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
                           : open(receiver_path(&r, s->name), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    }
}

/* One write. What belfry does not take now, it takes later. */
static void
source_talk(struct source *s)
{
    ssize_t n;

    source_open(s);
    if (s->fd < 0 || s->left == 0) {
        return;
    }
    if (s->at == s->len) {
        s->len = s->fill(s->chunk);
        s->at = 0;
    }
    n = write(s->fd, s->chunk + s->at, s->len - s->at);
    if (n > 0) {
        s->at += (size_t)n;
        s->left -= (uint64_t)n < s->left ? (uint64_t)n : s->left;
    } else if (errno != EAGAIN && errno != EINTR) {
        (void)close(s->fd);
        s->fd = -1;
    }
}

/* ---- belfry */

static void
configure(void)
{
    char text[2000];
    size_t n = (size_t)snprintf(text, sizeof text,
            "StateDir %s/state\nSyslog no\nDefault all rotate-size=4M keep=1\nLine calm pty %s/calm\n", r.dir,
            r.dir);

    for (int i = 0; i < SOURCES; i++) {
        const struct source *s = &sources[i];

        n += (size_t)(s->listens ? snprintf(text + n, sizeof text - n, "Line %s %s 127.0.0.1:%u\n", s->name,
                                           i == STORM ? "telnet" : "tcp", s->port)
                                 : snprintf(text + n, sizeof text - n, "Line %s pty %s/%s\n", s->name, r.dir,
                                           s->name));
    }
    receiver_write(receiver_path(&r, "conf"), text, 0600);
}

/* Most memory that belfry ever had, in KiB. */
static long
peak_kib(void)
{
    char path[64];
    char text[4096] = "";
    const char *at;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)r.pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    (void)!read(fd, text, sizeof text - 1);
    (void)close(fd);
    at = strstr(text, "VmHWM:");
    return at != NULL ? strtol(at + 6, NULL, 10) : -1;
}

static void
voice_begin(struct voice *v, const char *host)
{
    receiver_pair(&r, host, &v->speaker);
    v->line = calloc(SEALED, sizeof *v->line);
    if (v->line == NULL) {
        abort();
    }
}

static uint64_t
environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (uint64_t)strtod(text, NULL) : otherwise;
}

/* ---- the campaign */

struct quiet_line {
    int fd;
    int64_t said_ms;
    bool waits;
    size_t from; /* in what belfry printed */
    char want[48];
    int64_t worst_ms;
};

static void
quiet_turn(struct quiet_line *q)
{
    size_t n;

    if (q->waits && strstr(r.text + q->from, q->want) != NULL) {
        int64_t took = test_ms() - q->said_ms;

        q->worst_ms = took > q->worst_ms ? took : q->worst_ms;
        q->waits = false;
    }
    if (!q->waits && quiet.lines < SEALED && test_ms() - q->said_ms >= SAY_MS) {
        const char *line = voice_say(&quiet, WIRE_INFO, "agent.beat", "next=60", &n);

        (void)snprintf(q->want, sizeof q->want, "\tagent.beat\t1-K3QF.%u\t", quiet.lines - 1);
        q->from = r.len;
        q->said_ms = test_ms();
        q->waits = true;
        receiver_send(q->fd, line, n);
    }
}

static bool
talking(void)
{
    for (int i = 0; i < SOURCES; i++) {
        if (!sources[i].listens && sources[i].left > 0) {
            return true;
        }
    }
    return false;
}

static void
wait_for_room(void)
{
    struct pollfd p[SOURCES + 1] = { { .fd = r.out, .events = POLLIN } };

    for (int i = 0; i < SOURCES; i++) {
        p[i + 1] = (struct pollfd){ .fd = sources[i].left > 0 ? sources[i].fd : -1, .events = POLLOUT };
    }
    (void)poll(p, SOURCES + 1, 10);
}

/* Returns how much memory belfry took after the first eighth, in KiB. */
static long
campaign(struct quiet_line *q)
{
    uint64_t first = sources[NOISE].left / 8 * 7;
    long warm = 0;

    while (talking() || q->waits) {
        wait_for_room();
        receiver_listen(&r);
        for (int i = 0; i < SOURCES; i++) {
            source_talk(&sources[i]);
        }
        quiet_turn(q);
        if (warm == 0 && sources[NOISE].left <= first && sources[ENDLESS].left <= first) {
            warm = peak_kib();
        }
        if (q->waits && test_ms() - q->said_ms > 60000) {
            break;
        }
    }
    return peak_kib() - warm;
}

static bool
was_sealed(const char *host, int64_t session, int64_t number, const char *bytes)
{
    const struct voice *v = strcmp(host, "quiet") == 0 ? &quiet : &noisy;
    size_t len = strlen(bytes);

    return session == 1 && number >= 0 && number < v->lines && strncmp(v->line[number], bytes, len) == 0 &&
           v->line[number][len] == '\r';
}

/* Lines on record that nobody sealed; `proved` gets the count of the quiet host's. */
static unsigned
false_proofs(unsigned *proved)
{
    sqlite3_stmt *st = NULL;
    sqlite3 *db = NULL;
    unsigned wrong = 0;

    *proved = 0;
    CHECK_INT(sqlite3_open_v2(receiver_path(&r, "state/ledger.db"), &db, SQLITE_OPEN_READWRITE, NULL),
            SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(db, "SELECT host, session, number, bytes FROM lines", -1, &st, NULL),
            SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *host = (const char *)sqlite3_column_text(st, 0);
        const char *bytes = (const char *)sqlite3_column_text(st, 3);

        *proved += strcmp(host, "quiet") == 0;
        if (!was_sealed(host, sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), bytes)) {
            wrong += wrong < 1000;
            if (wrong == 1) {
                printf("     proved and never sealed: %s\n", bytes);
            }
        }
    }
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return wrong;
}

static void
hostile_lines_prove_nothing_fill_nothing_and_hold_up_nobody(void)
{
    struct quiet_line q = { .worst_ms = 0 };
    int64_t began = test_ms();
    unsigned proved = 0;
    long grown;

    receiver_start(&r);
    q.fd = open(receiver_path(&r, "calm"), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    grown = campaign(&q);
    printf("     %.0f s, %ld KiB more than after an eighth, worst wait of the quiet line %lld ms, %u lines\n",
            (double)(test_ms() - began) / 1000, grown, (long long)q.worst_ms, quiet.lines);
    for (int i = 0; i < SOURCES; i++) {
        printf("     %s: %llu bytes not sent\n", sources[i].name, (unsigned long long)sources[i].left);
    }
    CHECK(!q.waits);
    CHECK(!MEASURED || grown <= GROWTH_KIB);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(false_proofs(&proved), 0);
    CHECK_INT(proved, quiet.lines);
    (void)close(q.fd);
}

int
main(int argc, char **argv)
{
    uint64_t bytes = environment("TOCSIN_HOSTILE_BYTES", 6000000);

    if (argc != 2) {
        return 2;
    }
    random_state = environment("TOCSIN_HOSTILE_SEED", 1) * UINT64_C(0x9E3779B97F4A7C15) + 1;
    (void)signal(SIGPIPE, SIG_IGN);
    receiver_make(&r, NULL);
    r.program = argv[1];
    for (int i = 0; i < SOURCES; i++) {
        source_begin(&sources[i], i == NOISE || i == ENDLESS ? bytes : bytes / 8);
    }
    configure();
    voice_begin(&quiet, "quiet");
    voice_begin(&noisy, "noisy");
    CHECK_RUN(hostile_lines_prove_nothing_fill_nothing_and_hold_up_nobody);
    receiver_remove(&r);
    free(quiet.line);
    free(noisy.line);
    return check_result();
}
