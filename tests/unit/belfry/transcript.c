#include "support/check.h"

#include "belfry/keeper/pack.h"
#include "belfry/keeper/sweep.h"
#include "belfry/transcript/part.h"
#include "belfry/transcript/reader.h"
#include "belfry/transcript/transcript.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[] = "/tmp/belfry-transcript-XXXXXX";
static int dir_fd;
static struct transcripts all;

static const char *
in_dir(const char *name)
{
    static char path[4][128];
    static unsigned turn;
    char *out = path[turn++ % 4];

    (void)snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static void
put(const char *path, const void *src, size_t len, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);

    CHECK_INT(write(fd, src, len), len);
    (void)close(fd);
}

static int
begin(struct transcript *t)
{
    int error = transcript_open(t, &all, "a");

    t->direct = true;
    return error;
}

static size_t
size_of(const char *name)
{
    struct stat st;

    return stat(in_dir(name), &st) == 0 ? (size_t)st.st_size : 0;
}

static struct transcript_mark
mark_at(unsigned i)
{
    struct transcript_mark m = { .gap = false };
    uint8_t record[TRANSCRIPT_RECORD];
    int fd = open(in_dir("a.idx"), O_RDONLY);

    CHECK_INT(pread(fd, record, sizeof record, (off_t)i * TRANSCRIPT_RECORD), TRANSCRIPT_RECORD);
    transcript_mark_read(record, &m);
    (void)close(fd);
    return m;
}

static void
wipe(void)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    while ((e = readdir(d)) != NULL) {
        (void)unlinkat(dir_fd, e->d_name, 0);
    }
    (void)closedir(d);
}

static void
the_index_says_when_bytes_came_at_most_each_100_ms(void)
{
    struct transcript t;

    CHECK_INT(begin(&t), 0);
    for (int i = 0; i < 50; i++) {
        CHECK_INT(transcript_append(&t, (const uint8_t *)"abc", 3, 1000000 + i * 10000, 1000 + i * 10),
                TRANSCRIPT_SAME);
    }
    CHECK_INT(size_of("a.raw"), 150);
    CHECK_INT(size_of("a.idx"), 6 * TRANSCRIPT_RECORD);
    CHECK_INT(mark_at(1).offset, 0);
    CHECK_INT(mark_at(2).offset, 30);
    CHECK_INT(mark_at(2).value, 1100000000);
    transcript_close(&t, 100000);
    put(in_dir("a.idx"), "torn", 4, O_APPEND);
    CHECK_INT(begin(&t), 0);
    CHECK_INT(t.size, 150);
    (void)transcript_append(&t, (const uint8_t *)"abc", 3, 9000000, 9000);
    CHECK_INT(mark_at(6).offset, 150);
    transcript_close(&t, 100000);
    wipe();
}

static const char *
text_at(unsigned i)
{
    static char text[TRANSCRIPT_TEXT];
    struct transcript_mark m = mark_at(i);

    return transcript_mark_text(&m, text);
}

/* A hundred bytes each 200 ms, `looks` times. */
static void
be_busy(struct transcript *t, int64_t from_ms, int looks)
{
    static const uint8_t bytes[100];

    for (int64_t ms = from_ms; ms < from_ms + INT64_C(200) * looks; ms += 200) {
        CHECK_INT(transcript_append(t, bytes, sizeof bytes, ms * 1000, ms), TRANSCRIPT_SAME);
        CHECK_INT(transcript_flush(t, ms), TRANSCRIPT_SAME);
    }
}

static void
times_of_a_busy_line_are_written_once_a_second_and_none_is_lost(void)
{
    struct transcript t;

    CHECK_INT(transcript_open(&t, &all, "a"), 0);
    be_busy(&t, 1000, 6);
    CHECK_INT(size_of("a.idx"), 2 * TRANSCRIPT_RECORD); /* the first at once */
    transcript_settle(&t, 2199);
    CHECK_INT(size_of("a.idx"), 2 * TRANSCRIPT_RECORD);
    transcript_settle(&t, 2200);
    CHECK_INT(size_of("a.idx"), 7 * TRANSCRIPT_RECORD);
    for (unsigned i = 0; i < 6; i++) {
        CHECK_INT(mark_at(i + 1).offset, UINT64_C(100) * i);
        CHECK_INT(mark_at(i + 1).value, UINT64_C(1000000) * (1000 + 200 * i));
    }
    transcript_close(&t, 3000);
    wipe();
    CHECK_INT(transcript_open(&t, &all, "a"), 0);
    be_busy(&t, 1000, 4);
    transcript_mark_event(&t, TRANSCRIPT_BREAK, 2, 0, 1700000, 1700);
    CHECK_INT(size_of("a.idx"), 7 * TRANSCRIPT_RECORD); /* with what happened, in its order */
    CHECK_STR(text_at(6), "2 breaks");
    be_busy(&t, 1800, 1);
    transcript_close(&t, 3000);
    CHECK_INT(size_of("a.idx"), 8 * TRANSCRIPT_RECORD);
    wipe();
}

static void
bytes_that_wait_keep_each_its_own_time(void)
{
    struct transcript t;

    CHECK_INT(transcript_open(&t, &all, "a"), 0);
    be_busy(&t, 1000, 1);
    for (int64_t ms = 1050; ms < 1250; ms += 50) {
        CHECK_INT(transcript_append(&t, (const uint8_t *)"abcde", 5, ms * 1000, ms), TRANSCRIPT_SAME);
    }
    transcript_settle(&t, 2100);
    CHECK_INT(size_of("a.raw"), 100);
    CHECK_INT(size_of("a.idx"), 2 * TRANSCRIPT_RECORD);
    transcript_mark_event(&t, TRANSCRIPT_BREAK, 2, 8, 1200000, 1200);
    CHECK_INT(size_of("a.raw"), 120);
    CHECK_INT(mark_at(2).offset, 105);
    CHECK_INT(mark_at(2).value, UINT64_C(1100000000));
    CHECK_STR(text_at(3), "2 breaks");
    CHECK_INT(mark_at(3).offset, 112);
    CHECK_INT(mark_at(4).offset, 115);
    CHECK_INT(mark_at(4).value, UINT64_C(1200000000));
    transcript_close(&t, 3000);
    wipe();
}

static void
times_of_bytes_that_a_full_disk_took_are_not_told(void)
{
    struct transcript t;

    CHECK_INT(transcript_open(&t, &all, "a"), 0);
    be_busy(&t, 1000, 1);
    for (int64_t ms = 1100; ms < 1400; ms += 100) {
        CHECK_INT(transcript_append(&t, (const uint8_t *)"abcde", 5, ms * 1000, ms), TRANSCRIPT_SAME);
    }
    all.held = true;
    CHECK_INT(transcript_flush(&t, 1350), TRANSCRIPT_FAILED);
    all.held = false;
    transcript_close(&t, 3000);
    CHECK_INT(size_of("a.idx"), 4 * TRANSCRIPT_RECORD);
    CHECK_INT(mark_at(2).offset, 100);
    CHECK_INT(mark_at(2).value, UINT64_C(1100000000));
    CHECK(mark_at(3).gap);
    CHECK_INT(mark_at(3).value, 15);
    wipe();
}

static void
is_in_order(const char *name)
{
    struct transcript_mark last = { .offset = 0 };
    struct transcript_mark m;
    uint8_t record[TRANSCRIPT_RECORD];
    uint64_t time = 0;
    int fd = open(in_dir(name), O_RDONLY);

    while (read(fd, record, sizeof record) == (ssize_t)sizeof record) {
        transcript_mark_read(record, &m);
        CHECK(m.offset >= last.offset);
        if (transcript_mark_is_time(&m)) {
            CHECK(m.value >= time);
            time = m.value;
        }
        last = m;
    }
    CHECK(fd >= 0);
    (void)close(fd);
}

static void
whatever_happens_the_index_is_in_the_order_of_bytes_and_times(void)
{
    static const uint8_t bytes[1500];
    struct transcript t;
    int64_t ms = 1000;

    srand(7);
    CHECK_INT(transcript_open(&t, &all, "a"), 0);
    for (int i = 0; i < 20000; i++) {
        ms += rand() % 8 == 0 ? rand() % 1500 : rand() % 60;
        all.held = rand() % 40 == 0 ? !all.held : all.held;
        t.direct = rand() % 100 == 0 ? !t.direct : t.direct;
        switch (rand() % 8) {
        case 0:
            (void)transcript_flush(&t, ms);
            break;
        case 1:
            (void)transcript_append(&t, bytes, 5, ms * 1000, ms);
            transcript_mark_event(&t, TRANSCRIPT_BREAK, 1, (size_t)(rand() % 5), ms * 1000, ms);
            break;
        case 2:
            transcript_settle(&t, ms);
            break;
        default:
            (void)transcript_append(
                    &t, bytes, 5 + (size_t)(rand() % 8 == 0 ? 1200 : rand() % 40), ms * 1000, ms);
        }
    }
    transcript_close(&t, ms);
    all.held = false;
    is_in_order("a.idx");
    wipe();
}

static void
times_that_wait_go_with_the_part_that_they_are_about(void)
{
    struct transcript t;

    CHECK_INT(transcript_open(&t, &all, "a"), 0);
    t.rotate_size = 300;
    be_busy(&t, 1000, 3);
    CHECK(transcript_turn(&t, 2000, 2000));
    CHECK_INT(size_of("a.idx.0000000000000000"), 4 * TRANSCRIPT_RECORD);
    CHECK_INT(size_of("a.idx"), TRANSCRIPT_RECORD);
    be_busy(&t, 2100, 1);
    CHECK_INT(size_of("a.idx"), 2 * TRANSCRIPT_RECORD);
    CHECK_INT(mark_at(1).offset, 0);
    transcript_close(&t, 3000);
    wipe();
}

/* The times are 700 ms ago and now, the second of them is not in the index yet. */
static void
bytes_whose_time_is_still_to_come_are_followed_and_found_by_when_they_were_written(void)
{
    static struct reader r;
    struct reader_piece p;
    struct transcript t;
    struct timespec now;
    int64_t now_us;

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now); /* the clock of what is written */
    now_us = now.tv_sec * 1000000 + now.tv_nsec / 1000;
    CHECK_INT(transcript_open(&t, &all, "a"), 0);
    CHECK_INT(transcript_append(&t, (const uint8_t *)"abc", 3, now_us - 700000, 1000), TRANSCRIPT_SAME);
    CHECK_INT(transcript_flush(&t, 1000), TRANSCRIPT_SAME);
    CHECK_INT(reader_open(&r, dir_fd, "a"), 0);
    reader_next(&r, &p);
    CHECK_INT(p.time_ns / 1000, now_us - 700000);
    reader_next(&r, &p);
    CHECK_INT(p.what, READER_END);
    CHECK_INT(transcript_append(&t, (const uint8_t *)"def", 3, now_us, 1700), TRANSCRIPT_SAME);
    CHECK_INT(transcript_flush(&t, 1700), TRANSCRIPT_SAME);
    CHECK_INT(size_of("a.idx"), 2 * TRANSCRIPT_RECORD);
    reader_next(&r, &p);
    CHECK_INT(p.len, 3);
    CHECK(p.time_ns / 1000 >= (uint64_t)now_us);
    CHECK_INT(reader_since(&r, (uint64_t)(now_us - 100000) * 1000), 0);
    reader_next(&r, &p);
    CHECK_INT(p.what, READER_BYTES_CAME);
    transcript_close(&t, 2000);
    reader_close(&r);
    wipe();
}

static void
a_full_disk_leaves_a_marked_gap_and_writing_goes_on(void)
{
    struct rlimit before;
    struct rlimit small;
    struct transcript t;
    static uint8_t bytes[1000];

    (void)signal(SIGXFSZ, SIG_IGN);
    (void)getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 2500;
    CHECK_INT(begin(&t), 0);
    (void)setrlimit(RLIMIT_FSIZE, &small);
    CHECK_INT(transcript_append(&t, bytes, 1000, 1, 1000), TRANSCRIPT_SAME);
    CHECK_INT(transcript_append(&t, bytes, 1000, 2, 2000), TRANSCRIPT_SAME);
    CHECK_INT(transcript_append(&t, bytes, 1000, 3, 3000), TRANSCRIPT_FAILED);
    CHECK_INT(transcript_append(&t, bytes, 1000, 3, 3100), TRANSCRIPT_SAME);
    CHECK_INT(transcript_append(&t, bytes, 1000, 4, 4000), TRANSCRIPT_SAME);
    CHECK_INT(t.error, EFBIG);
    (void)setrlimit(RLIMIT_FSIZE, &before);
    CHECK_INT(transcript_append(&t, bytes, 1000, 4, 4100), TRANSCRIPT_SAME); /* not tried again yet */
    CHECK_INT(transcript_append(&t, bytes, 1000, 5, 5000), TRANSCRIPT_RESUMED);
    CHECK_INT(size_of("a.raw"), 3500);
    CHECK_INT(t.lost_all, 3500);
    /* Two of the first bytes, one of the third; then gaps and times as they were tried. */
    CHECK(!mark_at(3).gap);
    CHECK(mark_at(4).gap);
    CHECK_INT(mark_at(4).offset, 2500);
    transcript_close(&t, 100000);
    wipe();
}

static void
what_happens_to_a_line_is_marked_where_it_happened_even_when_the_disk_was_full(void)
{
    struct transcript t;

    CHECK_INT(begin(&t), 0);
    (void)transcript_append(&t, (const uint8_t *)"abcdef", 6, 1000, 1000);
    transcript_mark_event(&t, TRANSCRIPT_DROPPED, 685184, 2, 1000, 1000);
    CHECK_INT(mark_at(2).offset, 4);
    CHECK_STR(text_at(2), "685184 bytes are missing here: the kernel had no room for them");
    transcript_mark_event(
            &t, TRANSCRIPT_MODEM, TRANSCRIPT_DSR | (TRANSCRIPT_DSR | TRANSCRIPT_DCD) << 8, 0, 5000, 5000);
    CHECK_INT(mark_at(3).event, TRANSCRIPT_NOTHING);
    CHECK_INT(mark_at(3).value, 5000000);
    CHECK_STR(text_at(4), "DSR went on, DCD went off");
    t.error = ENOSPC;
    transcript_mark_event(&t, TRANSCRIPT_BREAK, 2, 0, 6000, 6000);
    transcript_mark_event(&t, TRANSCRIPT_BREAK, 3, 0, 6000, 6000);
    CHECK_INT(size_of("a.idx"), 5 * TRANSCRIPT_RECORD);
    (void)transcript_append(&t, (const uint8_t *)"g", 1, 7000, 7000);
    CHECK_INT(mark_at(5).offset, 6);
    CHECK_STR(text_at(5), "5 breaks");
    CHECK_INT(size_of("a.idx"), 7 * TRANSCRIPT_RECORD);
    transcript_close(&t, 100000);
    wipe();
}

static void
bytes_that_are_in_it_already_are_not_written_twice(void)
{
    struct transcript t;
    char back[8] = "";

    CHECK_INT(begin(&t), 0);
    (void)transcript_append(&t, (const uint8_t *)"abcd", 4, 1, 1);
    transcript_close(&t, 100000);
    CHECK_INT(begin(&t), 0);
    t.skip = 2;
    (void)transcript_append(&t, (const uint8_t *)"c", 1, 1, 1);
    (void)transcript_append(&t, (const uint8_t *)"def", 3, 1, 1);
    transcript_close(&t, 100000);
    int fd = open(in_dir("a.raw"), O_RDONLY);
    CHECK_INT(read(fd, back, sizeof back), 6);
    CHECK_STR(back, "abcdef");
    (void)close(fd);
    wipe();
}

/* ---- parts */

/* Byte `i` of the line: lines of 16 bytes that say where they are. */
static uint8_t
byte_at(uint64_t i)
{
    unsigned long long line = i / 16;
    char text[24];

    (void)snprintf(text, sizeof text, "%014llu\r\n", line);
    return (uint8_t)text[i % 16];
}

/* `count` bytes of the line in slices, 1 ms apart. */
static void
feed(struct transcript *t, uint64_t count, int64_t *now_ms)
{
    static uint8_t slice[4096];
    uint64_t at = transcript_end(t);

    while (count > 0) {
        size_t len = count < 1000 ? (size_t)count : 1000;

        for (size_t i = 0; i < len; i++) {
            slice[i] = byte_at(at + i);
        }
        (void)transcript_append(t, slice, len, *now_ms * 1000, *now_ms);
        (void)transcript_flush(t, *now_ms);
        (void)transcript_turn(t, *now_ms, *now_ms);
        at += len;
        count -= len;
        (*now_ms)++;
    }
}

/* How many bytes a reader gives from here to the end, all of them right; what is missing is added to `lacks`.
 */
static uint64_t
read_all(struct reader *r, uint64_t from, uint64_t *lacks)
{
    struct reader_piece p;
    uint64_t at = from;

    *lacks = 0;
    for (;;) {
        reader_next(r, &p);
        if (p.what == READER_END || p.what == READER_OVER) {
            return at - from - *lacks;
        }
        if (p.what == READER_BYTES_CAME) {
            for (size_t i = 0; i < p.len; i++) {
                if (p.bytes[i] != byte_at(at + i)) {
                    printf("byte %llu is wrong\n", (unsigned long long)at + i);
                    check_failures++;
                    return 0;
                }
            }
            at += p.len;
        } else {
            at += p.count;
            *lacks += p.count;
        }
    }
}

static void
reads_whole(uint64_t want)
{
    static struct reader r;
    uint64_t lacks;

    CHECK_INT(reader_open(&r, dir_fd, "a"), 0);
    CHECK_INT(read_all(&r, 0, &lacks), want);
    CHECK_INT(lacks, 0);
    reader_close(&r);
}

static bool
never(void *to)
{
    (void)to;
    return false;
}

static struct sweep_result
sweep(uint32_t keep, uint32_t keep_age_s, int64_t now_s)
{
    struct keeper_line line = { .name = "a", .keep = keep, .keep_age_s = keep_age_s };
    struct sweep s = { .dir = dir_fd, .line = &line, .lines = 1, .stop = never };
    struct sweep_result result;

    CHECK_INT(sweep_run(&s, now_s, &result), 0);
    return result;
}

static unsigned
count_parts(void)
{
    struct part_list parts;
    unsigned count;

    CHECK_INT(part_list(dir_fd, "a", &parts), 0);
    count = parts.count;
    part_list_free(&parts);
    return count;
}

static void
a_transcript_in_parts_plain_and_compressed_is_read_as_one(void)
{
    struct transcript t;
    int64_t now_ms = 1000000;

    CHECK_INT(begin(&t), 0);
    t.rotate_size = 300000;
    feed(&t, 1000000, &now_ms);
    CHECK_INT(count_parts(), 3);
    CHECK_INT(t.base, 900000);
    reads_whole(1000000);
    CHECK_INT(sweep(0, 0, 0).packed, 3);
    CHECK(access(in_dir("a.raw.0000000000300000"), F_OK) != 0);
    CHECK_INT(access(in_dir("a.zst.0000000000300000"), F_OK), 0);
    CHECK_INT(access(in_dir("a.idx.0000000000300000"), F_OK), 0);
    reads_whole(1000000);
    feed(&t, 500000, &now_ms);
    reads_whole(1500000);
    transcript_close(&t, now_ms);
    CHECK_INT(begin(&t), 0);
    CHECK_INT(transcript_end(&t), 1500000);
    feed(&t, 500000, &now_ms);
    reads_whole(2000000);
    transcript_close(&t, now_ms);
    wipe();
}

static void
a_part_is_rotated_by_age_even_when_nothing_comes(void)
{
    struct transcript t;

    CHECK_INT(begin(&t), 0);
    t.rotate_age_ms = 60000;
    CHECK(!transcript_turn(&t, 100000000, 1000)); /* nothing in it */
    (void)transcript_append(&t, (const uint8_t *)"x", 1, INT64_C(100000000000), 1000);
    CHECK(!transcript_turn(&t, 100059999, 60000));
    CHECK(transcript_turn(&t, 100060000, 61000));
    CHECK(!transcript_turn(&t, 200000000, 62000));
    transcript_close(&t, 63000);
    CHECK_INT(begin(&t), 0);
    CHECK_INT(transcript_end(&t), 1);
    (void)transcript_append(&t, (const uint8_t *)"y", 1, INT64_C(200000000000), 1000);
    transcript_close(&t, 63000);
    CHECK_INT(begin(&t), 0);
    t.rotate_age_ms = 60000;
    CHECK(transcript_turn(&t, 200060000, 2000)); /* it knows its age after a restart */
    transcript_close(&t, 63000);
    wipe();
}

/* What a kill leaves behind at each step of a rotation. */
static void
a_rotation_that_was_cut_short_is_finished_at_the_next_start(void)
{
    for (int step = 0; step < 4; step++) {
        struct transcript t;
        int64_t now_ms = 1000000;

        CHECK_INT(begin(&t), 0);
        t.rotate_size = 20000;
        feed(&t, 50000, &now_ms); /* two parts, and 10,000 bytes */
        transcript_close(&t, now_ms);
        if (step > 0) {
            CHECK_INT(rename(in_dir("a.raw"), in_dir("a.raw.0000000000040000")), 0);
        }
        if (step > 1) {
            CHECK_INT(rename(in_dir("a.idx"), in_dir("a.idx.0000000000040000")), 0);
        }
        if (step > 2) {
            put(in_dir("a.raw"), "", 0, 0);
        }
        CHECK_INT(begin(&t), 0);
        CHECK_INT(transcript_end(&t), 50000);
        CHECK_INT(t.size, step > 0 ? 0 : 10000);
        feed(&t, 5000, &now_ms);
        CHECK_INT(access(in_dir("a.idx.0000000000040000"), F_OK), step > 0 ? 0 : -1);
        reads_whole(55000);
        transcript_close(&t, now_ms);
        wipe();
    }
}

static void
records_about_bytes_that_a_power_cut_took_go_with_them(void)
{
    struct transcript t;
    int64_t now_ms = 1000000;

    CHECK_INT(begin(&t), 0);
    feed(&t, 500000, &now_ms); /* five records and the base */
    transcript_close(&t, now_ms);
    CHECK_INT(truncate(in_dir("a.raw"), 250000), 0);
    CHECK_INT(begin(&t), 0);
    CHECK_INT(size_of("a.idx"), 4 * TRANSCRIPT_RECORD);
    feed(&t, 100000, &now_ms);
    reads_whole(350000);
    transcript_close(&t, now_ms);
    wipe();
}

/* Nothing is synced: of each file any prefix may be what a power cut leaves. */
static void
whatever_prefixes_a_power_cut_leaves_the_bytes_are_right_and_it_goes_on(void)
{
    for (off_t index = 0; index <= (off_t)7 * TRANSCRIPT_RECORD; index += 9) {
        for (off_t raw = 0; raw <= 10000; raw += 1250) {
            static struct reader r;
            struct transcript t;
            int64_t now_ms = 1000000;
            uint64_t lacks;
            uint64_t base;

            CHECK_INT(begin(&t), 0);
            t.rotate_size = 20000;
            for (int i = 0; i < 5; i++) {
                feed(&t, 6000, &now_ms); /* one part, and 10,000 bytes */
                now_ms += 200;
            }
            transcript_close(&t, now_ms);
            CHECK_INT(truncate(in_dir("a.raw"), raw), 0);
            CHECK_INT(truncate(in_dir("a.idx"),
                              size_of("a.idx") < (size_t)index ? (off_t)size_of("a.idx") : index),
                    0);
            CHECK_INT(begin(&t), 0);
            CHECK_INT(t.base, 20000);
            CHECK_INT(transcript_end(&t), 20000 + raw);
            feed(&t, 3000, &now_ms);
            transcript_close(&t, now_ms);
            CHECK_INT(reader_open(&r, dir_fd, "a"), 0);
            base = r.volume.base;
            CHECK_INT(read_all(&r, base, &lacks), 23000 + raw);
            CHECK_INT(lacks, 0);
            reader_close(&r);
            wipe();
        }
    }
}

static void
the_moment_asked_for_is_found_in_whatever_part_it_is(void)
{
    static struct reader r;
    struct transcript t;
    int64_t now_ms = 1000000;
    uint64_t lacks;
    uint64_t at;

    CHECK_INT(begin(&t), 0);
    t.rotate_size = 300000;
    feed(&t, 1000000, &now_ms); /* 1,000 bytes each millisecond */
    (void)sweep(2, 0, 0);
    feed(&t, 100000, &now_ms);
    CHECK_INT(reader_open(&r, dir_fd, "a"), 0);
    for (int64_t ms = 1000000; ms < 1001100; ms += 50) {
        uint64_t first = (uint64_t)(ms - 1000000) * 1000;

        CHECK_INT(reader_since(&r, (uint64_t)ms * 1000000), 0);
        if (first < 300000) {
            CHECK_INT(r.volume.base + r.at, 300000); /* the oldest that is kept */
            continue;
        }
        CHECK(r.volume.base + r.at <= first && first - (r.volume.base + r.at) <= 101000);
        CHECK(r.time_ns <= (uint64_t)ms * 1000000);
        at = r.volume.base + r.at;
        CHECK_INT(read_all(&r, at, &lacks), 1100000 - at);
    }
    CHECK_INT(reader_since(&r, UINT64_C(1000500) * 1000000), 0);
    reader_until(&r, UINT64_C(1000700) * 1000000);
    at = r.volume.base + r.at;
    at += read_all(&r, at, &lacks);
    CHECK(at > 700000 && at <= 801000);
    reader_until(&r, UINT64_MAX);
    CHECK_INT(reader_since(&r, UINT64_C(9000000) * 1000000), 0);
    CHECK_INT(read_all(&r, 1100000, &lacks), 0);
    CHECK_INT(reader_back(&r, 250000), 0);
    CHECK_INT(r.volume.base + r.at, 850000);
    CHECK_INT(read_all(&r, 850000, &lacks), 250000);
    reader_close(&r);
    transcript_close(&t, now_ms);
    wipe();
}

static void
a_reader_that_follows_survives_rotation_compression_and_dropping(void)
{
    static struct reader r;
    struct transcript t;
    int64_t now_ms = 1000000;
    uint64_t lacks;
    uint64_t at = 0;

    CHECK_INT(begin(&t), 0);
    t.rotate_size = 50000;
    CHECK_INT(reader_open(&r, dir_fd, "a"), 0);
    for (int i = 0; i < 40; i++) {
        feed(&t, (uint64_t)(i % 7) * 9000, &now_ms);
        if (i % 3 == 0) {
            (void)sweep(0, 0, 0);
        }
        at += read_all(&r, at, &lacks);
        CHECK_INT(lacks, 0);
        CHECK_INT(at, transcript_end(&t));
    }
    feed(&t, 500000, &now_ms);
    (void)sweep(2, 0, 0); /* faster than the reader */
    CHECK(read_all(&r, at, &lacks) > 0);
    CHECK(lacks > 300000);
    reader_close(&r);
    transcript_close(&t, now_ms);
    wipe();
}

/* It opens the file when nothing is in it yet, not even where it begins. */
static void
a_reader_that_follows_reads_nothing_twice_when_a_rotation_is_followed_by_silence(void)
{
    static struct reader r;
    struct transcript t;
    int64_t now_ms = 1000000;
    uint64_t lacks;
    uint64_t at = 0;

    CHECK_INT(begin(&t), 0);
    t.rotate_size = 10000;
    CHECK_INT(reader_open(&r, dir_fd, "a"), 0);
    for (int i = 0; i < 6; i++) {
        feed(&t, 10000, &now_ms);
        CHECK_INT(t.size, 0);
        at += read_all(&r, at, &lacks);
        CHECK_INT(lacks, 0);
        CHECK_INT(at, transcript_end(&t));
    }
    feed(&t, 10000, &now_ms);
    (void)sweep(1, 0, 0); /* all but the last part, which nobody has read */
    CHECK_INT(read_all(&r, at, &lacks), 10000);
    CHECK_INT(lacks, 0);
    reader_close(&r);
    transcript_close(&t, now_ms);
    wipe();
}

static void
parts_beyond_their_number_or_age_are_dropped_oldest_first(void)
{
    struct transcript t;
    int64_t now_ms = 1000000;
    struct stat st;

    CHECK_INT(begin(&t), 0);
    t.rotate_size = 10000;
    feed(&t, 100000, &now_ms);
    CHECK_INT(count_parts(), 10);
    CHECK_INT(sweep(4, 0, 0).dropped, 6);
    CHECK_INT(count_parts(), 4);
    CHECK(access(in_dir("a.idx.0000000000050000"), F_OK) != 0);
    CHECK_INT(access(in_dir("a.idx.0000000000060000"), F_OK), 0);
    CHECK_INT(stat(in_dir("a.zst.0000000000060000"), &st), 0);
    CHECK_INT(sweep(0, 100, st.st_mtim.tv_sec + 90).dropped, 0);
    CHECK_INT(sweep(0, 100, st.st_mtim.tv_sec + 200).dropped, 4);
    CHECK_INT(count_parts(), 0);
    transcript_close(&t, now_ms);
    wipe();
}

static void
names_of_parts_are_told_from_names_of_lines_that_look_like_them(void)
{
    char name[CONF_NAME];
    enum part_kind kind;
    uint64_t base;
    char file[PART_FILE];

    CHECK(part_parse("a.raw.0000000000000007", name, &kind, &base));
    CHECK_STR(name, "a");
    CHECK(kind == PART_RAW && base == 7);
    part_name(file, "a.zst.0000000000000007", PART_INDEX, 12);
    CHECK_STR(file, "a.zst.0000000000000007.idx.0000000000000012");
    CHECK(part_parse(file, name, &kind, &base));
    CHECK_STR(name, "a.zst.0000000000000007");
    CHECK(!part_parse("a.raw", name, &kind, &base));
    CHECK(!part_parse("a.raw.0000000000000007.new", name, &kind, &base));
    CHECK(!part_parse("a.raw.007", name, &kind, &base));
    CHECK(!part_parse(".raw.0000000000000007", name, &kind, &base));
    CHECK(!part_parse("a.log.0000000000000007", name, &kind, &base));
    CHECK(!part_parse("01234567890123456789012345678901.raw.0000000000000007", name, &kind, &base));
}

static void
bytes_of_a_busy_line_wait_a_moment_and_are_written_in_order(void)
{
    struct transcript t[3];
    static const char *const names[] = { "a", "b", "c" };
    unsigned flushed = 0;

    for (int i = 0; i < 3; i++) {
        CHECK_INT(transcript_open(&t[i], &all, names[i]), 0);
    }
    for (int ms = 0; ms < 90; ms += 10) {
        for (int i = 0; i < 3; i++) {
            CHECK_INT(
                    transcript_append(&t[i], (const uint8_t *)"abc", 3, ms * 1000 + 1, ms), TRANSCRIPT_SAME);
        }
    }
    CHECK_INT(size_of("a.raw"), 0);
    CHECK(transcripts_due(&all, TRANSCRIPT_FLUSH_MS - 1) == NULL);
    CHECK_INT(transcript_flush(&t[1], TRANSCRIPT_FLUSH_MS - 1), TRANSCRIPT_SAME);
    CHECK_INT(size_of("b.raw"), 27);
    while (transcripts_due(&all, TRANSCRIPT_FLUSH_MS) != NULL) {
        CHECK(transcripts_due(&all, TRANSCRIPT_FLUSH_MS) == (flushed == 0 ? &t[0] : &t[2]));
        (void)transcript_flush(transcripts_due(&all, TRANSCRIPT_FLUSH_MS), TRANSCRIPT_FLUSH_MS);
        flushed++;
    }
    CHECK_INT(flushed, 2);
    CHECK_INT(size_of("a.raw"), 27);
    CHECK_INT(transcripts_due_ms(&all), INT64_MAX);
    (void)transcript_append(
            &t[1], (const uint8_t *)"first", 5, 2000000, 2000); /* for so long it was silent */
    CHECK_INT(size_of("b.raw"), 32);
    (void)transcript_append(&t[1], (const uint8_t *)"then", 4, 2100000, 2100);
    CHECK_INT(size_of("b.raw"), 32);
    (void)transcript_append(&t[0], (const uint8_t *)"last", 4, 400000, 400);
    for (int i = 0; i < 3; i++) {
        transcript_close(&t[i], 401);
    }
    CHECK_INT(size_of("a.raw"), 31);
    wipe();
}

static void
a_gap_is_marked_when_its_line_is_closed_on_a_full_disk(void)
{
    static const uint8_t bytes[1000];
    struct transcript t;

    CHECK_INT(begin(&t), 0);
    (void)transcript_append(&t, bytes, 1000, 1, 1000);
    all.held = true;
    (void)transcript_append(&t, bytes, 700, 2, 2000);
    CHECK_INT(t.lost, 700);
    transcript_close(&t, 3000);
    CHECK(all.held);
    all.held = false;
    CHECK_INT(size_of("a.idx"), 4 * TRANSCRIPT_RECORD);
    CHECK_INT(mark_at(2).value, 2000); /* when it began */
    CHECK(mark_at(3).gap);
    CHECK_INT(mark_at(3).offset, 1000);
    CHECK_INT(mark_at(3).value, 700);
    wipe();
}

static void
a_base_outlives_the_parts_before_it(void)
{
    static const uint8_t bytes[1000];
    struct transcript t;

    CHECK_INT(begin(&t), 0);
    t.rotate_size = 1000;
    (void)transcript_append(&t, bytes, 1000, 1, 1000);
    CHECK(transcript_turn(&t, 1, 1000));
    CHECK_INT(count_parts(), 1);
    transcript_close(&t, 2000);
    /* As a keeper below its floor drops them, before the next byte comes. */
    (void)sweep(0, 1, INT64_C(4000000000));
    CHECK_INT(count_parts(), 0);
    CHECK_INT(begin(&t), 0);
    CHECK_INT(transcript_end(&t), 1000);
    (void)transcript_append(&t, bytes, 10, 3000000, 3000);
    CHECK_INT(transcript_end(&t), 1010);
    transcript_close(&t, 4000);
    wipe();
}

static void
transcripts_opened_together_go_on_behind_their_own_parts_even_when_one_is_packed_meanwhile(void)
{
    static const uint8_t bytes[1000];
    struct transcript t;

    for (int part = 0; part < 2; part++) {
        CHECK_INT(begin(&t), 0);
        t.rotate_size = 1000;
        (void)transcript_append(&t, bytes, 1000, 1, 1000);
        CHECK(transcript_turn(&t, 1, 1000));
        transcript_close(&t, 2000);
    }
    put(in_dir("b.raw.0000000000009000"), bytes, 100, 0);
    put(in_dir("c.idx.0000000000009000"), bytes, 100, 0);
    CHECK_INT(unlink(in_dir("a.idx")), 0);
    transcripts_survey(&all);
    CHECK_INT(transcript_open(&t, &all, "b"), 0);
    CHECK_INT(transcript_end(&t), 9100);
    transcript_close(&t, 3000);
    CHECK(all.newest != NULL);
    CHECK_INT(sweep(0, 0, 0).packed, 3);
    CHECK_INT(begin(&t), 0);
    CHECK_INT(transcript_end(&t), 2000);
    transcript_close(&t, 3000);
    CHECK_INT(transcript_open(&t, &all, "c"), 0);
    CHECK_INT(transcript_end(&t), 0);
    transcript_close(&t, 3000);
    transcripts_surveyed(&all);
    CHECK(all.newest == NULL);
    wipe();
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    transcripts_init(&all, dir_fd, 0);
    CHECK_RUN(the_index_says_when_bytes_came_at_most_each_100_ms);
    CHECK_RUN(times_of_a_busy_line_are_written_once_a_second_and_none_is_lost);
    CHECK_RUN(bytes_that_wait_keep_each_its_own_time);
    CHECK_RUN(times_of_bytes_that_a_full_disk_took_are_not_told);
    CHECK_RUN(whatever_happens_the_index_is_in_the_order_of_bytes_and_times);
    CHECK_RUN(times_that_wait_go_with_the_part_that_they_are_about);
    CHECK_RUN(bytes_whose_time_is_still_to_come_are_followed_and_found_by_when_they_were_written);
    CHECK_RUN(a_full_disk_leaves_a_marked_gap_and_writing_goes_on);
    CHECK_RUN(what_happens_to_a_line_is_marked_where_it_happened_even_when_the_disk_was_full);
    CHECK_RUN(bytes_that_are_in_it_already_are_not_written_twice);
    CHECK_RUN(bytes_of_a_busy_line_wait_a_moment_and_are_written_in_order);
    CHECK_RUN(a_transcript_in_parts_plain_and_compressed_is_read_as_one);
    CHECK_RUN(a_part_is_rotated_by_age_even_when_nothing_comes);
    CHECK_RUN(a_rotation_that_was_cut_short_is_finished_at_the_next_start);
    CHECK_RUN(records_about_bytes_that_a_power_cut_took_go_with_them);
    CHECK_RUN(whatever_prefixes_a_power_cut_leaves_the_bytes_are_right_and_it_goes_on);
    CHECK_RUN(the_moment_asked_for_is_found_in_whatever_part_it_is);
    CHECK_RUN(a_reader_that_follows_survives_rotation_compression_and_dropping);
    CHECK_RUN(a_reader_that_follows_reads_nothing_twice_when_a_rotation_is_followed_by_silence);
    CHECK_RUN(parts_beyond_their_number_or_age_are_dropped_oldest_first);
    CHECK_RUN(names_of_parts_are_told_from_names_of_lines_that_look_like_them);
    CHECK_RUN(a_gap_is_marked_when_its_line_is_closed_on_a_full_disk);
    CHECK_RUN(a_base_outlives_the_parts_before_it);
    CHECK_RUN(transcripts_opened_together_go_on_behind_their_own_parts_even_when_one_is_packed_meanwhile);
    transcripts_free(&all);
    (void)close(dir_fd);
    (void)rmdir(dir);
    return check_result();
}
