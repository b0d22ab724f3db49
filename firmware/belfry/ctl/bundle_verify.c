#include "belfry/clock.h"
#include "belfry/ctl/bundle.h"
#include "belfry/ctl/commands.h"
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

struct check {
    struct bundle bundle;
    struct prove prove; /* with keys of our own */
    bool asked;         /* whether we have any */
    bool paired;
    const struct command *command;
    bool json;
    uint64_t own; /* lines that these prove */
    uint64_t at;  /* line of the file */
};

static void
take_host(void *to, const struct host_record *host)
{
    struct check *k = to;

    if (strcmp(host->host, k->bundle.host) == 0) {
        prove_begin(&k->prove, k->prove.ledger, host);
        k->paired = true;
    }
}

/* Where there is no ledger there are no keys. */
static void
look_for_keys(struct check *k)
{
    char path[STATE_PATH];
    char error[LEDGER_ERROR];

    k->asked = true;
    if (ledger_open(state_path(k->command->conf, "ledger.db", path), LEDGER_READ, true, &k->prove.ledger,
                error) == 0) {
        (void)ledger_hosts(k->prove.ledger, clock_utc_us() / 1000, take_host, k);
    }
}

static void
take_line(void *to, const struct wire_line *line, bool proved)
{
    struct check *k = to;
    bool own;

    if (!k->asked) {
        look_for_keys(k);
    }
    own = k->paired && prove_is_true(prove_line(&k->prove, line, WIRE_SEEN_WHOLE));
    k->own += own;
    if ((!proved || (k->paired && !own)) && !k->json) {
        char shown[WIRE_LINE_MAX * WIRE_ESCAPE_WORST];

        (void)text_detail(shown, sizeof shown, line->bytes, line->len);
        (void)printf("%s %s\n", proved ? "NOT OURS" : "FORGED", shown);
    }
}

/* NULL, or what is wrong. */
static const char *
read_all(struct check *k, FILE *from)
{
    char line[BUNDLE_LINE + 1];
    const char *wrong = NULL;

    while (wrong == NULL && fgets(line, sizeof line, from) != NULL) {
        size_t len = strlen(line);

        k->at++;
        wrong = len == 0 || line[len - 1] != '\n' ? "a line is too long, or has no end"
                                                  : bundle_feed(&k->bundle, line, len - 1);
    }
    if (wrong == NULL && ferror(from) != 0) {
        wrong = strerror(errno);
    }
    return wrong != NULL ? wrong : bundle_finish(&k->bundle);
}

static uint64_t
report_sessions(const struct check *k)
{
    uint64_t missing = 0;

    for (unsigned i = 0; i < k->bundle.sessions; i++) {
        const struct bundle_session *s = &k->bundle.session[i];

        missing += bundle_missing(s);
        if (k->json) {
            (void)printf("%s\n "
                         "{\"session\":\"%u-%s\",\"first\":%u,\"last\":%u,\"top\":%u,\"lines\":%llu,"
                         "\"missing\":%llu}",
                    i > 0 ? "," : "", s->number, s->nonce, s->first, s->last, s->top,
                    (unsigned long long)s->lines, (unsigned long long)bundle_missing(s));
        } else {
            (void)printf("session %u-%s: lines %u to %u of %u, %llu there, %llu missing\n", s->number,
                    s->nonce, s->first, s->last, s->top, (unsigned long long)s->lines,
                    (unsigned long long)bundle_missing(s));
        }
    }
    return missing;
}

static int
report(const struct check *k)
{
    const struct bundle *b = &k->bundle;
    const char *keys = !k->paired ? "bundle" : k->own == b->lines ? "own" : "other";
    char made[TEXT_TIME];
    uint64_t missing;

    if (k->json) {
        (void)printf("{\"host\":\"%s\",\"made\":\"%s\",\"lines\":%llu,\"proved\":%llu,\"keys\":\"%s\","
                     "\"digest\":\"%s\","
                     "\"sessions\":[",
                b->host, text_time(b->made_ms, made), (unsigned long long)b->lines,
                (unsigned long long)b->proved, keys, b->digest);
        missing = report_sessions(k);
        (void)printf("],\n \"missing\":%llu}\n", (unsigned long long)missing);
    } else {
        missing = report_sessions(k);
        (void)printf("lines    %llu\nproved   %llu\nmissing  %llu\nmade     %s by %s\ndigest   %s\n",
                (unsigned long long)b->lines, (unsigned long long)b->proved, (unsigned long long)missing,
                text_time(b->made_ms, made), command_shown(b->by), b->digest);
        (void)printf("%s\n", !k->paired ? "keys     the bundle's own: compare the digest with who made it"
                             : k->own == b->lines
                                     ? "keys     those that this belfry has of the host, too"
                                     : "keys     OTHER than those that this belfry has of the host");
    }
    return b->lines > 0 && b->proved == b->lines && missing == 0 && (!k->paired || k->own == b->lines)
                   ? COMMAND_WELL
                   : COMMAND_FINDINGS;
}

/* What is no bundle from its first line on may be a transcript. */
static int
refused(const struct check *k, const char *wrong)
{
    const char *path = command_shown(k->command->argument[0]);

    return k->bundle.expects == BUNDLE_BEGIN
                   ? command_error("%s: %s; a transcript needs --host HOST", path, wrong)
                   : command_error("%s:%llu: %s", path, (unsigned long long)k->at, wrong);
}

int
command_verify_bundle(const struct command *c)
{
    static struct check k;
    const char *wrong;
    struct stat st;
    int fd = open(c->argument[0], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    FILE *from = fd >= 0 ? fdopen(fd, "r") : NULL;
    int r;

    if (from == NULL || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        r = command_error("%s: %s", command_shown(c->argument[0]),
                from == NULL ? strerror(errno) : "expected a regular file");
        (void)(from != NULL && fclose(from));
        return r;
    }
    k.command = c;
    k.json = c->json;
    bundle_begin(&k.bundle, take_line, &k);
    wrong = read_all(&k, from);
    r = wrong != NULL ? refused(&k, wrong) : report(&k);
    (void)fclose(from);
    if (k.prove.ledger != NULL) {
        ledger_close(k.prove.ledger);
    }
    prove_end(&k.prove);
    return r;
}
