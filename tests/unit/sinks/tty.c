/*
 * Somebody else sets our line anew: it is put right, and said what it was. The others' end is a second
 * descriptor of the same pseudo-terminal.
 */
#include "hal/host/tty.h"
#include "sinks/sink.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct conf_channel channel;
static struct sink sink;
static int far = -1;
static int other = -1;
static char word[SINK_WORD];

static void
begin(const char *scheme, uint32_t baud)
{
    far = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    CHECK(far >= 0 && grantpt(far) == 0 && unlockpt(far) == 0);
    memset(&channel, 0, sizeof(channel));
    strcpy(channel.scheme, scheme);
    channel.baud = baud;
    CHECK_INT(ptsname_r(far, channel.device, sizeof(channel.device)), 0);
    other = open(channel.device, O_RDWR | O_NOCTTY | O_NONBLOCK);
    CHECK(sink_init(&sink, &channel));
    sink.fd = sink.ops->open(&channel);
    CHECK(sink.fd >= 0);
    CHECK_INT(sink.ops->adopt(&sink), 0);
}

static void
end(void)
{
    sink.ops->close(&sink);
    close(other);
    close(far);
}

static int
check_now(void)
{
    memset(word, 0, sizeof(word));
    return sink.ops->check(&sink, word);
}

static struct termios
settings(void)
{
    struct termios t;

    CHECK_INT(tcgetattr(other, &t), 0);
    return t;
}

static void
set(struct termios t)
{
    CHECK_INT(tcsetattr(other, TCSANOW, &t), 0);
}

/* It was found, and the next look finds nothing. */
static void
is_put_right(const char *what, const struct termios *was)
{
    struct termios now;

    CHECK_INT(check_now(), SINK_TAMPERED);
    CHECK_STR(word, what);
    now = settings();
    CHECK(now.c_iflag == was->c_iflag && now.c_oflag == was->c_oflag && now.c_lflag == was->c_lflag &&
            now.c_cflag == was->c_cflag);
    CHECK_INT(check_now(), 0);
    CHECK_STR(word, "");
}

static void
another_speed_is_put_right(void)
{
    begin("serial", 9600);
    struct termios was = settings();
    struct termios t = was;
    CHECK_INT(cfgetospeed(&was), B9600);
    cfsetospeed(&t, B300);
    set(t);
    is_put_right("baud", &was);
    end();
}

static void
what_was_set_anew_before_the_wire_had_it_is_put_right(void)
{
    begin("serial", 9600);
    struct termios was = settings();
    struct termios t = was;
    cfsetospeed(&t, B300);
    t.c_cflag |= CRTSCTS;
    set(t);
    CHECK_INT(sink.ops->adopt(&sink), 0);
    t = settings();
    CHECK(cfgetospeed(&t) == B9600 && (t.c_cflag & CRTSCTS) == 0);
    CHECK_INT(check_now(), 0);
    end();
}

static void
flow_control_that_nobody_asked_for_is_put_right(void)
{
    begin("serial", 0);
    struct termios was = settings();
    struct termios t = was;
    CHECK_INT(was.c_cflag & CRTSCTS, 0);
    t.c_cflag |= CRTSCTS;
    set(t);
    is_put_right("flow", &was);
    t = was;
    t.c_iflag |= IXON;
    set(t);
    is_put_right("flow", &was);
    end();
}

static void
another_number_of_stop_bits_is_put_right(void)
{
    begin("serial", 0);
    struct termios was = settings();
    struct termios t = was;
    t.c_cflag |= CSTOPB;
    set(t);
    is_put_right("frame", &was);
    end();
}

static void
a_line_that_drops_characters_or_hangs_up_with_a_carrier_is_put_right(void)
{
    begin("tty", 0);
    struct termios was = settings();
    struct termios t = was;
    t.c_oflag |= OPOST | OLCUC;
    set(t);
    is_put_right("flags", &was);
    t = was;
    t.c_lflag |= TOSTOP;
    set(t);
    is_put_right("flags", &was);
    t = was;
    t.c_cflag &= ~(tcflag_t)(CLOCAL | HUPCL);
    set(t);
    is_put_right("flags", &was);
    end();
}

static void
another_line_discipline_is_put_right(void)
{
    int slip = 1;

    begin("serial", 0);
    struct termios was = settings();
    if (ioctl(other, TIOCSETD, &slip) != 0) {
        printf("skip: this kernel has no second line discipline (%s)\n", strerror(errno));
    } else {
        is_put_right("discipline", &was);
    }
    end();
}

static void
an_exclusive_mark_that_is_taken_away_is_put_back(void)
{
    int is = 0;

    begin("serial", 0);
    CHECK_INT(ioctl(sink.fd, TIOCEXCL), 0);
    CHECK_INT(sink.ops->adopt(&sink), 0);
    CHECK_INT(ioctl(other, TIOCNXCL), 0);
    CHECK_INT(check_now(), SINK_TAMPERED);
    CHECK_STR(word, "exclusive");
    CHECK(ioctl(other, TIOCGEXCL, &is) == 0 && is != 0);
    CHECK_INT(check_now(), 0);
    CHECK_INT(ioctl(other, TIOCNXCL), 0);
    end();
}

static void
flow_control_that_was_asked_for_stays(void)
{
    begin("serial", 0);
    sink.ops->close(&sink);
    channel.flow = CONF_FLOW_RTSCTS;
    sink.fd = sink.ops->open(&channel);
    CHECK_INT(sink.ops->adopt(&sink), 0);
    CHECK((settings().c_cflag & CRTSCTS) != 0);
    CHECK_INT(check_now(), 0);
    end();
}

static void
a_line_that_was_stopped_goes_on(void)
{
    char got[64];

    begin("serial", 0);
    CHECK_INT(tcflow(other, TCOOFF), 0);
    CHECK(sink.ops->write(&sink, "held up\n", 8) >= 0);
    int n = 0;
    for (int i = 0; i < 5000 && n <= 0; i++) {
        check_now();
        n = (int)read(far, got, sizeof(got));
        if (n <= 0) {
            sink.ops->write(&sink, "more\n", 5);
            poll(NULL, 0, 1);
        }
    }
    CHECK(n > 0);
    end();
}

static void
a_console_is_set_by_others_as_they_need_but_for_its_speed(void)
{
    begin("console", 0);
    struct termios was = settings();
    struct termios t = was;
    t.c_lflag ^= ECHO | ICANON | ISIG;
    t.c_iflag ^= IXON | ICRNL;
    t.c_oflag ^= OPOST;
    set(t);
    CHECK_INT(check_now(), 0);
    CHECK_INT(settings().c_lflag, t.c_lflag);
    cfsetospeed(&t, B300);
    set(t);
    CHECK_INT(check_now(), SINK_TAMPERED);
    CHECK_STR(word, "baud");
    struct termios now = settings();
    CHECK_INT(cfgetospeed(&now), cfgetospeed(&was));
    CHECK_INT(now.c_lflag, t.c_lflag);
    end();
}

static void
a_console_that_was_set_to_another_speed_while_it_was_hung_up_is_put_right(void)
{
    begin("console", 0);
    struct termios was = settings();
    struct termios t = was;
    cfsetospeed(&t, B300);
    t.c_cflag |= CSTOPB;
    t.c_lflag ^= ECHO;
    set(t);
    sink.ops->close(&sink);
    sink.fd = sink.ops->open(&channel);
    CHECK_INT(sink.ops->adopt(&sink), 0);
    CHECK_INT(check_now(), SINK_TAMPERED);
    CHECK_STR(word, "baud");
    struct termios now = settings();
    CHECK_INT(cfgetospeed(&now), cfgetospeed(&was));
    CHECK_INT(now.c_cflag, was.c_cflag);
    CHECK_INT(now.c_lflag, t.c_lflag);
    CHECK_INT(check_now(), 0);
    end();
}

static void
a_line_on_the_console_begins_on_a_row_of_its_own_however_it_is_cut(void)
{
    static const char text[] = "!1 one\r\n!1 two\r\n";
    static const char want[] = "\r\n!1 one\r\n\r\n!1 two\r\n";
    char got[64] = "";
    size_t len = 0;

    for (size_t part = 1; part < sizeof(text); part++) {
        begin("console", 0);
        struct termios t = settings();
        cfmakeraw(&t);
        set(t);
        for (size_t at = 0; at < sizeof(text) - 1;) {
            /* A wire gives one line at a time. */
            size_t left = strcspn(text + at, "\n") + 1;
            int n = sink.ops->write(&sink, text + at, left < part ? left : part);
            CHECK(n >= 0);
            at += n > 0 ? (size_t)n : 0;
        }
        len = 0;
        for (int i = 0; i < 5000 && len < sizeof(want) - 1; i++) {
            ssize_t n = read(far, got + len, sizeof(got) - len);
            len += n > 0 ? (size_t)n : 0;
            poll(NULL, 0, n > 0 ? 0 : 1);
        }
        CHECK_INT(len, sizeof(want) - 1);
        CHECK_MEM(got, want, sizeof(want) - 1);
        end();
    }
}

static void
a_line_that_is_hung_up_says_so(void)
{
    begin("serial", 0);
    close(far);
    CHECK_INT(check_now(), -EIO);
    CHECK_STR(word, "hung-up");
    end();
}

int
main(void)
{
    CHECK_RUN(another_speed_is_put_right);
    CHECK_RUN(what_was_set_anew_before_the_wire_had_it_is_put_right);
    CHECK_RUN(flow_control_that_nobody_asked_for_is_put_right);
    CHECK_RUN(another_number_of_stop_bits_is_put_right);
    CHECK_RUN(a_line_that_drops_characters_or_hangs_up_with_a_carrier_is_put_right);
    CHECK_RUN(another_line_discipline_is_put_right);
    CHECK_RUN(an_exclusive_mark_that_is_taken_away_is_put_back);
    CHECK_RUN(flow_control_that_was_asked_for_stays);
    CHECK_RUN(a_line_that_was_stopped_goes_on);
    CHECK_RUN(a_console_is_set_by_others_as_they_need_but_for_its_speed);
    CHECK_RUN(a_console_that_was_set_to_another_speed_while_it_was_hung_up_is_put_right);
    CHECK_RUN(a_line_on_the_console_begins_on_a_row_of_its_own_however_it_is_cut);
    CHECK_RUN(a_line_that_is_hung_up_says_so);
    return check_result();
}
