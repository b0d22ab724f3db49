/* What the recorder sends: the queue of lines, and its own notes. */
#include "logger/note.h"
#include "logger/outq.h"
#include "unit/logger/lines.h"
#include "wire/stream.h"

static struct outq q;

static void
lines_come_out_whole_and_in_their_order_whatever_the_lengths(void)
{
    struct lines_random r = { .state = 5 };
    uint8_t put[OUTQ_RANKS] = { 0 };
    uint8_t taken[OUTQ_RANKS] = { 0 };

    outq_init(&q);
    for (unsigned i = 0; i < 100000; i++) {
        enum outq_rank rank = (enum outq_rank)lines_draw(&r, OUTQ_RANKS);
        char line[WIRE_LINE_MAX];
        size_t len = 2 + lines_draw(&r, WIRE_LINE_MAX - 1);

        memset(line, put[rank], len);
        line[0] = (char)rank;
        put[rank] = (uint8_t)(put[rank] + outq_put(&q, rank, line, len));
        len = outq_take(&q, line);
        if (len > 0 && lines_draw(&r, 3) != 0) {
            unsigned from = (unsigned)line[0];

            CHECK_INT((uint8_t)line[len - 1], taken[from]);
            CHECK_INT((uint8_t)line[1], taken[from]);
            taken[from]++;
            len = outq_take(&q, line);
        }
        if (len > 0) {
            unsigned from = (unsigned)line[0];

            CHECK_INT((uint8_t)line[len - 1], taken[from]);
            taken[from]++;
        }
    }
}

static void
what_does_not_fit_is_counted_and_what_waits_stays(void)
{
    char line[WIRE_LINE_MAX];
    unsigned fitted = 0;

    memset(line, 'a', sizeof(line));
    outq_init(&q);
    while (outq_put(&q, OUTQ_GRAVE, line, 100)) {
        fitted++;
    }
    CHECK_INT(fitted, OUTQ_GRAVE_BYTES / 101);
    CHECK(!outq_put(&q, OUTQ_GRAVE, line, 100));
    CHECK_INT(q.ring[OUTQ_GRAVE].lost, 2);
    CHECK_INT(q.ring[OUTQ_OTHER].lost, 0);
    while (outq_take(&q, line) > 0) {
        fitted--;
    }
    CHECK_INT(fitted, 0);
    CHECK(outq_empty(&q));
}

static void
of_eight_lines_one_is_a_lesser_one_and_a_note_goes_before_all(void)
{
    char line[WIRE_LINE_MAX];
    unsigned other = 0;

    outq_init(&q);
    for (unsigned i = 0; i < 4000; i++) {
        while (q.ring[OUTQ_GRAVE].used < OUTQ_GRAVE_BYTES - 200) {
            outq_put(&q, OUTQ_GRAVE, "g", 1);
        }
        while (q.ring[OUTQ_OTHER].used < OUTQ_OTHER_BYTES - 200) {
            outq_put(&q, OUTQ_OTHER, "o", 1);
        }
        CHECK_INT(outq_take(&q, line), 1);
        other += line[0] == 'o';
        if (i % 100 == 0) {
            CHECK(outq_put(&q, OUTQ_OWN, "n", 1));
            CHECK_INT(outq_take(&q, line), 1);
            CHECK_INT(line[0], 'n');
        }
    }
    CHECK_INT(other, 4000 / OUTQ_TURN);
}

static const struct note_place place = {
    .serial = "E6614103E7452D2F", .boot = 12, .number = 5, .uptime_s = 812
};

static void
a_note_reads_as_the_specification_shows_it(void)
{
    const struct note_detail details[] = { { "host", "web03", 0 }, { "for", NULL, 96 } };
    char line[NOTE_MAX + 1];
    size_t len = note_compose(line, &place, WIRE_CRIT, "logger.silent", details, 2);

    line[len] = '\0';
    CHECK_STR(line, "#1 CRIT E6614103E7452D2F 12.5@812 logger.silent host=web03 for=96 ~X8X6");
    CHECK(wire_check_ok(line, len));
    CHECK(note_is(line, len, "logger.silent"));
    CHECK(!note_is(line, len, "logger.sil") && !note_is(line, len, "logger.silent host=web03 for=96 ~"));
    for (size_t cut = 0; cut < 48; cut++) {
        CHECK(!note_is(line, cut, "logger.silent"));
    }
    CHECK(!note_is("!1 CRIT a b c logger.silent x", 29, "logger.silent"));
}

static void
a_note_of_the_largest_numbers_fits_and_leaves_out_what_does_not(void)
{
    const struct note_place far = {
        .serial = "E6614103E7452D2F", .boot = UINT32_MAX, .number = UINT32_MAX, .uptime_s = UINT32_MAX
    };
    const struct note_detail details[] = { { "host", "abcdefghijklmno", 0 }, { "for", NULL, UINT32_MAX },
        { "first", NULL, UINT32_MAX }, { "left", NULL, UINT32_MAX }, { "k", NULL, 1 } };
    char line[NOTE_MAX];
    size_t len = note_compose(
            line, &far, WIRE_EMRG, "logger.harvested.xxx", details, sizeof(details) / sizeof(details[0]));

    CHECK(len <= NOTE_MAX);
    CHECK(wire_check_ok(line, len));
    CHECK(memmem(line, len, "for=4294967295 ~", 16) != NULL);
}

static bool
no_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    (void)line;
    (void)seen;
    *(unsigned *)to += 1;
    return true;
}

static void
nothing_torn(void *to, const char *text, size_t len)
{
    (void)text;
    (void)len;
    *(unsigned *)to += 1;
}

static void
is_text(void *to, const char *text, size_t len)
{
    (void)to;
    CHECK_INT(text[0], '#');
    CHECK(len > 40);
}

static void
a_receiver_takes_a_note_for_text_and_never_for_a_line_or_the_piece_of_one(void)
{
    static const struct wire_stream_ops ops = { no_candidate, nothing_torn, is_text };
    static struct wire_stream stream;
    unsigned wrong = 0;

    wire_stream_init(&stream, &ops, &wrong);
    for (uint32_t n = 0; n < 1000; n++) {
        struct note_place at = {
            .serial = "0123456789ABCDEF", .boot = n, .number = n * 7919, .uptime_s = n << 20
        };
        const struct note_detail details[] = { { "host", "web03", 0 }, { "for", NULL, n * 31 } };
        char line[NOTE_MAX + 2];
        size_t len = note_compose(
                line, &at, (enum wire_severity)(n % WIRE_SEVERITIES), "logger.silent", details, 2);

        memcpy(line + len, "\r\n", 2);
        wire_stream_feed(&stream, (const uint8_t *)line, len + 2);
    }
    wire_stream_flush(&stream);
    CHECK_INT(wrong, 0);
}

int
main(void)
{
    CHECK_RUN(lines_come_out_whole_and_in_their_order_whatever_the_lengths);
    CHECK_RUN(what_does_not_fit_is_counted_and_what_waits_stays);
    CHECK_RUN(of_eight_lines_one_is_a_lesser_one_and_a_note_goes_before_all);
    CHECK_RUN(a_note_reads_as_the_specification_shows_it);
    CHECK_RUN(a_note_of_the_largest_numbers_fits_and_leaves_out_what_does_not);
    CHECK_RUN(a_receiver_takes_a_note_for_text_and_never_for_a_line_or_the_piece_of_one);
    return check_result();
}
