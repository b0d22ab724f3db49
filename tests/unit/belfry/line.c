#include "support/check.h"

#include "belfry/line/line.h"

#include "hal/host/serial_open.h"
#include "hal/host/serial_port.h"
#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/belfry-line-XXXXXX";
static struct conf_line conf;
static char conf_path[CONF_PATH];
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
    (void)snprintf(conf_path, sizeof conf_path, "%s", path);
    conf.path = conf_path;
    conf.options.baud = 115200;
    memcpy(conf.options.frame, "8n1", 4);
    conf.options.mode = 0620;
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

/* What comes of it. Time stands still meanwhile, so that a slow machine is none that hangs. */
static enum line_change
opened(int64_t at_ms)
{
    enum line_change change = line_open_if_due(&line, at_ms);

    for (int tries = 0; tries < 10000 && line.coming; tries++) {
        (void)poll(NULL, 0, 2);
        line.retry_ms = at_ms;
        change = line_open_if_due(&line, at_ms);
    }
    return change;
}

static void
a_serial_line_reads_and_comes_back_after_a_hang_up(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    char name[64];

    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    CHECK_INT(symlink(name, in_dir("port")), 0);
    use(CONF_SERIAL, in_dir("port"));
    CHECK_INT(opened(now_ms), LINE_CAME);
    CHECK_INT(hal_serial_open(name, &(struct hal_tty_line){ .baud = 9600, .frame = "8n1" }, false), -EBUSY);
    CHECK_INT(write(master, "hello\r\n\377\0", 9), 9);
    CHECK_INT(pump(), LINE_SAME);
    CHECK_INT(got_len, 9);
    CHECK_MEM(got, "hello\r\n\377\0", 9);
    got_len = 0;
    (void)close(master);
    CHECK_INT(pump(), LINE_WENT);
    CHECK(line.error == ENODEV || line.error == EIO);
    CHECK_INT(opened(now_ms + 5000), LINE_SAME);
    (void)unlink(conf.path);
    master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    CHECK_INT(symlink(name, conf.path), 0);
    now_ms += 20000;
    CHECK_INT(opened(now_ms), LINE_CAME);
    CHECK_INT(write(master, "again", 5), 5);
    CHECK_INT(pump(), LINE_SAME);
    got_is("again");
    line_close(&line);
    (void)close(master);
    (void)unlink(conf.path);
}

static int
make_port(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    char name[64];

    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    (void)unlink(in_dir("port"));
    CHECK_INT(symlink(name, in_dir("port")), 0);
    use(CONF_SERIAL, in_dir("port"));
    CHECK_INT(opened(now_ms), LINE_CAME);
    return master;
}

static void
settings_that_another_program_changed_are_put_back_and_told(void)
{
    uint8_t slice[LINE_SLICE];
    int master = make_port();
    size_t n = 0;
    int other;

    CHECK_INT(write(master, "a\377b", 3), 3);
    CHECK_INT(pump(), LINE_SAME);
    got_is("a\377b");
    other = open(conf.path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    CHECK_INT(hal_tty_raw(other, 9600, "8n1"), 0);
    CHECK_INT(line_read(&line, slice, false, now_ms + 10, &n), LINE_SAME);
    CHECK_INT(line.events.what, 0);
    CHECK_INT(line_read(&line, slice, false, now_ms + 1010, &n), LINE_SAME);
    for (int tries = 0; tries < 10000 && line.events.what == 0; tries++) {
        (void)poll(NULL, 0, 2);
        CHECK_INT(line_read(&line, slice, false, line_due(&line), &n), LINE_SAME);
        line.is.port.since_ms = line_due(&line); /* however long it takes here */
    }
    CHECK_INT(line.events.what, 1U << TRANSCRIPT_RESET);
    CHECK_INT(line_read(&line, slice, false, now_ms + 3010, &n), LINE_SAME);
    CHECK_INT(line.events.what, 0);
    CHECK_INT(write(master, "c\377\377\377\000d", 6), 6);
    CHECK_INT(pump(), LINE_SAME);
    CHECK_INT(got_len, 6);
    CHECK_MEM(got, "c\377\377\377\000d", 6);
    (void)close(other);
    line_close(&line);
    (void)close(master);
}

static void
a_name_that_leads_to_another_port_loses_the_line_and_opens_that_one(void)
{
    uint8_t slice[LINE_SLICE];
    int master = make_port();
    int second = posix_openpt(O_RDWR | O_NOCTTY);
    size_t n = 0;
    char name[64];

    CHECK(grantpt(second) == 0 && unlockpt(second) == 0 && ptsname_r(second, name, sizeof name) == 0);
    CHECK_INT(unlink(conf.path), 0);
    CHECK_INT(line_read(&line, slice, false, now_ms + 1000, &n), LINE_SAME); /* may come back */
    CHECK_INT(symlink(name, conf.path), 0);
    CHECK_INT(line_read(&line, slice, false, now_ms + 2000, &n), LINE_WENT);
    CHECK_INT(line.error, ESTALE);
    CHECK_INT(opened(now_ms + 2250), LINE_CAME);
    CHECK_INT(write(second, "other", 5), 5);
    CHECK_INT(pump(), LINE_SAME);
    got_is("other");
    line_close(&line);
    (void)close(second);
    (void)close(master);
}

static void
a_port_takes_what_is_written_unless_nobody_may(void)
{
    int master = make_port();
    char back[8] = "";

    CHECK_INT(line_write(&line, (const uint8_t *)"root\r", 5), 5);
    CHECK_INT(read(master, back, sizeof back), 5);
    CHECK_MEM(back, "root\r", 5);
    line_close(&line);
    conf.options.alarm_only = true;
    CHECK_INT(opened(now_ms), LINE_CAME);
    CHECK_INT(line_write(&line, (const uint8_t *)"x", 1), -EPERM);
    CHECK_INT(hal_serial_write(line.is.port.serial, (const uint8_t *)"x", 1), -EBADF);
    line_close(&line);
    (void)close(master);
}

static void
a_lost_serial_line_is_tried_four_times_a_second(void)
{
    use(CONF_SERIAL, in_dir("nothing"));
    CHECK_INT(opened(now_ms), LINE_WENT);
    for (int i = 0; i < 100; i++) {
        now_ms = line_due(&line);
        CHECK_INT(opened(now_ms), LINE_SAME);
        CHECK(line_due(&line) - now_ms <= 250);
    }
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
    CHECK_RUN(settings_that_another_program_changed_are_put_back_and_told);
    CHECK_RUN(a_name_that_leads_to_another_port_loses_the_line_and_opens_that_one);
    CHECK_RUN(a_port_takes_what_is_written_unless_nobody_may);
    CHECK_RUN(a_lost_serial_line_is_tried_four_times_a_second);
    CHECK_RUN(a_terminal_made_raw_changes_no_byte_and_ignores_flow_control);
    CHECK_RUN(a_file_is_followed_through_growth_rotation_and_truncation);
    CHECK_RUN(a_file_goes_on_where_an_earlier_life_stopped);
    CHECK_RUN(another_file_of_the_same_name_is_read_from_its_start);
    CHECK_RUN(what_is_no_regular_file_is_not_read);
    (void)rmdir(dir);
    dial_stop();
    return check_result();
}
