#include "support/check.h"

#include "hal/host/serial_stream.h"

struct told {
    enum hal_serial_event what;
    uint64_t value;
    size_t at;
};

static struct hal_serial_stream stream;
static struct told told[16];
static unsigned tolds;
static uint8_t out[64];
static size_t len;

static void
take(void *arg, enum hal_serial_event what, uint64_t value, size_t at)
{
    (void)arg;
    if (tolds < 16) {
        told[tolds++] = (struct told){ what, value, len + at };
    }
}

static const struct hal_serial_teller teller = { take, NULL };

static void
feed(const char *src, size_t n)
{
    len += hal_serial_unmark(&stream, &teller, (const uint8_t *)src, n, out + len);
}

static void
begin(void)
{
    memset(&stream, 0, sizeof stream);
    stream.marks = true;
    tolds = 0;
    len = 0;
}

static void
a_byte_255_comes_once_however_it_is_cut(void)
{
    static const char src[] = "a\377\377b\377\377\377\377";

    for (size_t cut = 0; cut < sizeof src; cut++) {
        begin();
        feed(src, cut);
        feed(src + cut, sizeof src - 1 - cut);
        CHECK_INT(len, 5);
        CHECK_MEM(out, "a\377b\377\377", 5);
        CHECK_INT(tolds, 0);
        CHECK_INT(stream.seen.accepted, 5);
    }
}

static void
breaks_and_damaged_bytes_are_told_where_they_came(void)
{
    begin();
    feed("ab\377\000", 4);
    feed("\000c\377\000Xd", 6);
    CHECK_INT(len, 5);
    CHECK_MEM(out, "abcXd", 5);
    CHECK_INT(tolds, 2);
    CHECK_INT(told[0].what, HAL_SERIAL_BREAK);
    CHECK_INT(told[0].at, 2);
    CHECK_INT(told[1].what, HAL_SERIAL_FRAMING);
    CHECK_INT(told[1].at, 3);
    CHECK_INT(stream.seen.accepted, 6);
    CHECK_INT(stream.seen.brk, 1);
    begin();
    stream.parity = true;
    feed("\377\000X", 3);
    CHECK_INT(told[0].what, HAL_SERIAL_PARITY);
}

static void
what_the_kernel_dropped_is_told_behind_the_bytes_it_had_kept(void)
{
    for (unsigned at = 0; at <= 10; at++) {
        begin();
        stream.dropped = 685184;
        stream.dropped_at = at;
        feed("0123\377\377567", 9);
        feed("89", 2);
        CHECK_INT(tolds, 1);
        CHECK_INT(told[0].what, HAL_SERIAL_DROPPED);
        CHECK_INT(told[0].value, 685184);
        CHECK_INT(told[0].at, at);
    }
    begin();
    stream.dropped = 1;
    stream.dropped_at = 20;
    feed("0123", 4);
    CHECK_INT(tolds, 0);
    hal_serial_tell_dropped(&stream, &teller, 0);
    hal_serial_tell_dropped(&stream, &teller, 0);
    CHECK_INT(tolds, 1);
}

static void
a_port_without_marks_gives_every_byte_as_it_is(void)
{
    begin();
    stream.marks = false;
    feed("\377\000\377", 3);
    CHECK_INT(len, 3);
    CHECK_MEM(out, "\377\000\377", 3);
    CHECK_INT(tolds, 0);
}

int
main(void)
{
    CHECK_RUN(a_byte_255_comes_once_however_it_is_cut);
    CHECK_RUN(breaks_and_damaged_bytes_are_told_where_they_came);
    CHECK_RUN(what_the_kernel_dropped_is_told_behind_the_bytes_it_had_kept);
    CHECK_RUN(a_port_without_marks_gives_every_byte_as_it_is);
    return check_result();
}
