#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ledger/ledger.h"
#include "belfry/state.h"
#include "belfry/text.h"
#include "wire/escape.h"
#include "wire/seal.h"
#include "wire/stream.h"
#include "wire/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A transcript has no clock, and it may begin and end anywhere, so there is no judge here: each line is
 * proved by itself, and what is missing is what lies between the first and the last number of a session.
 */

#define VERIFY_SESSIONS 1024
#define MARK_SIZE \
    8 /* bytes of a tag kept of each line, to tell a copy from another line of the same number */

struct session {
    uint32_t number;
    char nonce[WIRE_NONCE_CHARS + 1];
    struct wire_key key;
    uint32_t first;
    uint32_t last;
    uint64_t count;
    size_t room;                /* in `mark` */
    uint8_t (*mark)[MARK_SIZE]; /* by number; all 0 when it was not seen */
};

struct verify {
    struct ledger *ledger;
    struct host_record host;
    bool found;
    bool json;
    bool no_memory;
    uint64_t bytes;
    uint64_t line; /* physical line */
    uint64_t verdicts[WIRE_VERDICTS];
    uint64_t text;
    uint64_t strangers;
    unsigned sessions;
    struct session session[VERIFY_SESSIONS];
};

static struct session *
find_session(struct verify *v, const struct wire_head *h)
{
    for (unsigned i = 0; i < v->sessions; i++) {
        struct session *s = &v->session[i];

        if (s->number == h->session && strcmp(s->nonce, h->nonce) == 0) {
            return s;
        }
    }
    return NULL;
}

/* The ledger has the keys of sessions it saw; from the newest root on, every key can be derived. */
static bool
find_key(struct verify *v, const struct wire_head *h, struct wire_key *key)
{
    const struct session *s = find_session(v, h);
    struct wire_key root;

    if (s != NULL) {
        *key = s->key;
        return true;
    }
    if (ledger_key_of(v->ledger, v->host.host, v->host.pairing, h->session, h->nonce, key)) {
        return true;
    }
    if (h->session < v->host.root_session || h->session - v->host.root_session > WIRE_SESSION_AHEAD) {
        return false;
    }
    root = v->host.root;
    for (uint32_t n = v->host.root_session; n < h->session; n++) {
        wire_key_next_root(&root, &root);
    }
    wire_key_session(&root, h->session, h->nonce, v->host.host, key);
    wire_wipe(&root, sizeof root);
    return true;
}

/* Room for a number. */
static bool
grow(struct session *s, uint32_t number)
{
    size_t room = s->room > 0 ? s->room : 1024;
    void *more;

    while (room <= number) {
        room *= 2;
    }
    if (room == s->room) {
        return true;
    }
    more = realloc(s->mark, room * sizeof s->mark[0]);
    if (more == NULL) {
        return false;
    }
    s->mark = more;
    memset(s->mark + s->room, 0, (room - s->room) * sizeof s->mark[0]);
    s->room = room;
    return true;
}

static struct session *
begin_session(struct verify *v, const struct wire_head *h, const struct wire_key *key)
{
    struct session *s = find_session(v, h);

    if (s == NULL && v->sessions < VERIFY_SESSIONS) {
        s = &v->session[v->sessions++];
        s->number = h->session;
        memcpy(s->nonce, h->nonce, sizeof s->nonce);
        s->key = *key;
        s->first = h->number;
        s->last = h->number;
    }
    return s;
}

static enum wire_verdict
keep(struct verify *v, const struct wire_line *line, const struct wire_key *key, enum wire_seen seen)
{
    struct session *s = begin_session(v, &line->head, key);
    uint32_t number = line->head.number;
    const char *tag = line->bytes + line->body_len + 1;

    if (s == NULL || !grow(s, number)) {
        v->no_memory = true;
        return WIRE_UNKNOWN;
    }
    if (s->mark[number][0] != 0) {
        return memcmp(s->mark[number], tag, MARK_SIZE) == 0 ? WIRE_DUP : WIRE_CLONE;
    }
    memcpy(s->mark[number], tag, MARK_SIZE);
    s->first = number < s->first ? number : s->first;
    s->last = number > s->last ? number : s->last;
    s->count++;
    return seen == WIRE_SEEN_REPAIRED ? WIRE_REPAIRED : WIRE_OK;
}

static void
complain(const struct verify *v, enum wire_verdict verdict, const struct wire_line *line)
{
    char shown[WIRE_LINE_MAX * WIRE_ESCAPE_WORST];

    if (!v->json) {
        (void)text_detail(shown, sizeof shown, line->bytes, line->len);
        (void)printf("%s %s\n", wire_verdict_name(verdict), shown);
    }
}

static bool
on_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    struct verify *v = to;
    struct wire_key key;
    struct wire_key leaf;
    enum wire_verdict verdict;
    bool proved;

    if (strcmp(line->head.host, v->host.host) != 0) {
        v->strangers += seen == WIRE_SEEN_WHOLE;
        return false;
    }
    if (!find_key(v, &line->head, &key)) {
        v->verdicts[WIRE_UNKNOWN] += seen == WIRE_SEEN_WHOLE;
        return false;
    }
    wire_tree_at(&key, line->head.number, WIRE_TREE_DEPTH, &leaf);
    proved = wire_tag_proves(&leaf, line);
    wire_wipe(&leaf, sizeof leaf);
    if (proved) {
        verdict = keep(v, line, &key, seen);
    } else {
        verdict = WIRE_FORGED;
    }
    wire_wipe(&key, sizeof key);
    if (proved || seen == WIRE_SEEN_WHOLE) {
        v->verdicts[verdict]++;
        if (verdict == WIRE_FORGED || verdict == WIRE_CLONE) {
            complain(v, verdict, line);
        }
    }
    return proved;
}

static void
on_torn(void *to, const char *text, size_t len)
{
    struct verify *v = to;

    (void)text;
    (void)len;
    v->verdicts[WIRE_TORN]++;
}

static void
on_text(void *to, const char *text, size_t len)
{
    struct verify *v = to;

    (void)text;
    (void)len;
    v->text++;
}

static const struct wire_stream_ops ops = {
    .candidate = on_candidate,
    .torn = on_torn,
    .text = on_text,
};

static void
take_host(void *to, const struct host_record *host)
{
    struct verify *v = to;

    if (strcmp(host->host, v->host.host) == 0) {
        v->host = *host;
        v->found = true;
    }
}

/* 0 or -errno. */
static int
read_all(struct verify *v, const char *path)
{
    static struct wire_stream stream;
    static uint8_t bytes[65536];
    struct stat st;
    ssize_t n = 0;
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        return -errno;
    }
    /* A FIFO opened so would look empty, a device may never end. */
    if (fd != STDIN_FILENO && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        (void)close(fd);
        return -EINVAL;
    }
    wire_stream_init(&stream, &ops, v);
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        v->bytes += (uint64_t)n;
        wire_stream_feed(&stream, bytes, (size_t)n);
    }
    n = n < 0 ? -errno : 0;
    wire_stream_flush(&stream);
    (void)close(fd);
    return (int)n;
}

static uint64_t
missing_of(const struct session *s)
{
    return (uint64_t)s->last - s->first + 1 - s->count;
}

/* The holes of one session, as "5-7,9". */
static void
print_holes(const struct session *s)
{
    bool any = false;

    for (uint32_t n = s->first; n <= s->last; n++) {
        uint32_t from = n;

        while (n <= s->last && s->mark[n][0] == 0) {
            n++;
        }
        if (n > from) {
            (void)printf(n - from > 1 ? "%s%u-%u" : "%s%u", any ? "," : "", from, n - 1);
            any = true;
        }
    }
}

static uint64_t
report_text(struct verify *v)
{
    static const enum wire_verdict shown[] = { WIRE_OK, WIRE_REPAIRED, WIRE_DUP, WIRE_TORN, WIRE_FORGED,
        WIRE_CLONE, WIRE_UNKNOWN };
    uint64_t missing = 0;

    for (unsigned i = 0; i < v->sessions; i++) {
        const struct session *s = &v->session[i];

        (void)printf("session %u-%s: lines %u to %u, %llu proved", s->number, s->nonce, s->first, s->last,
                (unsigned long long)s->count);
        if (missing_of(s) > 0) {
            (void)printf(", %llu missing: ", (unsigned long long)missing_of(s));
            print_holes(s);
        }
        (void)printf("\n");
        missing += missing_of(s);
    }
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        (void)printf("%-8s %llu\n", wire_verdict_name(shown[i]), (unsigned long long)v->verdicts[shown[i]]);
    }
    (void)printf("%-8s %llu\n%-8s %llu\n%-8s %llu\n", "MISSING", (unsigned long long)missing, "others",
            (unsigned long long)v->strangers, "text", (unsigned long long)v->text);
    return missing;
}

static uint64_t
report_json(struct verify *v)
{
    uint64_t missing = 0;

    (void)printf(
            "{\"host\":\"%s\",\"bytes\":%llu,\"sessions\":[", v->host.host, (unsigned long long)v->bytes);
    for (unsigned i = 0; i < v->sessions; i++) {
        const struct session *s = &v->session[i];

        (void)printf("%s\n {\"session\":\"%u-%s\",\"first\":%u,\"last\":%u,\"proved\":%llu,\"missing\":%llu,"
                     "\"holes\":\"",
                i > 0 ? "," : "", s->number, s->nonce, s->first, s->last, (unsigned long long)s->count,
                (unsigned long long)missing_of(s));
        print_holes(s);
        (void)printf("\"}");
        missing += missing_of(s);
    }
    (void)printf(
            "],\n \"ok\":%llu,\"repaired\":%llu,\"dup\":%llu,\"torn\":%llu,\"forged\":%llu,\"clone\":%llu,"
            "\"unknown\":%llu,\"missing\":%llu,\"others\":%llu,\"text\":%llu}\n",
            (unsigned long long)v->verdicts[WIRE_OK], (unsigned long long)v->verdicts[WIRE_REPAIRED],
            (unsigned long long)v->verdicts[WIRE_DUP], (unsigned long long)v->verdicts[WIRE_TORN],
            (unsigned long long)v->verdicts[WIRE_FORGED], (unsigned long long)v->verdicts[WIRE_CLONE],
            (unsigned long long)v->verdicts[WIRE_UNKNOWN], (unsigned long long)missing,
            (unsigned long long)v->strangers, (unsigned long long)v->text);
    return missing;
}

/* 0: everything in it that names the host is proved, and nothing is missing in between. */
static int
report(struct verify *v)
{
    uint64_t missing = v->json ? report_json(v) : report_text(v);
    bool proved_any = v->verdicts[WIRE_OK] + v->verdicts[WIRE_REPAIRED] > 0;

    if (v->no_memory) {
        return command_error("more sessions or lines than there is memory to follow; the counts are too low");
    }
    return proved_any && missing == 0 && v->verdicts[WIRE_FORGED] == 0 && v->verdicts[WIRE_CLONE] == 0 &&
                           v->verdicts[WIRE_UNKNOWN] == 0 && v->verdicts[WIRE_TORN] == 0
                   ? COMMAND_WELL
                   : COMMAND_FINDINGS;
}

static void
clean_up(struct verify *v)
{
    for (unsigned i = 0; i < v->sessions; i++) {
        free(v->session[i].mark);
    }
    wire_wipe(v, sizeof *v);
}

int
command_verify(const struct command *c)
{
    static struct verify v;
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    int r;

    if (c->host == NULL || !wire_host_valid(c->host, strlen(c->host))) {
        return command_error("verify: expected --host HOST, a paired host");
    }
    (void)snprintf(v.host.host, sizeof v.host.host, "%s", c->host);
    v.json = c->json;
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, true, &v.ledger, error) != 0) {
        return command_error("%s", error);
    }
    r = ledger_hosts(v.ledger, clock_utc_us() / 1000, take_host, &v);
    if (r != 0) {
        r = command_error("%s", ledger_error(v.ledger));
    } else if (!v.found) {
        r = command_error("%s is not paired here", c->host);
    } else {
        r = read_all(&v, c->argument[0]);
        r = r != 0 ? command_error("%s: %s", command_shown(c->argument[0]),
                             r == -EINVAL ? "expected a regular file" : strerror(-r))
                   : report(&v);
    }
    ledger_close(v.ledger);
    clean_up(&v);
    return r;
}
