#include "speaker.h"
#include "support/check.h"

#include "belfry/ctl/bundle.h"

#include <string.h>

#define LINES 12
#define GONE 5 /* the number that is missing */

static struct bundle bundle;
static char whole[8192];
static size_t whole_len;

static void
take_line(void *to, const struct wire_line *line, bool proved)
{
    unsigned *seen = to;

    CHECK_STR(line->head.host, "web03");
    *seen += proved;
}

/* What is wrong with it, NULL for nothing. */
static const char *
check(const char *text, size_t len, unsigned *seen)
{
    const char *wrong = NULL;
    const char *end = text + len;

    *seen = 0;
    bundle_begin(&bundle, take_line, seen);
    while (wrong == NULL && text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));

        if (stop == NULL) {
            return "no end";
        }
        wrong = bundle_feed(&bundle, text, (size_t)(stop - text));
        text = stop + 1;
    }
    return wrong != NULL ? wrong : bundle_finish(&bundle);
}

static void
put(const char *text)
{
    whole_len += (size_t)snprintf(whole + whole_len, sizeof whole - whole_len, "%s", text);
}

static void
put_end(unsigned lines)
{
    uint8_t digest[WIRE_HASH_SIZE];
    char hex[BUNDLE_HEX + 1];
    char text[100];

    wire_hash(whole, whole_len, digest);
    bundle_hex(digest, hex);
    (void)snprintf(text, sizeof text, "end %u %s\n", lines, hex);
    put(text);
}

static void
put_line(struct speaker *s, bool gone)
{
    char text[BUNDLE_LINE];
    char line[SPEAKER_LINE];
    char hex[BUNDLE_HEX + 1];
    struct wire_key leaf;

    wire_tree_at(&s->key, s->tree.next, WIRE_TREE_DEPTH, &leaf);
    bundle_hex(leaf.bytes, hex);
    line[speaker_say(s, WIRE_NOTE, "test.line", "turn=1", line) - 2] = '\0';
    (void)snprintf(text, sizeof text, "line %s 1795364857241 %s\n", hex, line);
    if (!gone) {
        put(text);
    }
}

static void
make(void)
{
    static struct speaker s;

    CHECK(speaker_init(&s, "web03", "0C0G-8085-1410-C000-0000-0000-00FS"));
    whole_len = 0;
    put("belfry-bundle 1\nhost web03\nmade 1795364860252 kim\nsession 1 K3QF 13\n");
    for (unsigned i = 0; i < LINES; i++) {
        put_line(&s, i == GONE);
    }
    put_end(LINES - 1);
}

static void
a_whole_bundle_is_proved_and_its_holes_are_counted(void)
{
    unsigned seen;

    make();
    CHECK(check(whole, whole_len, &seen) == NULL);
    CHECK_INT(seen, LINES - 1);
    CHECK_INT(bundle.proved, LINES - 1);
    CHECK_INT(bundle.sessions, 1);
    CHECK_INT(bundle_missing(&bundle.session[0]), 3); /* GONE, and 12 and 13 that its belfry had heard of */
}

static void
a_byte_that_is_another_one_is_told_wherever_it_is(void)
{
    unsigned seen;

    make();
    for (size_t i = 0; i < whole_len; i++) {
        whole[i] ^= 1;
        CHECK(check(whole, whole_len, &seen) != NULL);
        whole[i] ^= 1;
    }
}

static void
a_bundle_that_is_cut_anywhere_is_told_to_be(void)
{
    unsigned seen;

    make();
    for (size_t len = 0; len < whole_len; len++) {
        CHECK(check(whole, len, &seen) != NULL);
    }
}

static void
a_line_that_was_made_up_is_not_proved_by_the_key_of_its_number(void)
{
    static struct speaker liar;
    char line[SPEAKER_LINE];
    char *at;
    unsigned seen;

    make();
    CHECK(speaker_init(&liar, "web03", "0C0G-8085-1410-C000-0000-0000-00FS"));
    liar.key.bytes[0] ^= 1;
    wire_tree_init(&liar.tree, &liar.key, WIRE_TREE_DEPTH);
    line[speaker_say(&liar, WIRE_NOTE, "test.line", "turn=1", line) - 2] = '\0';
    at = strstr(whole, " !1 ") + 1;
    memcpy(at, line, strlen(line)); /* as long as the one that stood there */
    whole_len = (size_t)(strstr(whole, "end ") - whole);
    put_end(LINES - 1);
    CHECK(check(whole, whole_len, &seen) == NULL);
    CHECK_INT(bundle.proved, LINES - 2);
    CHECK_INT(bundle.lines, LINES - 1);
}

static void
what_is_out_of_order_or_comes_twice_is_refused(void)
{
    static const char too_long[] = "belfry-bundle 1\nhost web03\nmade 1 "
                                   "a-name-of-whom-who-made-it-that-is-longer-than-any-name-can-be-here\n";
    static const char *const wrong[] = {
        "belfry-bundle 2\n",
        "belfry-bundle 1\nhost Web03\n",
        "belfry-bundle 1\nhost web03\nsession 1 K3QF 13\n",
        "belfry-bundle 1\nhost web03\nmade 1 kim\nsession 1 K3QF 13\nsession 1 K3QF 13\n",
        "belfry-bundle 1\nhost web03\nmade 1 kim\nsession 1 K3QF 99999999\n",
        "belfry-bundle 1\nhost web03\nmade 1 kim\nline 00 1 x\n",
        "belfry-bundle 1\nhost web03\nmade 01 kim\n",
        too_long,
    };
    unsigned seen;
    char *first;
    char *second;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *said = check(wrong[i], strlen(wrong[i]), &seen);

        CHECK(said != NULL && strstr(said, "cut off") == NULL);
    }
    make();
    first = strstr(whole, "\nline ") + 1;
    second = strstr(first + 1, "\nline ") + 1;
    memmove(first, second, strlen(second) + 1); /* without the first, the second */
    whole_len = (size_t)(strstr(whole, "end ") - whole);
    put(""); /* and it again at the end */
    first = strstr(whole, "\nline ") + 1;
    second = strstr(first + 1, "\nline ") + 1;
    (void)snprintf(whole + whole_len, sizeof whole - whole_len, "%.*s", (int)(second - first), first);
    whole_len += (size_t)(second - first);
    put_end(LINES - 1);
    CHECK_STR(check(whole, whole_len, &seen), "a line's number is out of order");
}

int
main(void)
{
    CHECK_RUN(a_whole_bundle_is_proved_and_its_holes_are_counted);
    CHECK_RUN(a_byte_that_is_another_one_is_told_wherever_it_is);
    CHECK_RUN(a_bundle_that_is_cut_anywhere_is_told_to_be);
    CHECK_RUN(a_line_that_was_made_up_is_not_proved_by_the_key_of_its_number);
    CHECK_RUN(what_is_out_of_order_or_comes_twice_is_refused);
    return check_result();
}
