/* Reading a logger out through a port that this test plays: whole, cut off anywhere, damaged, and hostile. */
#include "belfry/harvest/harvest.h"
#include "support/check.h"
#include <errno.h>

#define RECORDS 20
#define STREAM ((RECORDS + 2) * DUMP_FRAME_MAX)

static uint8_t stream[STREAM];
static size_t stream_len;

/* How the device behaves: one entry a time it is opened. */
static struct
try {
    int opened;
    int begun;
    size_t cut; /* bytes until it is gone; SIZE_MAX: never */
    int error;  /* then */
}
tries[HARVEST_TRIES];
static unsigned opened;
static unsigned closed;
static size_t given;

static uint32_t numbers[RECORDS * 2];
static unsigned taken;
static unsigned heads;
static bool full;

static int
fake_open(const char *device)
{
    (void)device;
    given = 0;
    return tries[opened++].opened;
}

static int
fake_ask(uint8_t type, uint8_t request, void *dst, size_t size)
{
    (void)type;
    (void)request;
    (void)dst;
    (void)size;
    return -EPIPE;
}

static int
fake_begin(void)
{
    return tries[opened - 1].begun;
}

static int
fake_read(void *dst, size_t size, unsigned most_ms)
{
    const struct try *t = &tries[opened - 1];
    size_t end = t->cut < stream_len ? t->cut : stream_len;
    size_t len = end - given < 64 ? end - given : 64;

    (void)most_ms;
    CHECK(size >= 64);
    if (len == 0) {
        return t->error;
    }
    memcpy(dst, stream + given, len);
    given += len;
    return (int)len;
}

static void
fake_close(void)
{
    closed++;
}

static const struct port_ops fake = {
    .open = fake_open,
    .ask = fake_ask,
    .begin = fake_begin,
    .read = fake_read,
    .close = fake_close,
};

static void
on_head(void *to, const struct dump_head *head)
{
    (void)to;
    (void)head;
    heads++;
}

static bool
on_record(void *to, const struct dump_record *record)
{
    (void)to;
    if (taken < RECORDS * 2) {
        numbers[taken++] = record->number;
    }
    return !full;
}

static const struct harvest_ops ops = {
    .head = on_head,
    .record = on_record,
};

static void
put_head(const char *serial)
{
    struct dump_head head = { .boot = 3, .committed = 99 };

    snprintf(head.serial, sizeof(head.serial), "%s", serial);
    stream_len += dump_put_head(&head, stream + stream_len);
}

static void
put_record(uint32_t number)
{
    uint8_t text[] = "!1 a line";
    const struct dump_record record = { .number = number, .bytes = text, .len = sizeof(text) - 1 };

    stream_len += dump_put_record(&record, stream + stream_len);
}

static void
put_end(uint32_t records)
{
    const struct dump_end end = { .records = records, .spoilt = 1 };

    stream_len += dump_put_end(&end, stream + stream_len);
}

/* Records 10, 11, ... */
static void
put_dump(void)
{
    stream_len = 0;
    put_head("A1");
    for (uint32_t i = 0; i < RECORDS; i++) {
        put_record(10 + i);
    }
    put_end(RECORDS);
}

static void
begin(void)
{
    for (unsigned i = 0; i < HARVEST_TRIES; i++) {
        tries[i] = (struct try){ .cut = SIZE_MAX };
    }
    opened = closed = taken = heads = 0;
    full = false;
}

static struct harvest
run(int want)
{
    struct harvest h = { .ops = &ops };

    CHECK_INT(harvest_run(&h, &fake, "x"), want);
    CHECK_INT(h.tries, opened);
    return h;
}

static void
must_have_all(const struct harvest *h)
{
    CHECK_INT(heads, 1);
    CHECK_INT(taken, RECORDS);
    CHECK_INT(h->records, RECORDS);
    for (unsigned i = 0; i < taken; i++) {
        CHECK_INT(numbers[i], 10 + i);
    }
}

static void
a_whole_dump_gives_each_record_once(void)
{
    put_dump();
    begin();
    struct harvest h = run(0);

    must_have_all(&h);
    CHECK_INT(closed, 1);
    CHECK_INT(h.spoilt, 1);
    CHECK_INT(h.gaps + h.damaged + h.disorder + h.rubbish, 0);
    CHECK_INT(h.last, 10 + RECORDS - 1);
}

static void
a_dump_that_is_cut_off_at_any_byte_goes_on_where_it_was(void)
{
    put_dump();
    for (size_t cut = 49; cut < stream_len; cut += 7) {
        begin();
        tries[0].cut = cut;
        tries[0].error = -ENODEV;
        tries[1].opened = -ENODEV;
        tries[2].cut = cut / 2;
        tries[2].error = 0;
        struct harvest h = run(0);

        must_have_all(&h);
        CHECK_INT(opened, 4);
        CHECK_INT(closed, 3);
        CHECK_INT(h.gaps + h.damaged + h.disorder, 0);
    }
}

static void
one_that_stays_away_ends_early_and_says_where(void)
{
    put_dump();
    begin();
    for (unsigned i = 0; i < HARVEST_TRIES; i++) {
        tries[i].cut = 48 + 4 * 25;
        tries[i].error = 0;
    }
    struct harvest h = run(-ETIMEDOUT);

    CHECK_INT(opened, HARVEST_TRIES);
    CHECK_INT(h.last, 13);
    CHECK_INT(taken, 4);
}

static void
one_that_is_not_there_or_does_not_dump_is_not_tried_again(void)
{
    put_dump();
    begin();
    tries[0].opened = -ENODEV;
    run(-ENODEV);
    CHECK_INT(opened, 1);
    CHECK_INT(closed, 0);
    begin();
    tries[0].begun = -ENOENT;
    run(-ENOENT);
    CHECK_INT(opened, 1);
    CHECK_INT(closed, 1);
}

static void
another_logger_in_its_place_is_refused(void)
{
    put_dump();
    begin();
    tries[0].cut = 200;
    tries[0].error = -ENODEV;
    struct harvest h = { .ops = &ops };

    snprintf(h.head.serial, sizeof(h.head.serial), "B2");
    h.begun = true;
    CHECK_INT(harvest_run(&h, &fake, "x"), -EPROTO);
    CHECK_INT(taken, 0);
}

static void
numbers_that_are_not_there_or_come_back_are_counted(void)
{
    stream_len = 0;
    put_head("A1");
    put_record(5);
    put_record(9);
    put_record(9);
    put_record(4);
    put_record(10);
    put_end(5);
    begin();
    struct harvest h = run(0);

    CHECK_INT(taken, 3);
    CHECK_INT(h.gaps, 3);
    CHECK_INT(h.disorder, 2);
}

static void
a_frame_that_was_damaged_on_the_way_is_counted(void)
{
    put_dump();
    stream[48 + 25 + 18] ^= 1;
    begin();
    struct harvest h = run(0);

    CHECK_INT(taken, RECORDS - 1);
    CHECK_INT(h.damaged, 1);
    CHECK_INT(h.gaps, 1);
    CHECK_INT(h.rubbish, 25);
}

static void
records_before_a_head_or_more_than_the_end_says_are_no_dump(void)
{
    stream_len = 0;
    put_record(1);
    begin();
    run(-EPROTO);
    CHECK_INT(taken, 0);
    stream_len = 0;
    put_head("A1");
    put_record(1);
    put_record(2);
    put_end(1);
    begin();
    run(-EPROTO);
    stream_len = 0;
    put_head("A1");
    put_head("A1");
    begin();
    run(-EPROTO);
}

static void
what_cannot_be_kept_ends_it(void)
{
    put_dump();
    begin();
    full = true;
    run(-ECANCELED);
    CHECK_INT(taken, 1);
    CHECK_INT(opened, 1);
}

static void
a_logger_is_named_by_its_numbers_or_its_place(void)
{
    CHECK(port_of("1209:0001") == &port_usb_ops);
    CHECK(port_of("1209:0001:E6614103E7452D2F") == &port_usb_ops);
    CHECK(port_of("usbip:127.0.0.1:3240/1-1") == &port_usbip_ops);
    CHECK(port_of("/dev/ttyUSB0") == NULL);
    CHECK(port_of("") == NULL);
}

int
main(void)
{
    CHECK_RUN(a_whole_dump_gives_each_record_once);
    CHECK_RUN(a_dump_that_is_cut_off_at_any_byte_goes_on_where_it_was);
    CHECK_RUN(one_that_stays_away_ends_early_and_says_where);
    CHECK_RUN(one_that_is_not_there_or_does_not_dump_is_not_tried_again);
    CHECK_RUN(another_logger_in_its_place_is_refused);
    CHECK_RUN(numbers_that_are_not_there_or_come_back_are_counted);
    CHECK_RUN(a_frame_that_was_damaged_on_the_way_is_counted);
    CHECK_RUN(records_before_a_head_or_more_than_the_end_says_are_no_dump);
    CHECK_RUN(what_cannot_be_kept_ends_it);
    CHECK_RUN(a_logger_is_named_by_its_numbers_or_its_place);
    return check_result();
}
