/* The frames of a dump, and a reader that finds them in whatever comes. */
#include "dump/dump.h"
#include "support/check.h"

#define LINE \
    "!1 CRIT web03 17-K3QF.42@812 20261121T193405Z daemon.down name=sshd pid=812 ~FJZBT8V40PYQGQD9P2YZ1RN9"

static uint8_t stream[4096];
static size_t stream_len;
static struct dump_reader reader;
static unsigned heads, records, ends;
static struct dump_head last_head;
static struct dump_record last_record;
static char last_text[DUMP_BYTES_MAX + 1];
static struct dump_end last_end;

static void
put_three(void)
{
    const struct dump_head head = {
        .boot = 0x04030201, .committed = 99, .harvested = 7, .serial = "E6614103E7452D2F"
    };
    const struct dump_record record = {
        .class = DUMP_RING, .number = 8, .boot = 3, .bytes = (const uint8_t *)LINE, .len = sizeof(LINE) - 1
    };
    const struct dump_end end = { .records = 1, .spoilt = 2, .last = 8 };

    stream_len = dump_put_head(&head, stream);
    stream_len += dump_put_record(&record, stream + stream_len);
    stream_len += dump_put_end(&end, stream + stream_len);
}

static void
count(const struct dump_frame *f)
{
    switch (f->kind) {
    case DUMP_HEAD:
        heads++;
        last_head = f->head;
        break;
    case DUMP_RECORD:
        records++;
        last_record = f->record;
        memcpy(last_text, f->record.bytes, f->record.len);
        last_text[f->record.len] = '\0';
        break;
    case DUMP_END:
        ends++;
        last_end = f->end;
        break;
    }
}

static void
feed(const uint8_t *src, size_t len)
{
    struct dump_frame f;
    size_t took;

    while (dump_feed(&reader, src, len, &took, &f) == DUMP_FOUND) {
        count(&f);
        src += took;
        len -= took;
    }
}

static void
finish(void)
{
    struct dump_frame f;

    while (dump_finish(&reader, &f) == DUMP_FOUND) {
        count(&f);
    }
}

static void
begin(void)
{
    dump_reader_init(&reader);
    heads = records = ends = 0;
}

static void
the_bytes_stand_where_the_document_says(void)
{
    static const uint8_t head[] = { 0xF1, 0, 40, 0, 'T', 'O', 'C', 'S', 'D', 'U', 'M', 'P', 1, 0, 0, 0, 1, 2,
        3, 4, 99, 0, 0, 0, 7, 0, 0, 0, 'E' };
    static const uint8_t record[] = { 0xF2, 1, 8 + sizeof(LINE) - 1, 0, 8, 0, 0, 0, 3, 0, 0, 0, '!' };
    static const uint8_t end[] = { 0xF3, 0, 12, 0, 1, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0 };

    put_three();
    CHECK_MEM(stream, head, sizeof(head));
    CHECK_MEM(stream + 48, record, sizeof(record));
    CHECK_MEM(stream + stream_len - 20, end, sizeof(end));
}

static void
what_was_written_is_read_back_however_it_is_cut(void)
{
    put_three();
    for (size_t piece = 1; piece <= stream_len; piece++) {
        begin();
        for (size_t at = 0; at < stream_len; at += piece) {
            feed(stream + at, stream_len - at < piece ? stream_len - at : piece);
        }
        finish();
        CHECK_INT(heads, 1);
        CHECK_INT(records, 1);
        CHECK_INT(ends, 1);
        CHECK_INT(reader.rubbish, 0);
    }
    CHECK_INT(last_head.boot, 0x04030201);
    CHECK_INT(last_head.committed, 99);
    CHECK_INT(last_head.harvested, 7);
    CHECK_STR(last_head.serial, "E6614103E7452D2F");
    CHECK_INT(last_record.class, DUMP_RING);
    CHECK_INT(last_record.number, 8);
    CHECK_INT(last_record.boot, 3);
    CHECK_STR(last_text, LINE);
    CHECK_INT(last_end.records, 1);
    CHECK_INT(last_end.spoilt, 2);
    CHECK_INT(last_end.last, 8);
}

static void
any_changed_byte_spoils_its_own_frame_alone(void)
{
    put_three();
    for (size_t at = 0; at < stream_len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            begin();
            stream[at] ^= (uint8_t)(1U << bit);
            feed(stream, stream_len);
            finish();
            stream[at] ^= (uint8_t)(1U << bit);
            CHECK_INT(heads, at < 48 ? 0 : 1);
            CHECK_INT(records, at >= 48 && at < stream_len - 20 ? 0 : 1);
            CHECK_INT(ends, at < stream_len - 20 ? 1 : 0);
            CHECK(reader.rubbish > 0);
        }
    }
}

static void
a_stream_that_is_cut_off_gives_what_was_whole(void)
{
    put_three();
    for (size_t len = 0; len < stream_len; len++) {
        begin();
        feed(stream, len);
        finish();
        CHECK_INT(heads, len >= 48 ? 1 : 0);
        CHECK_INT(ends, 0);
        CHECK_INT(reader.rubbish, len < 48 ? len : records > 0 ? len - (stream_len - 20) : len - 48);
    }
}

static void
a_record_of_the_largest_size_fits_and_what_is_beyond_is_left_out(void)
{
    uint8_t bytes[300];
    struct dump_record record = { .class = DUMP_KEPT, .number = 1, .bytes = bytes, .len = sizeof(bytes) };

    memset(bytes, 'x', sizeof(bytes));
    CHECK_INT(dump_put_record(&record, stream), DUMP_FRAME_MAX);
    begin();
    feed(stream, DUMP_FRAME_MAX);
    CHECK_INT(records, 1);
    CHECK_INT(last_record.len, DUMP_BYTES_MAX);
}

static void
a_serial_number_of_another_form_makes_no_head(void)
{
    const struct dump_head head = { .serial = "a-b" };

    stream_len = dump_put_head(&head, stream);
    begin();
    feed(stream, stream_len);
    CHECK_INT(heads, 0);
}

int
main(void)
{
    CHECK_RUN(the_bytes_stand_where_the_document_says);
    CHECK_RUN(what_was_written_is_read_back_however_it_is_cut);
    CHECK_RUN(any_changed_byte_spoils_its_own_frame_alone);
    CHECK_RUN(a_stream_that_is_cut_off_gives_what_was_whole);
    CHECK_RUN(a_record_of_the_largest_size_fits_and_what_is_beyond_is_left_out);
    CHECK_RUN(a_serial_number_of_another_form_makes_no_head);
    return check_result();
}
