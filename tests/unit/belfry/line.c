#include "support/check.h"

#include "belfry/line/line.h"

#include "hal/host/serial_port.h"
#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/belfry-line-XXXXXX";
static struct conf_line conf;
static struct line line;
static uint8_t got[200000];
static size_t got_len;
static int64_t now_ms;

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
use(enum conf_kind kind, const char *path)
{
    memset(&conf, 0, sizeof conf);
    conf.kind = kind;
    (void)snprintf(conf.name, sizeof conf.name, "%s", "a");
    (void)snprintf(conf.path, sizeof conf.path, "%s", path);
    conf.baud = 115200;
    conf.mode = 0620;
    now_ms = 1000;
    line_init(&line, &conf, now_ms);
    got_len = 0;
}

/* Reads until nothing more comes for a while; what was judged before is left out. The last change. */
static enum line_change
pump(void)
{
    static uint8_t slice[LINE_SLICE];
    enum line_change change = LINE_SAME;
    int idle = 0;

    while (idle < 8 && change == LINE_SAME) {
        struct pollfd p = { .fd = line_fd(&line), .events = POLLIN };
        size_t n = 0;

        (void)poll(&p, 1, line.more ? 0 : 3);
        now_ms += 300;
        change = line_read(&line, slice, p.revents != 0, now_ms, &n);
        if (n > 0 && !line.replay) {
            memcpy(got + got_len, slice, n);
            got_len += n;
        }
        idle = n > 0 || line.more ? 0 : idle + 1;
    }
    return change;
}

static void
put(const char *path, const void *src, size_t len, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);

    CHECK_INT(write(fd, src, len), len);
    (void)close(fd);
}

static void
got_is(const char *want)
{
    got[got_len] = '\0';
    CHECK_STR((const char *)got, want);
    got_len = 0;
}

/* ---- pseudo-terminal */

static void
a_pty_gives_every_byte_as_it_was_written_and_outlives_its_writers(void)
{
    uint8_t all[256];
    struct stat st;

    for (int i = 0; i < 256; i++) {
        all[i] = (uint8_t)i;
    }
    use(CONF_PTY, in_dir("tty"));
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_CAME);
    CHECK_INT(stat(conf.path, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_INT(st.st_mode & 0777, 0620);
    for (int round = 0; round < 3; round++) {
        int fd = open(conf.path, O_WRONLY | O_NOCTTY);

        CHECK_INT(write(fd, all, sizeof all), sizeof all);
        (void)close(fd);
        CHECK_INT(pump(), LINE_SAME);
        CHECK_INT(got_len, sizeof all);
        CHECK_MEM(got, all, sizeof all);
        got_len = 0;
    }
    line_close(&line);
    CHECK(access(conf.path, F_OK) != 0 && errno == ENOENT);
}

static void
a_pty_takes_over_a_stale_link_and_removes_only_its_own(void)
{
    char target[64] = "";

    CHECK_INT(symlink("/dev/pts/nothing", in_dir("tty")), 0);
    use(CONF_PTY, in_dir("tty"));
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_CAME);
    CHECK(readlink(conf.path, target, sizeof target - 1) > 0);
    CHECK_STR(target, line.is.pty.name);
    (void)unlink(conf.path);
    target[strlen(target) - 1] = 'x'; /* of the same length */
    CHECK_INT(symlink(target, conf.path), 0);
    line_close(&line);
    CHECK(readlink(conf.path, target, sizeof target - 1) > 0);
    (void)unlink(conf.path);
}

static void
a_link_that_is_removed_or_led_elsewhere_is_put_back_while_the_line_runs(void)
{
    char target[64] = "";

    use(CONF_PTY, in_dir("tty"));
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_CAME);
    CHECK_INT(line_mend(&line), LINE_SAME);
    CHECK_INT(unlink(conf.path), 0);
    CHECK_INT(line_mend(&line), LINE_MENDED);
    CHECK_INT(line_mend(&line), LINE_SAME);
    CHECK_INT(unlink(conf.path), 0);
    CHECK_INT(symlink("/dev/null", conf.path), 0);
    CHECK_INT(line_mend(&line), LINE_MENDED);
    CHECK(readlink(conf.path, target, sizeof target - 1) > 0);
    CHECK_STR(target, line.is.pty.name);
    line_close(&line);
}

static void
a_file_that_takes_the_links_place_while_the_line_runs_is_told_once_and_left(void)
{
    use(CONF_PTY, in_dir("tty"));
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_CAME);
    CHECK_INT(unlink(conf.path), 0);
    CHECK(close(open(conf.path, O_WRONLY | O_CREAT, 0600)) == 0);
    CHECK_INT(line_mend(&line), LINE_BENT);
    CHECK_INT(line.error, EEXIST);
    CHECK_INT(line_mend(&line), LINE_SAME);
    CHECK(line.up);
    CHECK_INT(unlink(conf.path), 0);
    CHECK_INT(line_mend(&line), LINE_MENDED);
    CHECK_INT(line_mend(&line), LINE_SAME);
    line_close(&line);
}

static void
a_file_in_the_place_of_the_link_is_not_overwritten(void)
{
    struct stat st;

    put(in_dir("tty"), "precious", 8, O_TRUNC);
    use(CONF_PTY, in_dir("tty"));
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_WENT);
    CHECK_INT(line.error, EEXIST);
    CHECK_INT(stat(conf.path, &st), 0);
    CHECK_INT(st.st_size, 8);
    (void)unlink(conf.path);
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_SAME); /* not yet due */
    CHECK_INT(line_open_if_due(&line, now_ms + 5000), LINE_CAME);
    line_close(&line);
}

/* ---- serial port, in the shape of a pseudo-terminal */

static void
a_serial_line_reads_and_comes_back_after_a_hang_up(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct hal_serial *other = NULL;
    char name[64];

    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    CHECK_INT(symlink(name, in_dir("port")), 0);
    use(CONF_SERIAL, in_dir("port"));
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_CAME);
    CHECK_INT(hal_serial_open(name, 9600, &other), -EBUSY);
    CHECK_INT(write(master, "hello\r\n\377\0", 9), 9);
    CHECK_INT(pump(), LINE_SAME);
    CHECK_INT(got_len, 9);
    CHECK_MEM(got, "hello\r\n\377\0", 9);
    got_len = 0;
    (void)close(master);
    CHECK_INT(pump(), LINE_WENT);
    CHECK(line.error == ENODEV || line.error == EIO);
    CHECK_INT(line_open_if_due(&line, now_ms + 5000), LINE_SAME);
    (void)unlink(conf.path);
    master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    CHECK_INT(symlink(name, conf.path), 0);
    now_ms += 20000;
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_CAME);
    CHECK_INT(write(master, "again", 5), 5);
    CHECK_INT(pump(), LINE_SAME);
    got_is("again");
    line_close(&line);
    (void)close(master);
    (void)unlink(conf.path);
}

static void
a_terminal_made_raw_changes_no_byte_and_ignores_flow_control(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    uint8_t all[256];
    uint8_t back[256];
    char name[64];
    int fd;

    for (int i = 0; i < 256; i++) {
        all[i] = (uint8_t)i;
    }
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    fd = hal_tty_open(name);
    CHECK(fd >= 0);
    CHECK_INT(hal_tty_raw(fd, 9600, "8n1"), 0);
    CHECK_INT(hal_tty_raw(fd, 9601, "8n1"), -EINVAL);
    CHECK_INT(hal_tty_raw(fd, 9600, "8x1"), -EINVAL);
    CHECK_INT(hal_tty_raw(fd, 9600, "8n11"), -EINVAL);
    CHECK_INT(hal_tty_raw(fd, 9600, ""), -EINVAL);
    CHECK_INT(write(master, "\023", 1), 1); /* XOFF */
    CHECK_INT(write(fd, all, sizeof all), sizeof all);
    CHECK_INT(read(master, back, sizeof back), sizeof back);
    CHECK_MEM(back, all, sizeof all);
    CHECK_INT(hal_tty_queued(fd), 0);
    CHECK(hal_tty_is(fd));
    (void)close(fd);
    (void)close(master);
    fd = open("/dev/null", O_RDWR);
    CHECK(!hal_tty_is(fd));
    CHECK(hal_tty_raw(fd, 9600, "8n1") < 0);
    CHECK(hal_tty_queued(fd) < 0);
    (void)close(fd);
    CHECK_INT(hal_tty_open("/nonexistent"), -ENOENT);
}

/* ---- file */

static void
a_file_is_followed_through_growth_rotation_and_truncation(void)
{
    const char *path = in_dir("log");

    put(path, "one\n", 4, O_TRUNC);
    use(CONF_FILE, path);
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_CAME);
    (void)pump();
    got_is("one\n");
    put(path, "two\n", 4, O_APPEND);
    (void)pump();
    got_is("two\n");
    /* Renamed; the writer goes on in the old one for a moment. */
    CHECK_INT(rename(path, in_dir("log.1")), 0);
    put(in_dir("log.1"), "three\n", 6, O_APPEND);
    put(path, "four\n", 5, O_TRUNC);
    (void)pump();
    got_is("three\nfour\n");
    put(path, "5\n", 2, O_TRUNC);
    (void)pump();
    got_is("5\n");
    /* Copied away, emptied and grown again past where we were. */
    put(path, "six and something more\n", 23, O_TRUNC);
    (void)pump();
    got_is("six and something more\n");
    CHECK_INT(unlink(path), 0);
    CHECK_INT(pump(), LINE_SAME);
    put(path, "seven\n", 6, O_TRUNC);
    (void)pump();
    got_is("seven\n");
    line_close(&line);
    (void)unlink(path);
    (void)unlink(in_dir("log.1"));
}

/* Stops after `first`, writes `second` while nobody looks, and starts again. */
static void
stop_and_start(const char *first, const char *second, bool rotate)
{
    const char *path = in_dir("log");
    struct line_place place;

    put(path, first, strlen(first), O_TRUNC);
    use(CONF_FILE, path);
    (void)line_open_if_due(&line, now_ms);
    (void)pump();
    got_is(first);
    CHECK(line_file_place(&line, &place));
    CHECK_INT(place.offset, strlen(first));
    line_close(&line);
    put(path, second, strlen(second), O_APPEND);
    if (rotate) {
        CHECK_INT(rename(path, in_dir("log.1")), 0);
        put(path, "new\n", 4, O_TRUNC);
    }
    use(CONF_FILE, in_dir("log"));
    line_file_resume(&line, &place);
    (void)line_open_if_due(&line, now_ms);
    (void)pump();
}

static void
a_file_goes_on_where_an_earlier_life_stopped(void)
{
    static char lines[40 * 100 + 1];

    stop_and_start("one\ntwo\npart", "three\n", false);
    got_is("three\n");
    line_close(&line);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(lines + strlen(lines), 40, "line %030d\n", i);
    }
    stop_and_start(lines, "end\n", false);
    got_is("end\n");
    line_close(&line);
    stop_and_start("one\n", "rest of the old\n", true);
    got_is("rest of the old\nnew\n");
    line_close(&line);
    (void)unlink(in_dir("log"));
    (void)unlink(in_dir("log.1"));
}

static void
another_file_of_the_same_name_is_read_from_its_start(void)
{
    struct line_place place;

    stop_and_start("one\ntwo\n", "", false);
    CHECK(line_file_place(&line, &place));
    line_close(&line);
    put(in_dir("log"), "ONE\nTWO\nTHREE\n", 14, O_TRUNC); /* the same inode, longer, with other bytes */
    use(CONF_FILE, in_dir("log"));
    line_file_resume(&line, &place);
    (void)line_open_if_due(&line, now_ms);
    (void)pump();
    got_is("ONE\nTWO\nTHREE\n");
    line_close(&line);
    (void)unlink(in_dir("log"));
}

static void
what_is_no_regular_file_is_not_read(void)
{
    CHECK_INT(mkfifo(in_dir("fifo"), 0600), 0);
    use(CONF_FILE, in_dir("fifo"));
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_WENT);
    use(CONF_FILE, dir);
    CHECK_INT(line_open_if_due(&line, now_ms), LINE_WENT);
    (void)unlink(in_dir("fifo"));
}

/* ---- transcript */

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
remove_transcript(void)
{
    (void)unlink(in_dir("a.raw"));
    (void)unlink(in_dir("a.idx"));
}

static void
the_index_says_when_bytes_came_at_most_each_100_ms(void)
{
    struct transcript t;
    int d = open(dir, O_RDONLY | O_DIRECTORY);

    CHECK_INT(transcript_open(&t, d, "a"), 0);
    for (int i = 0; i < 50; i++) {
        CHECK_INT(transcript_append(&t, (const uint8_t *)"abc", 3, 1000000 + i * 10000, 1000 + i * 10),
                TRANSCRIPT_SAME);
    }
    CHECK_INT(size_of("a.raw"), 150);
    CHECK_INT(size_of("a.idx"), 5 * TRANSCRIPT_RECORD);
    CHECK_INT(mark_at(0).offset, 0);
    CHECK_INT(mark_at(1).offset, 30);
    CHECK_INT(mark_at(1).value, 1100000000);
    transcript_close(&t);
    put(in_dir("a.idx"), "torn", 4, O_APPEND);
    CHECK_INT(transcript_open(&t, d, "a"), 0);
    CHECK_INT(t.size, 150);
    (void)transcript_append(&t, (const uint8_t *)"abc", 3, 9000000, 9000);
    CHECK_INT(mark_at(5).offset, 150);
    transcript_close(&t);
    remove_transcript();
    (void)close(d);
}

static void
a_full_disk_leaves_a_marked_gap_and_writing_goes_on(void)
{
    struct rlimit before;
    struct rlimit small;
    struct transcript t;
    int d = open(dir, O_RDONLY | O_DIRECTORY);
    static uint8_t bytes[1000];

    (void)signal(SIGXFSZ, SIG_IGN);
    (void)getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 2500;
    CHECK_INT(transcript_open(&t, d, "a"), 0);
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
    CHECK(!mark_at(2).gap);
    CHECK(mark_at(3).gap);
    CHECK_INT(mark_at(3).offset, 2500);
    transcript_close(&t);
    remove_transcript();
    (void)close(d);
}

static void
bytes_that_are_in_it_already_are_not_written_twice(void)
{
    struct transcript t;
    int d = open(dir, O_RDONLY | O_DIRECTORY);
    char back[8] = "";

    CHECK_INT(transcript_open(&t, d, "a"), 0);
    (void)transcript_append(&t, (const uint8_t *)"abcd", 4, 1, 1);
    transcript_close(&t);
    CHECK_INT(transcript_open(&t, d, "a"), 0);
    t.skip = 2;
    (void)transcript_append(&t, (const uint8_t *)"c", 1, 1, 1);
    (void)transcript_append(&t, (const uint8_t *)"def", 3, 1, 1);
    transcript_close(&t);
    int fd = open(in_dir("a.raw"), O_RDONLY);
    CHECK_INT(read(fd, back, sizeof back), 6);
    CHECK_STR(back, "abcdef");
    (void)close(fd);
    remove_transcript();
    (void)close(d);
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    CHECK_RUN(a_pty_gives_every_byte_as_it_was_written_and_outlives_its_writers);
    CHECK_RUN(a_link_that_is_removed_or_led_elsewhere_is_put_back_while_the_line_runs);
    CHECK_RUN(a_file_that_takes_the_links_place_while_the_line_runs_is_told_once_and_left);
    CHECK_RUN(a_pty_takes_over_a_stale_link_and_removes_only_its_own);
    CHECK_RUN(a_file_in_the_place_of_the_link_is_not_overwritten);
    CHECK_RUN(a_serial_line_reads_and_comes_back_after_a_hang_up);
    CHECK_RUN(a_terminal_made_raw_changes_no_byte_and_ignores_flow_control);
    CHECK_RUN(a_file_is_followed_through_growth_rotation_and_truncation);
    CHECK_RUN(a_file_goes_on_where_an_earlier_life_stopped);
    CHECK_RUN(another_file_of_the_same_name_is_read_from_its_start);
    CHECK_RUN(what_is_no_regular_file_is_not_read);
    CHECK_RUN(the_index_says_when_bytes_came_at_most_each_100_ms);
    CHECK_RUN(a_full_disk_leaves_a_marked_gap_and_writing_goes_on);
    CHECK_RUN(bytes_that_are_in_it_already_are_not_written_twice);
    (void)rmdir(dir);
    return check_result();
}
