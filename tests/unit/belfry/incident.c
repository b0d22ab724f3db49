#include "support/check.h"

#include "belfry/run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/belfry-incident-XXXXXX";
static struct run run;
static struct run_line rl;
static struct conf_line conf;

static void
begin(void)
{
    int d = open(dir, O_RDONLY | O_DIRECTORY);

    memset(&rl, 0, sizeof rl);
    rl.run = &run;
    rl.line.conf = &conf;
    (void)snprintf(conf.name, sizeof conf.name, "%s", "a");
    run.now_ms = 1000;
    run.utc_us = 1000000;
    run.queued = 0;
    (void)unlinkat(d, "a.idx", 0);
    (void)unlinkat(d, "a.raw", 0);
    transcripts_init(&run.transcripts, d, 0);
    CHECK_INT(transcript_open(&rl.line.transcript, &run.transcripts, "a"), 0);
}

static void
end(void)
{
    transcript_close(&rl.line.transcript, run.now_ms);
    transcripts_free(&run.transcripts);
    (void)close(run.transcripts.dir);
}

/* One slice of ten bytes, and what happened before byte 4. */
static void
slice(enum transcript_event what, uint64_t value, int64_t ms)
{
    run.now_ms += ms;
    run.utc_us += ms * 1000;
    rl.line.events.what = 0;
    if (what != TRANSCRIPT_NOTHING) {
        line_event(&rl.line, what, value, 4);
    }
    (void)transcript_append(&rl.line.transcript, (const uint8_t *)"0123456789", 10, run.utc_us, run.now_ms);
    incident_take(&rl, 10);
}

static void
rest(int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 1000) {
        run.now_ms += 1000;
        run.utc_us += 1000000;
        incident_tick(&rl);
    }
}

/* Marks of an event in the index, and the sum of their values. */
static unsigned
marks(enum transcript_event what, uint64_t *sum, uint64_t *first)
{
    uint8_t record[TRANSCRIPT_RECORD];
    char path[64];
    unsigned n = 0;
    int fd;

    (void)snprintf(path, sizeof path, "%s/a.idx", dir);
    fd = open(path, O_RDONLY);
    *sum = 0;
    while (read(fd, record, sizeof record) == (ssize_t)sizeof record) {
        struct transcript_mark m;

        transcript_mark_read(record, &m);
        if (m.event == what) {
            *first = n == 0 ? m.offset : *first;
            *sum += m.value;
            n++;
        }
    }
    (void)close(fd);
    return n;
}

static void
a_drop_is_an_alarm_with_its_number_and_marked_at_its_place(void)
{
    uint64_t sum;
    uint64_t first = 0;

    begin();
    slice(TRANSCRIPT_NOTHING, 0, 1000);
    CHECK_INT(run.queued, 0);
    slice(TRANSCRIPT_DROPPED, 685184, 10);
    CHECK_INT(run.queued, 1);
    CHECK_STR(run.queue[0].code, "line.drop");
    CHECK_STR(run.queue[0].detail, "line=a bytes=685184");
    CHECK_INT(run.queue[0].severity, WIRE_ERRO);
    CHECK_INT(marks(TRANSCRIPT_DROPPED, &sum, &first), 1);
    CHECK_INT(sum, 685184);
    CHECK_INT(first, 14);
    rest(59000);
    CHECK_INT(run.queued, 1);
    rest(2000);
    CHECK_INT(run.queued, 2);
    CHECK(run.queue[1].over);
    rest(120000);
    CHECK_INT(run.queued, 2);
    end();
}

static void
a_wrong_speed_fills_neither_ledger_nor_index_and_no_error_is_lost(void)
{
    uint64_t told = 0;
    uint64_t sum;
    uint64_t first = 0;

    begin();
    for (int i = 0; i < 100000; i++) {
        slice(TRANSCRIPT_FRAMING, 3, i % 10 == 0);
    }
    rest(61000);
    CHECK_INT(run.queued, 3); /* the first, the sum of the minute, the end */
    CHECK_STR(run.queue[0].code, "line.noise");
    CHECK_INT(run.queue[0].severity, WIRE_NOTE); /* one alone is no alarm */
    CHECK_INT(run.queue[1].severity, WIRE_WARN);
    for (unsigned i = 0; i < 2; i++) {
        const char *at = strstr(run.queue[i].detail, "framing=");

        told += at != NULL ? strtoull(at + 8, NULL, 10) : 0;
    }
    CHECK_INT(told, 300000);
    CHECK(marks(TRANSCRIPT_FRAMING, &sum, &first) <= 102);
    CHECK_INT(sum, 300000);
    end();
}

static void
breaks_and_modem_lines_are_on_record_and_no_alarm(void)
{
    begin();
    slice(TRANSCRIPT_BREAK, 1, 1000);
    slice(TRANSCRIPT_MODEM, (TRANSCRIPT_DCD | TRANSCRIPT_CTS) << 8 | TRANSCRIPT_CTS, 1000);
    CHECK_INT(run.queued, 2);
    CHECK_STR(run.queue[0].code, "line.break");
    CHECK_STR(run.queue[0].detail, "line=a breaks=1");
    CHECK_STR(run.queue[1].detail, "line=a changed=CTS,DCD on=CTS");
    slice(TRANSCRIPT_MODEM, TRANSCRIPT_CTS << 8, 1000);
    rest(61000);
    CHECK_INT(run.queued, 3);
    CHECK_STR(run.queue[2].detail, "line=a changed=CTS");
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(run.queue[i].severity, WIRE_NOTE);
        CHECK(!run.queue[i].over);
    }
    end();
}

int
main(void)
{
    run.queue = calloc(RUN_QUEUE, sizeof *run.queue);
    if (run.queue == NULL || mkdtemp(dir) == NULL) {
        return 1;
    }
    CHECK_RUN(a_drop_is_an_alarm_with_its_number_and_marked_at_its_place);
    CHECK_RUN(a_wrong_speed_fills_neither_ledger_nor_index_and_no_error_is_lost);
    CHECK_RUN(breaks_and_modem_lines_are_on_record_and_no_alarm);
    int d = open(dir, O_RDONLY | O_DIRECTORY);
    (void)unlinkat(d, "a.idx", 0);
    (void)unlinkat(d, "a.raw", 0);
    (void)close(d);
    (void)rmdir(dir);
    free(run.queue);
    return check_result();
}
