/* Bytes to lines: what is whole is found wherever it stands, and everything else is only counted. */
#include <stdlib.h>

#include "logger/assembler.h"
#include "unit/logger/lines.h"

static struct assembler a;

/* Feeds all of it in pieces of `piece` bytes; returns how many lines were found, the last one in *last. */
static unsigned
feed(const char *src, size_t len, size_t piece, struct lines_line *last)
{
    unsigned n = 0;

    for (size_t at = 0; at < len;) {
        struct wire_line line;
        bool found;
        size_t now = len - at < piece ? len - at : piece;

        at += assembler_feed(&a, (const uint8_t *)src + at, now, &line, &found);
        if (found) {
            n++;
            memcpy(last->text, line.bytes, line.len);
            last->len = line.len;
        }
    }
    return n;
}

static void
a_line_is_found_in_pieces_of_any_size_and_behind_anything(void)
{
    static const char *const before[] = { "", "\n", "login: ", "!", "!1 CRIT web", "~~~~", "\xff\x00\x80!" };
    struct lines_line want = lines_make(WIRE_CRIT, "web03", 7, "daemon.down", "name=sshd", 1);

    for (unsigned b = 0; b < sizeof(before) / sizeof(before[0]); b++) {
        for (size_t piece = 1; piece < 140; piece++) {
            char text[200];
            int n = snprintf(text, sizeof(text), "%s%s and more\r\n", before[b], want.text);
            struct lines_line got = { .len = 0 };

            assembler_init(&a);
            CHECK_INT(feed(text, (size_t)n, piece, &got), 1);
            CHECK_INT(got.len, want.len);
            CHECK_MEM(got.text, want.text, want.len);
        }
    }
}

static void
no_line_with_a_changed_cut_or_doubled_byte_is_found(void)
{
    struct lines_line good = lines_make(WIRE_ALRT, "web03", 7, "process.hidden", "pid=812", 1);

    for (size_t at = 0; at < good.len; at++) {
        struct lines_line got;
        char text[WIRE_LINE_MAX + 2];

        for (unsigned bit = 0; bit < 8; bit++) {
            assembler_init(&a);
            memcpy(text, good.text, good.len);
            text[at] = (char)(text[at] ^ (1 << bit));
            CHECK_INT(feed(text, good.len, 64, &got), 0);
        }
        assembler_init(&a);
        memcpy(text, good.text, at);
        memcpy(text + at, good.text + at + 1, good.len - at - 1);
        CHECK_INT(feed(text, good.len - 1, 64, &got), 0);
        if (good.text[at] != '!') {
            assembler_init(&a);
            memcpy(text, good.text, at + 1);
            memcpy(text + at + 1, good.text + at, good.len - at);
            CHECK_INT(feed(text, good.len + 1, 64, &got), at + 1 == good.len);
        }
    }
}

static void
the_longest_line_is_found_and_a_longer_one_is_not(void)
{
    char detail[WIRE_LINE_MAX];
    struct lines_line got;
    struct lines_line longest;
    char text[WIRE_LINE_MAX + 2];

    memset(detail, 'x', sizeof(detail));
    memcpy(detail, "k=", 2);
    detail[WIRE_LINE_MAX - lines_make(WIRE_CRIT, "h", 1, "more", "k=", 1).len + 2] = '\0';
    longest = lines_make(WIRE_CRIT, "h", 1, "more", detail, 1);
    CHECK_INT(longest.len, WIRE_LINE_MAX);
    assembler_init(&a);
    CHECK_INT(feed(longest.text, longest.len, 64, &got), 1);

    memcpy(text, longest.text, 40);
    text[40] = 'x';
    memcpy(text + 41, longest.text + 40, longest.len - 40);
    wire_check_make(text, longest.len + 1 - WIRE_CHECK_CHARS, text + longest.len + 1 - WIRE_CHECK_CHARS);
    CHECK_INT(feed(text, longest.len + 1, 64, &got), 0);
    CHECK_INT(a.counts.torn, 1);
}

static void
every_byte_is_counted_as_part_of_a_line_or_as_rubbish(void)
{
    struct lines_random r = { .state = 99 };
    struct lines_line good = lines_make(WIRE_INFO, "db1", 3, "agent.beat", "next=30 open=0", 2);
    struct lines_line got;
    size_t in_lines = 0;
    size_t all = 0;

    assembler_init(&a);
    for (unsigned i = 0; i < 20000; i++) {
        char text[300];
        size_t len = lines_draw(&r, 100);

        for (size_t k = 0; k < len; k++) {
            text[k] = (char)lines_draw(&r, 4) != 0 ? (char)lines_draw(&r, 256) : "!1 ~\n"[lines_draw(&r, 5)];
        }
        memcpy(text + len, good.text, good.len);
        len += lines_draw(&r, 3) == 0 ? lines_draw(&r, (uint32_t)good.len) : good.len;
        in_lines += feed(text, len, 1 + lines_draw(&r, 64), &got) * good.len;
        all += len;
    }
    CHECK_INT(a.counts.bytes, all);
    CHECK_INT(a.counts.rubbish + a.len, all - in_lines);
    CHECK_INT(a.counts.lines, in_lines / good.len);
}

/* Without a CRC that fits nothing passes, so this is about bounds; TOCSIN_NOISE sets the number of bytes. */
static void
noise_never_makes_a_line(void)
{
    const char *env = getenv("TOCSIN_NOISE");
    unsigned long long bytes = env != NULL ? strtoull(env, NULL, 10) : 100000000;
    struct lines_random r = { .state = 4711 };
    struct lines_line got;
    static char text[65536];
    unsigned lines = 0;

    assembler_init(&a);
    for (unsigned long long done = 0; done < bytes; done += sizeof(text)) {
        for (size_t i = 0; i < sizeof(text); i += 4) {
            uint32_t word = lines_draw(&r, UINT32_MAX);

            memcpy(text + i, &word, sizeof(word));
        }
        lines += feed(text, sizeof(text), 64, &got);
    }
    CHECK_INT(lines, 0);
    CHECK_INT(a.counts.lines, 0);
}

static void
a_line_behind_one_that_was_cut_off_is_found_and_the_cut_one_is_torn(void)
{
    struct lines_line good = lines_make(WIRE_CRIT, "web03", 7, "daemon.down", "name=sshd", 1);
    struct lines_line got;

    assembler_init(&a);
    CHECK_INT(feed(good.text, 40, 64, &got), 0);
    CHECK_INT(feed(good.text, good.len, 64, &got), 1);
    CHECK_INT(a.counts.torn, 1);
}

int
main(void)
{
    CHECK_RUN(a_line_is_found_in_pieces_of_any_size_and_behind_anything);
    CHECK_RUN(no_line_with_a_changed_cut_or_doubled_byte_is_found);
    CHECK_RUN(the_longest_line_is_found_and_a_longer_one_is_not);
    CHECK_RUN(every_byte_is_counted_as_part_of_a_line_or_as_rubbish);
    CHECK_RUN(noise_never_makes_a_line);
    CHECK_RUN(a_line_behind_one_that_was_cut_off_is_found_and_the_cut_one_is_torn);
    return check_result();
}
