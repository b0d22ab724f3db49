#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ctl/logger.h"
#include "belfry/ctl/prove.h"
#include "belfry/harvest/harvest.h"
#include "belfry/state.h"
#include "belfry/text.h"
#include "wire/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_MS 2000 /* for who puts a plug back */
#define SHOWN (DUMP_BYTES_MAX * WIRE_ESCAPE_WORST + 1)
#define NOTE "#1 " /* a logger's own lines begin with it (firmware/logger/SPEC.md) */

struct host {
    struct host_record record;
    struct prove *prove; /* NULL: no line of it came */
};

/* What a record is, beside the verdicts of the lines of paired hosts. */
struct counts {
    uint64_t strangers; /* lines of hosts that are not paired here */
    uint64_t notes;
    uint64_t unreadable; /* neither a line nor a note */
};

struct reading {
    FILE *out;
    struct ledger *ledger;
    struct host *host;
    size_t hosts;
    bool no_memory;
    struct counts counts;
    struct harvest harvest;
};

static void
take_host(void *to, const struct host_record *record)
{
    struct reading *r = to;
    struct host *more = realloc(r->host, (r->hosts + 1) * sizeof *more);

    if (more == NULL) {
        r->no_memory = true;
        return;
    }
    r->host = more;
    r->host[r->hosts++] = (struct host){ .record = *record };
}

/* NULL when it is not paired, or there is no memory. */
static struct prove *
prover_of(struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->hosts; i++) {
        struct host *h = &r->host[i];

        if (strcmp(h->record.host, name) != 0) {
            continue;
        }
        if (h->prove == NULL) {
            h->prove = calloc(1, sizeof *h->prove);
            r->no_memory = r->no_memory || h->prove == NULL;
        }
        if (h->prove != NULL && h->prove->ledger == NULL) {
            prove_begin(h->prove, r->ledger, &h->record);
        }
        return h->prove;
    }
    return NULL;
}

/* What is said of a record, in a word. */
static const char *
judge(struct reading *r, const struct dump_record *record)
{
    const char *text = (const char *)record->bytes;
    struct wire_line line;

    if (wire_line_parse(text, record->len, &line) != 0) {
        bool note = record->len >= strlen(NOTE) && memcmp(text, NOTE, strlen(NOTE)) == 0;

        r->counts.notes += note;
        r->counts.unreadable += !note;
        return note ? "NOTE" : "UNREADABLE";
    }
    struct prove *prove = prover_of(r, line.head.host);

    if (prove == NULL) {
        r->counts.strangers++;
        return "STRANGER";
    }
    return wire_verdict_name(prove_line(prove, &line, WIRE_SEEN_WHOLE));
}

static void
on_head(void *to, const struct dump_head *head)
{
    struct reading *r = to;
    char time[TEXT_TIME];

    (void)fprintf(r->out,
            "# logger %s, read out in its boot %u at %s by belfry %s; records to %u were harvested before\n"
            "# number boot place verdict text\n",
            head->serial, head->boot, text_time(clock_utc_us() / 1000, time), TOCSIN_VERSION,
            head->harvested);
}

static bool
on_record(void *to, const struct dump_record *record)
{
    struct reading *r = to;
    char shown[SHOWN];

    (void)text_detail(shown, sizeof shown, (const char *)record->bytes, record->len);
    return fprintf(r->out, "%u %u %s %s %s\n", record->number, record->boot,
                   record->class == DUMP_KEPT ? "kept" : "ring", judge(r, record), shown) > 0;
}

static const struct harvest_ops ops = {
    .head = on_head,
    .record = on_record,
};

static uint64_t
sum(const struct reading *r, enum wire_verdict v)
{
    uint64_t n = 0;

    for (size_t i = 0; i < r->hosts; i++) {
        n += r->host[i].prove != NULL ? r->host[i].prove->verdicts[v] : 0;
    }
    return n;
}

static uint64_t
missing(const struct reading *r)
{
    uint64_t n = 0;

    for (size_t i = 0; i < r->hosts; i++) {
        const struct prove *p = r->host[i].prove;

        for (unsigned k = 0; p != NULL && k < p->sessions; k++) {
            n += prove_missing(&p->session[k]);
        }
    }
    return n;
}

struct row {
    const char *name;
    uint64_t count;
};

#define ROWS 15

static void
fill_rows(const struct reading *r, struct row out[ROWS])
{
    const struct harvest *h = &r->harvest;
    const struct row rows[ROWS] = {
        { "records", h->records },
        { "proved", sum(r, WIRE_OK) },
        { "copies", sum(r, WIRE_DUP) },
        { "forged", sum(r, WIRE_FORGED) },
        { "clone", sum(r, WIRE_CLONE) },
        { "unknown", sum(r, WIRE_UNKNOWN) },
        { "strangers", r->counts.strangers },
        { "notes", r->counts.notes },
        { "unreadable", r->counts.unreadable },
        { "missing", missing(r) },
        { "gaps", h->gaps },
        { "spoilt", h->spoilt },
        { "damaged", h->damaged },
        { "disorder", h->disorder },
        { "rubbish", h->rubbish },
    };

    memcpy(out, rows, sizeof rows);
}

static void
report_sessions(const struct reading *r)
{
    for (size_t i = 0; i < r->hosts; i++) {
        const struct prove *p = r->host[i].prove;

        for (unsigned k = 0; p != NULL && k < p->sessions; k++) {
            const struct prove_session *s = &p->session[k];

            (void)printf("%s session %u-%s: lines %u to %u, %llu proved", r->host[i].record.host, s->number,
                    s->nonce, s->first, s->last, (unsigned long long)s->count);
            if (prove_missing(s) > 0) {
                (void)printf(", %llu missing: ", (unsigned long long)prove_missing(s));
                prove_print_holes(s);
            }
            (void)printf("\n");
        }
    }
}

static void
report(const struct reading *r, int error, bool json)
{
    struct row rows[ROWS];

    fill_rows(r, rows);
    if (!json) {
        report_sessions(r);
    } else {
        (void)printf("{\"logger\":\"%s\",\"boot\":%u,\"whole\":%s,\"last\":%u", r->harvest.head.serial,
                r->harvest.head.boot, error == 0 ? "true" : "false", r->harvest.last);
    }
    for (unsigned i = 0; i < ROWS; i++) {
        (void)printf(json ? ",\"%s\":%llu" : "%-10s %llu\n", rows[i].name, (unsigned long long)rows[i].count);
    }
    if (json) {
        (void)printf("}\n");
    }
}

/*
 * There is nothing but true lines and notes, and all that the device had came. What a power cut spoilt there
 * was never committed.
 */
static bool
is_well(const struct reading *r)
{
    const struct harvest *h = &r->harvest;

    return sum(r, WIRE_FORGED) + sum(r, WIRE_CLONE) + sum(r, WIRE_UNKNOWN) + r->counts.unreadable +
                   h->damaged + h->disorder + h->rubbish ==
           0;
}

static int
finish(struct reading *r, int error, const struct command *c)
{
    const struct harvest *h = &r->harvest;

    if (h->begun) {
        (void)fprintf(r->out, error == 0 ? "# whole: %llu records\n" : "# ended early: %llu records\n",
                (unsigned long long)h->records);
    }
    bool written = fflush(r->out) == 0 && (c->file == NULL || fsync(fileno(r->out)) == 0);

    if (h->begun) {
        report(r, error, c->json);
    }
    if (error != 0 && h->last > 0) {
        return command_error("%s: ended early, behind record %u: %s", command_shown(c->argument[0]), h->last,
                logger_why(error));
    }
    if (error != 0) {
        return command_error("%s: %s", command_shown(c->argument[0]), logger_why(error));
    }
    if (!written) {
        return command_error("%s: %s", command_shown(c->file != NULL ? c->file : "-"), strerror(errno));
    }
    return is_well(r) ? COMMAND_WELL : COMMAND_FINDINGS;
}

/* NULL after telling. A file that is there stays as it is. */
static FILE *
open_out(const struct command *c)
{
    if (c->file == NULL) {
        return c->json ? fopen("/dev/null", "w") : stdout;
    }
    int fd = open(c->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (out == NULL) {
        (void)command_error("%s: %s", command_shown(c->file), strerror(errno));
    }
    return out;
}

static int
read_out(struct reading *r, const struct port_ops *port, const struct command *c)
{
    if (ledger_hosts(r->ledger, clock_utc_us() / 1000, take_host, r) != 0) {
        return command_error("%s", ledger_error(r->ledger));
    }
    r->out = open_out(c);
    if (r->out == NULL) {
        return COMMAND_ERROR;
    }
    r->harvest.ops = &ops;
    r->harvest.to = r;
    r->harvest.pause_ms = PAUSE_MS;
    int status = finish(r, harvest_run(&r->harvest, port, c->argument[0]), c);

    if (r->out != stdout) {
        (void)fclose(r->out);
    }
    return r->no_memory ? command_error("there is not memory enough; the counts are too low") : status;
}

static void
clean_up(struct reading *r)
{
    for (size_t i = 0; i < r->hosts; i++) {
        if (r->host[i].prove != NULL) {
            prove_end(r->host[i].prove);
            free(r->host[i].prove);
        }
        wire_wipe(&r->host[i], sizeof r->host[i]);
    }
    free(r->host);
}

int
command_harvest(const struct command *c)
{
    static struct reading r;
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    const struct port_ops *port = logger_port(c->argument[0]);

    if (port == NULL) {
        return COMMAND_ERROR;
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, true, &r.ledger, error) != 0) {
        return command_error("%s", error);
    }
    int status = read_out(&r, port, c);

    ledger_close(r.ledger);
    clean_up(&r);
    return status;
}
