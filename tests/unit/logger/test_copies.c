/* The window of lines seen. */
#include "logger/copies.h"
#include "unit/logger/lines.h"
#include "wire/crc32.h"

static struct copies window;
static const struct copies_key key = { { 0x03020100, 0x07060504 } };

static bool
seen(const struct lines_line *l)
{
    struct wire_line line = lines_parse(l);
    struct copies_mark mark = copies_mark_of(&key, &line);

    return copies_seen(&window, &mark);
}

static void
add(const struct lines_line *l)
{
    struct wire_line line = lines_parse(l);
    struct copies_mark mark = copies_mark_of(&key, &line);

    copies_add(&window, &mark);
}

static void
a_copy_is_known_until_the_window_is_full_of_newer_ones(void)
{
    struct lines_line first = lines_make(WIRE_CRIT, "web03", 0, "daemon.down", "name=sshd", 0);

    copies_init(&window);
    CHECK(!seen(&first));
    add(&first);
    for (uint32_t n = 1; n < COPIES_KEPT; n++) {
        struct lines_line l = lines_make(WIRE_CRIT, "web03", n, "daemon.down", "name=sshd", 0);

        CHECK(!seen(&l));
        add(&l);
        CHECK(seen(&l));
        CHECK(seen(&first));
    }
    for (uint32_t n = COPIES_KEPT; n < 3 * COPIES_KEPT; n++) {
        struct lines_line l = lines_make(WIRE_CRIT, "web03", n, "daemon.down", "name=sshd", 0);
        struct lines_line oldest =
                lines_make(WIRE_CRIT, "web03", n - COPIES_KEPT, "daemon.down", "name=sshd", 0);

        CHECK(seen(&oldest));
        add(&l);
        CHECK(!seen(&oldest));
    }
}

static void
a_forged_line_with_the_number_of_the_next_true_one_does_not_stand_in_for_it(void)
{
    struct lines_line forged = lines_make(WIRE_CRIT, "web03", 5, "daemon.down", "name=sshd", 1);
    struct lines_line other = lines_make(WIRE_CRIT, "web03", 5, "daemon.down", "name=cron", 1);
    struct lines_line good = lines_make(WIRE_CRIT, "web03", 5, "daemon.down", "name=sshd", 2);

    copies_init(&window);
    add(&forged);
    CHECK(seen(&forged));
    CHECK(!seen(&other));
    CHECK(!seen(&good));
}

/* ---- a line made to have the sums of another */

#define FREE_AT 10 /* where what the forger may choose begins in his detail */
#define FREE 14    /* of 'h' to 'o': three bits each, free of one another */

static uint32_t
sum_of(const char *detail)
{
    struct lines_line l = lines_make(WIRE_CRIT, "web03", 5, "mount.rw", detail, 2);
    struct wire_line line = lines_parse(&l);

    return wire_crc32(l.text, line.body_len);
}

/* A CRC is linear: which bits to turn over for a sum is a set of 32 equations. */
static void
forge(char *detail, uint32_t want)
{
    uint32_t base = sum_of(detail);
    uint32_t turns[32] = { 0 }; /* by its highest bit: what it turns in the sum, */
    uint64_t bits[32] = { 0 };  /* and which bits do that */
    uint32_t left = base ^ want;
    uint64_t flip = 0;

    for (unsigned b = 0; b < 3 * FREE; b++) {
        uint64_t with = UINT64_C(1) << b;
        uint32_t turn;

        detail[FREE_AT + b / 3] ^= (char)(1 << b % 3);
        turn = sum_of(detail) ^ base;
        detail[FREE_AT + b / 3] ^= (char)(1 << b % 3);
        for (unsigned i = 32; i-- > 0;) {
            if ((turn >> i & 1) != 0 && turns[i] == 0) {
                turns[i] = turn;
                bits[i] = with;
                break;
            }
            with ^= (turn >> i & 1) != 0 ? bits[i] : 0;
            turn ^= (turn >> i & 1) != 0 ? turns[i] : 0;
        }
    }
    for (unsigned i = 32; i-- > 0;) {
        flip ^= (left >> i & 1) != 0 ? bits[i] : 0;
        left ^= (left >> i & 1) != 0 ? turns[i] : 0;
    }
    CHECK_INT(left, 0);
    for (unsigned b = 0; b < 3 * FREE; b++) {
        detail[FREE_AT + b / 3] ^= (char)((flip >> b & 1) << b % 3);
    }
}

static void
a_line_forged_to_have_the_tag_and_the_sums_of_the_true_one_does_not_stand_in_for_it(void)
{
    char detail[] = "path=/tmp/hhhhhhhhhhhhhh";
    struct lines_line good = lines_make(WIRE_CRIT, "web03", 5, "mount.rw", "path=/usr", 2);
    struct lines_line forged;

    forge(detail, sum_of("path=/usr"));
    forged = lines_make(WIRE_CRIT, "web03", 5, "mount.rw", detail, 2);
    CHECK_INT(wire_crc32(forged.text, forged.len), wire_crc32(good.text, good.len));
    CHECK_STR(strstr(forged.text, " ~"), strstr(good.text, " ~"));
    copies_init(&window);
    add(&forged);
    CHECK(seen(&forged));
    CHECK(!seen(&good));
}

/* From the reference implementation's vectors. */
static void
a_mark_is_halfsiphash_of_all_bytes(void)
{
    const struct wire_line none = { .bytes = "", .len = 0 };
    const struct wire_line zero = { .bytes = "", .len = 1 };
    struct copies_mark mark = copies_mark_of(&key, &none);

    CHECK_INT(mark.half[0], 0x591F8D21);
    CHECK_INT(mark.half[1], 0xC83CB8B9);
    mark = copies_mark_of(&key, &zero);
    CHECK_INT(mark.half[0], 0x122455BE);
    CHECK_INT(mark.half[1], 0x157338F8);
}

int
main(void)
{
    CHECK_RUN(a_copy_is_known_until_the_window_is_full_of_newer_ones);
    CHECK_RUN(a_forged_line_with_the_number_of_the_next_true_one_does_not_stand_in_for_it);
    CHECK_RUN(a_line_forged_to_have_the_tag_and_the_sums_of_the_true_one_does_not_stand_in_for_it);
    CHECK_RUN(a_mark_is_halfsiphash_of_all_bytes);
    return check_result();
}
