/* Silence: promised, kept, broken, acknowledged; and a table that nobody can overflow. */
#include "logger/deadman.h"
#include "unit/logger/lines.h"

static struct deadman d;
static struct deadman_event event;

static void
hear(const char *host, const char *code, const char *detail, uint32_t now_s)
{
    struct lines_line l = lines_make(WIRE_INFO, host, now_s, code, detail, 0);
    struct wire_line line = lines_parse(&l);

    deadman_line(&d, &line, now_s, &event);
}

static enum deadman_news
look(uint32_t now_s)
{
    deadman_look(&d, now_s, &event);
    return event.news;
}

static void
silence_comes_after_three_promises_and_five_seconds_and_is_told_once(void)
{
    for (uint32_t promise = 1; promise <= 60; promise++) {
        char detail[20];

        snprintf(detail, sizeof(detail), "next=%u", promise);
        deadman_init(&d, 0);
        hear("web03", "agent.beat", detail, 1000);
        CHECK_INT(look(1000 + 3 * promise + 5), DEADMAN_NOTHING);
        CHECK_INT(look(1000 + 3 * promise + 6), DEADMAN_SILENT);
        CHECK_STR(event.host, "web03");
        CHECK_INT(event.for_s, 3 * promise + 6);
        CHECK_INT(look(1000 + 3 * promise + 6), DEADMAN_NOTHING);
        CHECK_INT(look(9000), DEADMAN_NOTHING);
        CHECK_INT(deadman_silent(&d), 1);
        hear("web03", "mount.ok", "of=3", 9100);
        CHECK_INT(event.news, DEADMAN_BACK);
        CHECK_INT(event.for_s, 8100);
        CHECK_INT(deadman_silent(&d), 0);
        CHECK_INT(look(9100 + 3 * promise + 6), DEADMAN_SILENT);
    }
}

static void
a_promise_that_cannot_be_read_counts_as_sixty_seconds(void)
{
    static const char *const odd[] = { "", "open=0", "next=", "next=0", "next=61", "next=4294967296",
        "next=%20" };

    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        deadman_init(&d, 0);
        hear("web03", "agent.beat", odd[i], 0);
        CHECK_INT(look(185), DEADMAN_NOTHING);
        CHECK_INT(look(186), DEADMAN_SILENT);
    }
}

static void
silence_of_everybody_since_the_start_is_silence(void)
{
    deadman_init(&d, 10);
    CHECK_INT(look(10 + 185), DEADMAN_NOTHING);
    CHECK_INT(look(10 + 186), DEADMAN_SILENT);
    CHECK_STR(event.host, "");
    hear("web03", "mount.rw", "path=/", 300);
    CHECK_INT(event.news, DEADMAN_NOTHING);
    CHECK_INT(deadman_silent(&d), 1);
    hear("web03", "agent.start", "v=1 beat=30", 310);
    CHECK_INT(event.news, DEADMAN_BACK);
    CHECK_INT(deadman_silent(&d), 0);
    CHECK_INT(look(310 + 95), DEADMAN_NOTHING);
    CHECK_INT(look(310 + 96), DEADMAN_SILENT);
    CHECK_STR(event.host, "web03");
}

static void
a_goodbye_ends_no_watch(void)
{
    deadman_init(&d, 0);
    hear("web03", "agent.beat", "next=10", 0);
    hear("web03", "agent.stop", "why=asked back=86400", 5);
    CHECK_INT(look(5 + 35), DEADMAN_NOTHING);
    CHECK_INT(look(5 + 36), DEADMAN_SILENT);
}

static void
invented_hosts_push_out_no_host_that_is_watched(void)
{
    char name[16];

    deadman_init(&d, 0);
    hear("web03", "agent.beat", "next=60", 0);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "fake%u", i);
        hear(name, "agent.beat", "next=1", 1);
        CHECK_INT(event.news, i == DEADMAN_HOSTS - 1 ? DEADMAN_FULL : DEADMAN_NOTHING);
    }
    for (unsigned i = 0; i < DEADMAN_HOSTS - 1; i++) {
        CHECK_INT(look(100), DEADMAN_SILENT);
    }
    CHECK_INT(look(100), DEADMAN_NOTHING);
    hear("late", "agent.beat", "next=1", 101);
    CHECK_INT(look(150), DEADMAN_NOTHING);
    deadman_seen(&d);
    hear("late", "agent.beat", "next=1", 151);
    CHECK_INT(look(160), DEADMAN_SILENT);
    CHECK_STR(event.host, "late");
    CHECK_INT(look(186), DEADMAN_SILENT);
    CHECK_STR(event.host, "web03");
}

int
main(void)
{
    CHECK_RUN(silence_comes_after_three_promises_and_five_seconds_and_is_told_once);
    CHECK_RUN(a_promise_that_cannot_be_read_counts_as_sixty_seconds);
    CHECK_RUN(silence_of_everybody_since_the_start_is_silence);
    CHECK_RUN(a_goodbye_ends_no_watch);
    CHECK_RUN(invented_hosts_push_out_no_host_that_is_watched);
    return check_result();
}
