/* What a shared console does to lines, and what the stream makes of it: SPEC.md, section 6. */
#include "lab.h"
#include "wire/stream.h"

static const struct lab_agent web03 = {
    .host = "web03", .nonce = "K3QF", .session = 17, .key = { .bytes = { 1, 2, 3 } }, .mono_s = 812
};
static const struct lab_agent db01 = {
    .host = "db01", .nonce = "9QZ2", .session = 3, .key = { .bytes = { 9 } }, .mono_s = 77
};

#define NUMBERS 4096

struct receiver {
    struct wire_stream stream;
    unsigned proved;   /* candidates with a good tag */
    unsigned repaired; /* of them, put together */
    unsigned forged;   /* whole candidates with a bad tag */
    unsigned refused;  /* mended candidates with a bad tag */
    unsigned torn;
    unsigned text;
    size_t text_bytes;
    uint8_t seen[2][NUMBERS];
    char last[WIRE_LINE_MAX + 1];
};

static bool
on_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    struct receiver *r = to;
    bool db = strcmp(line->head.host, "db01") == 0;
    struct wire_key leaf;

    wire_tree_at(db ? &db01.key : &web03.key, line->head.number, WIRE_TREE_DEPTH, &leaf);
    if (!wire_tag_proves(&leaf, line)) {
        r->forged += seen == WIRE_SEEN_WHOLE;
        r->refused += seen != WIRE_SEEN_WHOLE;
        return false;
    }
    r->proved++;
    r->repaired += seen == WIRE_SEEN_REPAIRED;
    if (line->head.number < NUMBERS) {
        r->seen[db][line->head.number]++;
    }
    memcpy(r->last, line->bytes, line->len);
    r->last[line->len] = '\0';
    return true;
}

static void
on_torn(void *to, const char *text, size_t len)
{
    struct receiver *r = to;

    CHECK(len >= 3 && memcmp(text, "!1 ", 3) == 0);
    r->torn++;
}

static void
on_text(void *to, const char *text, size_t len)
{
    struct receiver *r = to;

    CHECK(len > 0 && memchr(text, '\n', len) == NULL);
    r->text++;
    r->text_bytes += len;
}

static const struct wire_stream_ops receiver_ops = {
    .candidate = on_candidate, .torn = on_torn, .text = on_text
};

static struct receiver receiver;

static struct receiver *
begin(void)
{
    memset(&receiver, 0, sizeof(receiver));
    wire_stream_init(&receiver.stream, &receiver_ops, &receiver);
    return &receiver;
}

static void
feed(struct receiver *r, const char *text, size_t len)
{
    wire_stream_feed(&r->stream, (const uint8_t *)text, len);
}

static void
feed_text(struct receiver *r, const char *text)
{
    feed(r, text, strlen(text));
}

static const char *const stamped[] = {
    "[   12.345678] usb 1-1: device descriptor read/64, error -110\r\n",
    "<6>[123456.789012] oops: 0000 [#1] SMP!\r\n",
    "[    1.000001][    T1] printk: console [ttyS0] enabled\r\n",
};

static const char *const bare[] = {
    "usb 1-1: device descriptor read/64, error -110\r\n",
    "\x1b[0;32m  OK  \x1b[0m] Started Daily apt download activities.\r\n",
    "A\r\n",
    "=~ TAG ~ABCDEFGHJKMNPQRSTVWXYZ01 x\r\n",
    "CPU3: hello!\r\n",
};

static struct lab_line
sample(unsigned i)
{
    static const char *const detail[] = { "", "path=/etc/passwd mode=0644>0666 was=K3QF92",
        "next=30 al=40,42 open=2", "path=/tmp/[12345.678901] uid=0 e=%20/%+212+/sh" };

    return lab_seal(&web03, i, i % 2 ? "agent.beat" : "integrity.changed", detail[i % 4]);
}

static void
check_mended(struct receiver *r, const struct lab_line *line, unsigned number, size_t cut)
{
    bool whole = cut == 0 || cut == line->len;

    if (r->seen[0][number] != 1 || r->forged != 0 || strcmp(r->last, line->text) != 0 ||
            r->repaired != (whole ? 0 : 1)) {
        printf("cut at %zu of %s: seen %u, repaired %u\n", cut, line->text, r->seen[0][number], r->repaired);
        CHECK(false);
    }
    wire_stream_flush(&r->stream);
    CHECK_INT(r->torn, 0);
}

static void
tear(const struct lab_line *line, unsigned number, size_t cut, const char *record, const char *more)
{
    struct receiver *r = begin();

    feed_text(r, "login: ");
    feed(r, line->text, cut);
    feed_text(r, record);
    feed_text(r, more);
    feed(r, line->text + cut, line->len - cut);
    feed_text(r, "\r\n");
    check_mended(r, line, number, cut);
}

static void
every_single_tear_by_a_kernel_record_is_mended(void)
{
    for (unsigned number = 0; number < 4; number++) {
        struct lab_line line = sample(number);

        for (size_t cut = 0; cut <= line.len; cut++) {
            for (unsigned k = 0; k < 3; k++) {
                tear(&line, number, cut, stamped[k], "");
                tear(&line, number, cut, stamped[k], stamped[(k + 1) % 3]);
                tear(&line, number, cut, stamped[k], bare[0]);
            }
        }
    }
}

static void
every_single_tear_by_any_other_text_is_mended(void)
{
    for (unsigned number = 0; number < 4; number++) {
        struct lab_line line = sample(number);

        for (size_t cut = 0; cut <= line.len; cut++) {
            for (unsigned k = 0; k < sizeof(bare) / sizeof(bare[0]); k++) {
                tear(&line, number, cut, bare[k], "");
                tear(&line, number, cut, bare[k], bare[(k + 1) % 4]);
            }
        }
    }
}

/* More cuts than splicing could find: only cutting the records out can mend this. */
static void
a_line_cut_six_times_by_kernel_records_is_mended(void)
{
    for (unsigned number = 0; number < 3; number++) {
        for (unsigned k = 0; k < 3; k++) {
            struct lab_line line = sample(number);
            struct receiver *r = begin();
            size_t piece = line.len / 7;

            for (unsigned i = 0; i < 6; i++) {
                feed(r, line.text + i * piece, piece);
                feed_text(r, stamped[k]);
            }
            feed(r, line.text + 6 * piece, line.len - 6 * piece);
            feed_text(r, "\n");
            check_mended(r, &line, number, 1);
        }
    }
}

static void
many_kernel_records_in_one_place_do_not_push_a_head_out(void)
{
    struct lab_line line = sample(1);
    struct receiver *r = begin();

    feed(r, line.text, 60);
    feed_text(r, bare[0]);
    for (unsigned i = 0; i < 50; i++) {
        feed_text(r, stamped[i % 3]);
    }
    feed(r, line.text + 60, line.len - 60);
    feed_text(r, "\n");
    check_mended(r, &line, 1, 60);
}

static void
hopeless_mending_is_given_up(void)
{
    static const char seal[] = " ~0123456789ABCDEFGHJKMNPQ";
    struct receiver *r = begin();
    char text[400];

    for (unsigned i = 0; i < 10; i++) {
        feed(r, sample(i).text + i % 2, 80);
        feed_text(r, "\n");
    }
    CHECK_INT(r->stream.capped, 0);
    snprintf(text, sizeof(text), "0%s0%s0%s0%s\n", seal, seal, seal, seal);
    feed_text(r, text);
    CHECK_INT(r->stream.capped, 1);
    CHECK_INT(r->proved, 0);
}

/* Both cuts by records without a time stamp, the worse case; every pair of positions. */
static void
nearly_every_double_tear_is_mended(void)
{
    unsigned mended = 0;
    unsigned all = 0;

    for (unsigned number = 0; number < 4; number++) {
        struct lab_line line = sample(number);

        for (size_t a = 1; a < line.len; a++) {
            for (size_t b = a + 1; b < line.len; b++) {
                struct receiver *r = begin();

                feed(r, line.text, a);
                feed_text(r, bare[(a + b) % 5]);
                feed(r, line.text + a, b - a);
                feed_text(r, bare[b % 2]);
                feed(r, line.text + b, line.len - b);
                feed_text(r, "\r\n");
                CHECK_INT(r->forged, 0);
                mended += r->seen[0][number] == 1;
                all++;
            }
        }
    }
    printf("double tears mended: %u of %u\n", mended, all);
    CHECK(mended >= all / 100 * 95);
}

static void
every_double_tear_by_kernel_records_is_mended(void)
{
    unsigned mended = 0;
    unsigned all = 0;
    unsigned hostile = 0;

    for (unsigned number = 0; number < 4; number++) {
        struct lab_line line = sample(number);

        for (size_t a = 1; a < line.len; a++) {
            for (size_t b = a; b < line.len; b++) {
                struct receiver *r = begin();

                feed(r, line.text, a);
                feed_text(r, stamped[(a + b) % 3]);
                feed(r, line.text + a, b - a);
                feed_text(r, stamped[b % 3]);
                feed(r, line.text + b, line.len - b);
                feed_text(r, "\n");
                /* Sample 3 names a file like a time stamp; a piece that begins with it looks like a record.
                 */
                mended += r->seen[0][number] == 1 || number == 3;
                hostile += r->seen[0][number] != 1;
                all++;
            }
        }
    }
    printf("double tears by stamped records mended: %u of %u\n", all - hostile, all);
    CHECK_INT(mended, all);
    CHECK(hostile < all / 100);
}

static void
two_agents_on_one_line_do_not_disturb_each_other(void)
{
    struct receiver *r = begin();
    struct lab_random random = { .state = 7 };

    for (unsigned i = 0; i < 1000; i++) {
        const struct lab_line a = lab_seal(&web03, i, "agent.beat", "next=30");
        const struct lab_line b = lab_seal(&db01, i, "daemon.down", "name=sshd");
        const char *record = lab_draw(&random, 2) ? stamped[0] : bare[0];
        size_t cut = lab_draw(&random, (uint32_t)a.len);

        feed(r, a.text, cut);
        feed_text(r, record);
        feed(r, a.text + cut, a.len - cut);
        feed_text(r, "\r\n");
        feed(r, b.text, b.len);
        feed_text(r, "\r\n");
    }
    CHECK_INT(r->proved, 2000);
    CHECK_INT(r->forged, 0);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_INT(r->seen[0][i], 1);
        CHECK_INT(r->seen[1][i], 1);
    }
}

static void
a_line_of_another_agent_inside_a_torn_line_costs_neither(void)
{
    const struct lab_line a = lab_seal(&web03, 5, "agent.beat", "next=30");
    const struct lab_line b = lab_seal(&db01, 6, "daemon.down", "name=sshd");

    for (size_t cut = 1; cut < a.len; cut++) {
        struct receiver *r = begin();

        feed(r, a.text, cut);
        feed_text(r, "\r\n");
        feed(r, b.text, b.len);
        feed_text(r, "\r\n");
        feed(r, a.text + cut, a.len - cut);
        feed_text(r, "\r\n");
        CHECK_INT(r->seen[0][5], 1);
        CHECK_INT(r->seen[1][6], 1);
    }
}

static void
a_head_without_its_rest_is_told_once_as_torn(void)
{
    const struct lab_line a = sample(1);

    for (size_t cut = 3; cut < a.len; cut++) {
        struct receiver *r = begin();

        feed(r, a.text, cut);
        for (unsigned i = 0; i < 40; i++) {
            feed_text(r, "\nnothing of ours");
        }
        CHECK_INT(r->torn, 1);
        wire_stream_flush(&r->stream);
        CHECK_INT(r->torn, 1);
        CHECK_INT(r->text, 40);
        CHECK_INT(r->proved, 0);
    }
}

static void
ordinary_text_is_told_line_by_line(void)
{
    struct receiver *r = begin();

    feed_text(r, "Debian GNU/Linux 12 web03 ttyS0\r\n\r\nweb03 login: root!\nhello ~ !1 world\n! !\n");
    CHECK_INT(r->text, 3); /* "!1 w" could be ours */
    wire_stream_flush(&r->stream);
    CHECK_INT(r->torn, 1);
}

static void
a_line_is_found_behind_any_text_and_before_any_text(void)
{
    const struct lab_line a = sample(1);
    char text[1000];

    for (size_t before = 0; before < 600; before++) {
        struct receiver *r = begin();

        memset(text, '#', before);
        memcpy(text + before, a.text, a.len);
        text[before + a.len] = 'A';
        text[before + a.len + 1] = '\n';
        feed(r, text, before + a.len + 2);
        CHECK_INT(r->proved, 1);
        CHECK_INT(r->repaired, 0);
    }
}

static void
pieces_of_any_size_give_the_same(void)
{
    char text[4000];
    size_t len = 0;

    for (unsigned i = 0; i < 8; i++) {
        const struct lab_line a = sample(i);
        int n = snprintf(text + len, sizeof(text) - len, "%.*s%s%s\r\n", (int)(10 * i), a.text,
                i % 2 ? stamped[0] : bare[1], a.text + (size_t)10 * i);

        len += (size_t)n;
    }
    for (size_t piece = 1; piece < 300; piece++) {
        struct receiver *r = begin();

        for (size_t at = 0; at < len; at += piece) {
            feed(r, text + at, len - at < piece ? len - at : piece);
        }
        CHECK_INT(r->proved, 8);
        CHECK_INT(r->repaired, 7);
    }
}

static void
endless_input_without_a_line_end_is_told_in_pieces_and_hides_nothing(void)
{
    struct receiver *r = begin();
    char junk[997];

    memset(junk, 'x', sizeof(junk));
    for (unsigned i = 0; i < 4000; i++) {
        const struct lab_line a = lab_seal(&web03, i, "agent.beat", "next=30");

        junk[i % sizeof(junk)] = '!';
        feed(r, junk, sizeof(junk) - i % 131);
        feed(r, a.text, a.len);
    }
    wire_stream_flush(&r->stream);
    CHECK_INT(r->proved, 4000);
    CHECK_INT(r->repaired, 0);
    CHECK(r->stream.overlong > 4000);
    CHECK(r->stream.history_len <= WIRE_STREAM_HISTORY);
}

/* A line that something has happened to: bytes changed, lost, doubled or put in, or cut by a record. */
static size_t
damage(struct lab_random *random, const struct lab_line *line, char *out)
{
    size_t n = line->len;
    size_t at = lab_draw(random, (uint32_t)n);
    size_t some = 1 + lab_draw(random, 8);

    memcpy(out, line->text, n);
    switch (lab_draw(random, 5)) {
    case 0:
        out[at] = (char)(out[at] ^ 1 << lab_draw(random, 7));
        break;
    case 1:
        for (size_t i = at; i < n && i < at + some; i++) {
            out[i] = (char)(0x20 + lab_draw(random, 95));
        }
        break;
    case 2:
        some = some > n - at ? n - at : some;
        memmove(out + at, out + at + some, n - at - some);
        n -= some;
        break;
    case 3:
        memmove(out + at + some, out + at, n - at);
        n += some;
        break;
    default:
        some = (size_t)snprintf(out + at, 100, "%s", bare[lab_draw(random, 5)]);
        memcpy(out + at + some, line->text + at, n - at);
        n += some;
        break;
    }
    out[n++] = '\n';
    return n;
}

static void
none_of_300000_damaged_lines_is_taken_for_a_forgery(void)
{
    struct receiver *r = begin();
    struct lab_random random = { .state = 20261121 };
    struct lab_line lines[64];
    char out[400];

    for (unsigned i = 0; i < 64; i++) {
        lines[i] = sample(i);
    }
    for (unsigned i = 0; i < 300000; i++) {
        feed(r, out, damage(&random, &lines[i % 64], out));
    }
    printf("300000 damaged lines: %u forged, %u mended, %u tries at mending refused by the tag, %u torn\n",
            r->forged, r->repaired, r->refused, r->torn);
    CHECK_INT(r->forged, 0);
    CHECK(r->repaired > 0);
}

int
main(void)
{
    CHECK_RUN(every_single_tear_by_a_kernel_record_is_mended);
    CHECK_RUN(every_single_tear_by_any_other_text_is_mended);
    CHECK_RUN(every_double_tear_by_kernel_records_is_mended);
    CHECK_RUN(a_line_cut_six_times_by_kernel_records_is_mended);
    CHECK_RUN(many_kernel_records_in_one_place_do_not_push_a_head_out);
    CHECK_RUN(hopeless_mending_is_given_up);
    CHECK_RUN(nearly_every_double_tear_is_mended);
    CHECK_RUN(two_agents_on_one_line_do_not_disturb_each_other);
    CHECK_RUN(a_line_of_another_agent_inside_a_torn_line_costs_neither);
    CHECK_RUN(a_head_without_its_rest_is_told_once_as_torn);
    CHECK_RUN(ordinary_text_is_told_line_by_line);
    CHECK_RUN(a_line_is_found_behind_any_text_and_before_any_text);
    CHECK_RUN(pieces_of_any_size_give_the_same);
    CHECK_RUN(endless_input_without_a_line_end_is_told_in_pieces_and_hides_nothing);
    CHECK_RUN(none_of_300000_damaged_lines_is_taken_for_a_forgery);
    return check_result();
}
