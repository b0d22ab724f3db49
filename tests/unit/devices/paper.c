/* How lines lie on paper, and that a receiver which reads the printer's bytes proves each of them. */
#include "sinks/paper.h"
#include "unit/wire/lab.h"
#include "wire/stream.h"

static const struct lab_agent agent = {
    .host = "web03", .nonce = "K3QF", .session = 17, .key = { .bytes = { 1, 2, 3 } }, .mono_s = 812
};

#define LINES 2000

static struct {
    struct wire_stream stream;
    unsigned proved[LINES];
    unsigned wrong;
    unsigned torn;
} receiver;

static bool
on_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    struct wire_key leaf;

    (void)to;
    (void)seen;
    wire_tree_at(&agent.key, line->head.number, WIRE_TREE_DEPTH, &leaf);
    if (!wire_tag_proves(&leaf, line) || line->head.number >= LINES) {
        receiver.wrong++;
        return false;
    }
    receiver.proved[line->head.number]++;
    return true;
}

static void
on_torn(void *to, const char *text, size_t len)
{
    (void)to;
    (void)text;
    (void)len;
    receiver.torn++;
}

static void
on_text(void *to, const char *text, size_t len)
{
    (void)to;
    (void)text;
    (void)len;
}

static const struct wire_stream_ops receiver_ops = {
    .candidate = on_candidate, .torn = on_torn, .text = on_text
};

static void
receiver_begin(void)
{
    memset(&receiver, 0, sizeof(receiver));
    wire_stream_init(&receiver.stream, &receiver_ops, NULL);
}

static void
print(struct paper *p, const char *line, size_t len)
{
    char out[PAPER_ROOM];
    size_t n = paper_lay(p, line, len, out);

    CHECK(n <= sizeof(out));
    wire_stream_feed(&receiver.stream, (const uint8_t *)out, n);
}

/* Words of random length that fill a line up to what it holds. */
static struct lab_line
random_line(struct lab_random *r, uint32_t number)
{
    char detail[WIRE_LINE_MAX];
    size_t room = lab_draw(r, 48);
    size_t len = 0;

    while (len + 3 <= room) {
        size_t word = 3 + lab_draw(r, (uint32_t)(room - len));

        word = word < room - len ? word : room - len;
        for (size_t i = 0; i < word; i++) {
            detail[len + i] = i == 0 ? 'k' : i == 1 ? '=' : (char)('a' + lab_draw(r, 26));
        }
        len += word;
        detail[len++] = ' ';
    }
    detail[len > 0 ? len - 1 : 0] = '\0';
    return lab_seal(&agent, number, "test.alarm", detail);
}

static void
a_line_as_wide_as_the_paper_is_one_row(void)
{
    struct paper p = { .columns = 132 };
    char line[WIRE_LINE_MAX];
    char out[PAPER_ROOM];

    memset(line, 'x', sizeof(line));
    CHECK_INT(paper_lay(&p, line, sizeof(line), out), sizeof(line) + 2);
    CHECK_MEM(out, line, sizeof(line));
    CHECK_MEM(out + sizeof(line), "\r\n", 2);
    CHECK_INT(p.row, 1);
}

static void
a_wider_line_is_folded_before_a_blank(void)
{
    static const char line[] = "!1 CRIT web03 17-K3QF.42@812 20261121T193405Z integrity.changed "
                               "path=/etc/passwd mode=0644>0666 ~FJZBT8V40PYQGQD9P2YZ1RN9";
    static const char want[] = "!1 CRIT web03 17-K3QF.42@812 20261121T193405Z integrity.changed "
                               "path=/etc/passwd\r\n mode=0644>0666 ~FJZBT8V40PYQGQD9P2YZ1RN9\r\n";
    struct paper p = { .columns = 80 };
    char out[PAPER_ROOM];

    CHECK_INT(paper_lay(&p, line, sizeof(line) - 1, out), sizeof(want) - 1);
    CHECK_MEM(out, want, sizeof(want) - 1);
    CHECK_INT(p.row, 2);
}

/* Puts the rows together again; false when one is too wide or there are too many. */
static bool
joins_again(const char *out, size_t n, unsigned columns, const char *line, size_t len)
{
    unsigned rows = 0;
    size_t at = 0;

    while (n > 0) {
        const char *end = memchr(out, '\r', n);
        size_t row = end != NULL ? (size_t)(end - out) : n;

        if (end == NULL || row > columns || row > len - at || end[1] != '\n' ||
                memcmp(line + at, out, row) != 0) {
            return false;
        }
        at += row;
        rows++;
        n -= row + 2;
        out = end + 2;
    }
    return at == len && rows >= 1 && rows <= PAPER_ROWS;
}

static void
whatever_the_bytes_are_the_rows_are_narrow_and_few_and_nothing_is_left_out(void)
{
    struct lab_random r = { 0x9E3779B97F4A7C15 };
    unsigned bad = 0;

    for (unsigned i = 0; i < 200000; i++) {
        struct paper p = { .columns = PAPER_COLUMNS_MIN + lab_draw(&r, 60) };
        size_t len = 1 + lab_draw(&r, WIRE_LINE_MAX);
        uint32_t blanks = 1 + lab_draw(&r, 40);
        char line[WIRE_LINE_MAX];
        char out[PAPER_ROOM];

        for (size_t k = 0; k < len; k++) {
            line[k] = lab_draw(&r, blanks) == 0 ? ' ' : 'x';
        }
        size_t n = paper_lay(&p, line, len, out);

        bad += !joins_again(out, n, p.columns, line, len);
    }
    CHECK_INT(bad, 0);
}

static void
each_line_on_narrow_paper_is_proved_once(void)
{
    struct lab_random r = { 0xD1B54A32D192ED03 };
    struct paper p = { .columns = 80, .page = 66 };
    unsigned bad = 0;

    receiver_begin();
    for (uint32_t i = 0; i < LINES; i++) {
        struct lab_line l = random_line(&r, i);

        print(&p, l.text, l.len);
    }
    wire_stream_flush(&receiver.stream);
    for (uint32_t i = 0; i < LINES; i++) {
        bad += receiver.proved[i] != 1;
    }
    CHECK_INT(bad, 0);
    CHECK_INT(receiver.wrong, 0);
    CHECK_INT(receiver.torn, 0);
}

/* The longest words there can be, which leave a row nearly empty. */
static void
a_line_of_three_rows_is_proved(void)
{
    struct paper p = { .columns = 80 };
    char out[PAPER_ROOM];
    char detail[57];

    memset(detail, 'v', sizeof(detail));
    memcpy(detail, "k=", 2);
    detail[sizeof(detail) - 1] = '\0';
    struct lab_line l = lab_seal(&agent, 7, "more", detail);
    size_t n = paper_lay(&p, l.text, l.len, out);

    CHECK_INT(p.row, 3);
    receiver_begin();
    wire_stream_feed(&receiver.stream, (const uint8_t *)out, n);
    CHECK_INT(receiver.proved[7], 1);
}

/* The printer went in the middle of a line; the line is printed again behind a line end. */
static void
a_line_that_is_printed_again_from_its_beginning_is_proved_wherever_it_was_torn(void)
{
    struct lab_random r = { 77 };
    unsigned bad = 0;

    for (size_t cut = 0; cut <= WIRE_LINE_MAX + 2; cut++) {
        struct paper p = { .columns = 80 };
        struct lab_line before = random_line(&r, 0);
        struct lab_line l = random_line(&r, 1);
        struct lab_line after = random_line(&r, 2);
        char out[PAPER_ROOM];

        receiver_begin();
        print(&p, before.text, before.len);
        size_t n = paper_lay(&p, l.text, l.len, out);

        wire_stream_feed(&receiver.stream, (const uint8_t *)out, cut < n ? cut : n);
        wire_stream_feed(&receiver.stream, (const uint8_t *)"\r\n", 2);
        print(&p, l.text, l.len);
        print(&p, after.text, after.len);
        bad += receiver.proved[0] != 1 || receiver.proved[1] < 1 || receiver.proved[2] != 1 ||
               receiver.wrong != 0;
    }
    CHECK_INT(bad, 0);
}

static void
a_page_begins_with_a_form_feed_and_no_line_goes_over_its_end(void)
{
    struct paper p = { .columns = 80, .page = 10 };
    struct lab_random r = { 5 };
    unsigned rows = 0;
    unsigned pages = 0;
    unsigned longest = 0;

    for (uint32_t i = 0; i < 200; i++) {
        struct lab_line l = random_line(&r, i);
        char out[PAPER_ROOM];
        size_t n = paper_lay(&p, l.text, l.len, out);

        for (size_t k = 0; k < n; k++) {
            CHECK(out[k] != '\f' || k == 1);
            pages += out[k] == '\f';
            rows = out[k] == '\f' ? 0 : rows + (out[k] == '\n');
            longest = rows > longest ? rows : longest;
        }
        CHECK(i > 0 || pages == 1);
    }
    CHECK(longest <= 10 && longest >= 8);
    CHECK(pages > 20);
}

static void
paper_without_pages_gets_no_form_feed(void)
{
    struct paper p = { .columns = 80 };
    struct lab_random r = { 6 };

    for (uint32_t i = 0; i < 200; i++) {
        struct lab_line l = random_line(&r, i);
        char out[PAPER_ROOM];
        size_t n = paper_lay(&p, l.text, l.len, out);

        CHECK(memchr(out, '\f', n) == NULL);
    }
}

int
main(void)
{
    CHECK_RUN(a_line_as_wide_as_the_paper_is_one_row);
    CHECK_RUN(a_wider_line_is_folded_before_a_blank);
    CHECK_RUN(whatever_the_bytes_are_the_rows_are_narrow_and_few_and_nothing_is_left_out);
    CHECK_RUN(each_line_on_narrow_paper_is_proved_once);
    CHECK_RUN(a_line_of_three_rows_is_proved);
    CHECK_RUN(a_line_that_is_printed_again_from_its_beginning_is_proved_wherever_it_was_torn);
    CHECK_RUN(a_page_begins_with_a_form_feed_and_no_line_goes_over_its_end);
    CHECK_RUN(paper_without_pages_gets_no_form_feed);
    return check_result();
}
