#include "support/storm.h"
#include "alarm/clock.h"
#include "alarm/schedule.h"
#include "proc/link.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOW 0
#define FAST 1
#define BITS 10 /* a byte on the line */
#define END_MS 20000

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
configure(struct conf *conf)
{
    conf_init(conf, NULL, NULL);
    snprintf(conf->host, sizeof(conf->host), "web03");
    conf->check_in_s = 1;
    conf->beat_s = 60;
    conf->channels = 2;
    for (int i = 0; i < 2; i++) {
        snprintf(conf->channel[i].scheme, sizeof(conf->channel[i].scheme), "serial");
        snprintf(conf->channel[i].device, sizeof(conf->channel[i].device), "/dev/ttyS%d", i);
        conf->channel[i].floor = WIRE_INFO;
    }
    conf->channel[SLOW].baud = STORM_BAUD;
    conf->channel[FAST].baud = 3000000;
}

bool
storm_begin(struct storm *s)
{
    memset(s, 0, sizeof(*s));
    if (!core_alone_prepare(&s->core)) {
        return false;
    }
    configure(&s->conf);
    core_alone_start(&s->core, &s->conf, true);
    s->slow = core_alone_wire(&s->core, SLOW);
    s->fast = core_alone_wire(&s->core, FAST);
    s->files = core_alone_introduce(&s->core, ROLE_FSCHECK, 0);
    s->ports = core_alone_introduce(&s->core, ROLE_PROCSCAN, 0);
    s->daemons = core_alone_introduce(&s->core, ROLE_NETWATCH, 0);
    return true;
}

/* More lines than the schedule keeps, so that its table is in use to the last place. */
void
storm_fill(struct storm *s)
{
    struct ctl_request ring = { .magic = CTL_MAGIC, .kind = CTL_RING };
    struct ctl_reply r;
    int client = core_alone_client(&s->core);

    for (unsigned i = 0; client >= 0 && i < SCHEDULE_LINES + 16; i++) {
        while (link_send(client, &ring, sizeof(ring)) == -EAGAIN) {
            storm_go_on(s, 1, false);
        }
        while (link_receive(client, &r, sizeof(r)) > 0) {
        }
    }
    close(client);
}

/* ---- what the lines tell ---- */

static uint64_t
number_behind(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at != NULL ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void
take_fold(struct storm *s, const char *line)
{
    const char *under = strstr(line, "under=");
    size_t len = under != NULL ? strcspn(under, " ") : 0;

    for (unsigned i = 0; len > 0 && len < sizeof(s->fold[0].under) && i < STORM_FOLDS; i++) {
        struct storm_fold *f = &s->fold[i];

        if (i == s->folds) {
            memcpy(f->under, under, len);
            s->folds++;
        }
        if (strlen(f->under) == len && memcmp(f->under, under, len) == 0) {
            f->files = (unsigned)number_behind(line, " files=");
            return;
        }
    }
}

/* A line the first time it comes. */
static void
take_line(struct storm *s, const struct line_message *m)
{
    char line[WIRE_LINE_MAX + 1];

    memcpy(line, m->bytes, m->len);
    line[m->len] = '\0';
    if (m->number >= sizeof(s->seen) || s->seen[m->number]++ > 0 || strstr(line, " of=") != NULL) {
        return;
    }
    if (strstr(line, " agent.flood ") != NULL) {
        s->dropped += number_behind(line, " dropped=");
        s->untold = number_behind(line, " n=");
    } else if (strstr(line, " integrity.many ") != NULL) {
        take_fold(s, line);
    } else if (strstr(line, " port.unexpected ") != NULL || strstr(line, " integrity.added ") != NULL) {
        s->told++;
    }
}

uint64_t
storm_folded(const struct storm *s)
{
    uint64_t files = 0;

    for (unsigned i = 0; i < s->folds; i++) {
        files += s->fold[i].files;
    }
    return files;
}

/* ---- the wires ---- */

static void
say_done(int fd, uint32_t number)
{
    struct wire_message done = { .kind = WIRE_SAYS_DONE, .number = number };

    link_send(fd, &done, sizeof(done));
}

static void
be_fast_wire(struct storm *s)
{
    struct line_message m;

    while (link_receive(s->fast, &m, sizeof(m)) > 0) {
        if (m.kind == LINE_WRITE) {
            take_line(s, &m);
            say_done(s->fast, m.number);
        }
    }
}

static void
begin_line(struct storm *s, const struct line_message *m, int64_t at_us)
{
    char line[WIRE_LINE_MAX + 1];
    unsigned which;

    memcpy(line, m->bytes, m->len);
    line[m->len] = '\0';
    const char *name = strstr(line, " daemon.down name=grave");

    s->under_way = m->number;
    s->free_us = at_us + (int64_t)(m->len + 2) * BITS * 1000000 / STORM_BAUD;
    s->begun++;
    if (name != NULL && sscanf(name, " daemon.down name=grave%u", &which) == 1 && which < s->graves &&
            s->grave[which].begun_us == 0) {
        s->grave[which].begun_us = at_us;
        s->grave[which].before = s->begun - 1 - s->grave[which].before;
    }
}

static void
be_slow_wire(struct storm *s)
{
    struct line_message m;
    int64_t at_us = now_us();

    if (s->under_way != 0) {
        if (at_us < s->free_us) {
            return;
        }
        say_done(s->slow, s->under_way);
        s->under_way = 0;
    }
    while (s->under_way == 0 && link_receive(s->slow, &m, sizeof(m)) > 0) {
        if (m.kind == LINE_WRITE) {
            begin_line(s, &m, at_us);
        }
    }
}

/* ---- the storm ---- */

static bool
send_one(struct storm *s)
{
    bool file = s->sent % 2 == 0;
    char subject[64];
    struct finding f;
    int n = file ? snprintf(subject, sizeof(subject), "/storm/%" PRIu64 "/%" PRIu64, s->sent % 8, s->sent)
                 : snprintf(subject, sizeof(subject), "tcp/%" PRIu64, s->sent);

    finding_begin(&f, file ? FINDING_INTEGRITY_ADDED : FINDING_PORT_UNEXPECTED, file ? "path" : "port",
            subject, (size_t)n);
    f.severity = WIRE_ERRO;
    return link_send(file ? s->files : s->ports, &f, sizeof(f)) == 0;
}

void
storm_go_on(struct storm *s, int64_t ms, bool raining)
{
    int64_t from_us = now_us();
    uint64_t before = s->sent;

    for (int64_t at_us = from_us; at_us - from_us < ms * 1000; at_us = now_us()) {
        uint64_t due = before + (uint64_t)(at_us - from_us) * STORM_RATE / 1000000;

        while (raining && s->sent < due && send_one(s)) {
            s->sent++;
        }
        core_alone_turn(&s->core);
        be_fast_wire(s);
        be_slow_wire(s);
        poll(NULL, 0, 1);
    }
}

void
storm_raise(struct storm *s)
{
    char name[16];
    struct finding f;
    int n = snprintf(name, sizeof(name), "grave%u", s->graves);

    if (s->graves == STORM_GRAVES) {
        return;
    }
    finding_begin(&f, FINDING_DAEMON_DOWN, "name", name, (size_t)n);
    f.op = FINDING_EVENT;
    s->grave[s->graves++] = (struct storm_grave){ .raised_us = now_us(), .before = s->begun };
    link_send(s->daemons, &f, sizeof(f));
}

int
storm_end(struct storm *s)
{
    int status = -1;

    core_alone_stop(&s->core);
    for (int64_t until_ms = clock_boot_ms() + END_MS; clock_boot_ms() < until_ms;) {
        be_fast_wire(s);
        be_slow_wire(s);
        if (core_alone_ended(&s->core, &status)) {
            break;
        }
        core_alone_turn(&s->core);
        poll(NULL, 0, 1);
    }
    be_fast_wire(s);
    close(s->slow);
    close(s->fast);
    close(s->files);
    close(s->ports);
    close(s->daemons);
    core_alone_clean(&s->core);
    return status;
}

long
storm_memory_kb(const struct storm *s)
{
    char path[64];
    char line[128];
    long kb = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)s->core.pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "RssAnon: %ld", &kb) == 1) {
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kb;
}
