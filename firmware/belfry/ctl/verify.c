#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ctl/prove.h"
#include "belfry/state.h"
#include "belfry/text.h"
#include "wire/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct verify {
    struct prove prove;
    const char *name; /* the host's */
    bool found;
    bool json;
    uint64_t bytes;
    uint64_t text;
    uint64_t strangers;
};

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

    if (strcmp(line->head.host, v->name) != 0) {
        v->strangers += seen == WIRE_SEEN_WHOLE;
        return false;
    }
    enum wire_verdict verdict = prove_line(&v->prove, line, seen);

    if (verdict == WIRE_CLONE || (verdict == WIRE_FORGED && seen == WIRE_SEEN_WHOLE)) {
        complain(v, verdict, line);
    }
    return prove_is_true(verdict);
}

static void
on_torn(void *to, const char *text, size_t len)
{
    struct verify *v = to;

    (void)text;
    (void)len;
    v->prove.verdicts[WIRE_TORN]++;
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

    if (strcmp(host->host, v->name) == 0) {
        prove_begin(&v->prove, v->prove.ledger, host);
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
report_text(struct verify *v)
{
    static const enum wire_verdict shown[] = { WIRE_OK, WIRE_REPAIRED, WIRE_DUP, WIRE_TORN, WIRE_FORGED,
        WIRE_CLONE, WIRE_UNKNOWN };
    uint64_t missing = 0;

    for (unsigned i = 0; i < v->prove.sessions; i++) {
        const struct prove_session *s = &v->prove.session[i];

        (void)printf("session %u-%s: lines %u to %u, %llu proved", s->number, s->nonce, s->first, s->last,
                (unsigned long long)s->count);
        if (prove_missing(s) > 0) {
            (void)printf(", %llu missing: ", (unsigned long long)prove_missing(s));
            prove_print_holes(s);
        }
        (void)printf("\n");
        missing += prove_missing(s);
    }
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        (void)printf(
                "%-8s %llu\n", wire_verdict_name(shown[i]), (unsigned long long)v->prove.verdicts[shown[i]]);
    }
    (void)printf("%-8s %llu\n%-8s %llu\n%-8s %llu\n", "MISSING", (unsigned long long)missing, "others",
            (unsigned long long)v->strangers, "text", (unsigned long long)v->text);
    return missing;
}

static uint64_t
report_json(struct verify *v)
{
    uint64_t missing = 0;

    (void)printf("{\"host\":\"%s\",\"bytes\":%llu,\"sessions\":[", v->name, (unsigned long long)v->bytes);
    for (unsigned i = 0; i < v->prove.sessions; i++) {
        const struct prove_session *s = &v->prove.session[i];

        (void)printf("%s\n {\"session\":\"%u-%s\",\"first\":%u,\"last\":%u,\"proved\":%llu,\"missing\":%llu,"
                     "\"holes\":\"",
                i > 0 ? "," : "", s->number, s->nonce, s->first, s->last, (unsigned long long)s->count,
                (unsigned long long)prove_missing(s));
        prove_print_holes(s);
        (void)printf("\"}");
        missing += prove_missing(s);
    }
    (void)printf(
            "],\n \"ok\":%llu,\"repaired\":%llu,\"dup\":%llu,\"torn\":%llu,\"forged\":%llu,\"clone\":%llu,"
            "\"unknown\":%llu,\"missing\":%llu,\"others\":%llu,\"text\":%llu}\n",
            (unsigned long long)v->prove.verdicts[WIRE_OK],
            (unsigned long long)v->prove.verdicts[WIRE_REPAIRED],
            (unsigned long long)v->prove.verdicts[WIRE_DUP], (unsigned long long)v->prove.verdicts[WIRE_TORN],
            (unsigned long long)v->prove.verdicts[WIRE_FORGED],
            (unsigned long long)v->prove.verdicts[WIRE_CLONE],
            (unsigned long long)v->prove.verdicts[WIRE_UNKNOWN], (unsigned long long)missing,
            (unsigned long long)v->strangers, (unsigned long long)v->text);
    return missing;
}

/* 0: everything in it that names the host is proved, and nothing is missing in between. */
static int
report(struct verify *v)
{
    uint64_t missing = v->json ? report_json(v) : report_text(v);
    bool proved_any = v->prove.verdicts[WIRE_OK] + v->prove.verdicts[WIRE_REPAIRED] > 0;

    if (v->prove.no_memory) {
        return command_error("more sessions or lines than there is memory to follow; the counts are too low");
    }
    return proved_any && missing == 0 && v->prove.verdicts[WIRE_FORGED] == 0 &&
                           v->prove.verdicts[WIRE_CLONE] == 0 && v->prove.verdicts[WIRE_UNKNOWN] == 0 &&
                           v->prove.verdicts[WIRE_TORN] == 0
                   ? COMMAND_WELL
                   : COMMAND_FINDINGS;
}

int
command_verify(const struct command *c)
{
    static struct verify v;
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    int r;

    if (c->host == NULL) {
        return command_verify_bundle(c);
    }
    if (!wire_host_valid(c->host, strlen(c->host))) {
        return command_error("verify: expected a paired host behind --host");
    }
    v.name = c->host;
    v.json = c->json;
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, true, &v.prove.ledger, error) != 0) {
        return command_error("%s", error);
    }
    r = ledger_hosts(v.prove.ledger, clock_utc_us() / 1000, take_host, &v);
    if (r != 0) {
        r = command_error("%s", ledger_error(v.prove.ledger));
    } else if (!v.found) {
        r = command_error("%s is not paired here", c->host);
    } else {
        r = read_all(&v, c->argument[0]);
        r = r != 0 ? command_error("%s: %s", command_shown(c->argument[0]),
                             r == -EINVAL ? "expected a regular file" : strerror(-r))
                   : report(&v);
    }
    ledger_close(v.prove.ledger);
    prove_end(&v.prove);
    return r;
}
