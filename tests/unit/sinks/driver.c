/*
 * Serial ports whose driver this test plays: what a port keeps while it is closed, what takes rights to set,
 * and what is a question over USB. Behind them is a pseudo-terminal.
 */
#include "sinks/sink.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ON_BOARD makedev(4, 66)
#define ON_USB makedev(188, 0)
#define CLOCK 115200

static struct conf_channel channel;
static struct sink sink;
static int far = -1;
static char word[SINK_WORD];

static struct {
    dev_t device;
    struct serial_struct port;
    bool privileged; /* who asks now */
    bool silent;     /* does not say what it drives */
    unsigned breaks_ended;
    unsigned asked; /* what goes over the bus of a port on USB */
} driver;

int
fstat(int fd, struct stat *st)
{
    int result = fstatat(fd, "", st, AT_EMPTY_PATH);

    if (result == 0 && S_ISCHR(st->st_mode)) {
        st->st_rdev = driver.device;
    }
    return result;
}

static int
refuse(int error)
{
    errno = error;
    return -1;
}

static int
set_port(const struct serial_struct *want)
{
    if (!driver.privileged &&
            (want->baud_base != driver.port.baud_base || want->closing_wait != driver.port.closing_wait)) {
        return refuse(EPERM);
    }
    driver.port = *want;
    return 0;
}

#ifdef __GLIBC__
int
ioctl(int fd, unsigned long request, ...)
#else
int
ioctl(int fd, int request, ...)
#endif
{
    va_list more;

    va_start(more, request);
    void *arg = va_arg(more, void *);
    va_end(more);
    switch ((unsigned)request) {
    case TIOCGSERIAL:
        *(struct serial_struct *)arg = driver.port;
        return 0;
    case TIOCSSERIAL:
        return set_port(arg);
    case TIOCMGET:
        driver.asked++;
        *(int *)arg = TIOCM_DTR | TIOCM_RTS;
        return driver.silent ? refuse(ETIMEDOUT) : 0;
    case TIOCSERGETLSR:
        *(unsigned *)arg = TIOCSER_TEMT;
        return 0;
    case TIOCCBRK:
        driver.asked++;
        driver.breaks_ended++;
        return 0;
    default:
        return (int)syscall(SYS_ioctl, fd, request, arg);
    }
}

/* As an opener and a wire do it. */
static void
open_line(void)
{
    driver.privileged = true;
    sink.fd = sink.ops->open(&channel);
    driver.privileged = false;
    CHECK(sink.fd >= 0);
    CHECK_INT(sink.ops->adopt(&sink), 0);
}

static void
open_again(void)
{
    sink.ops->close(&sink);
    open_line();
}

static void
begin(dev_t device)
{
    driver.device = device;
    driver.port = (struct serial_struct){ .baud_base = CLOCK };
    driver.silent = false;
    driver.breaks_ended = 0;
    far = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    CHECK(far >= 0 && grantpt(far) == 0 && unlockpt(far) == 0);
    channel = (struct conf_channel){ .scheme = "serial", .baud = 38400 };
    CHECK_INT(ptsname_r(far, channel.device, sizeof(channel.device)), 0);
    CHECK(sink_init(&sink, &channel));
    open_line();
}

static void
end(void)
{
    sink.ops->close(&sink);
    close(far);
}

static int
look(void)
{
    memset(word, 0, sizeof(word));
    return sink.ops->check(&sink, word);
}

static void
a_clock_that_cannot_be_put_right_stays_wrong_however_often_the_line_is_opened(void)
{
    begin(ON_BOARD);
    CHECK_INT(look(), 0);
    driver.port.baud_base = 2 * CLOCK;
    CHECK_INT(look(), SINK_TAMPERED);
    CHECK_STR(word, "driver");
    CHECK_INT(look(), -EPERM);
    for (int i = 0; i < 3; i++) {
        open_again();
        CHECK_INT(look(), -EPERM);
        CHECK_STR(word, "driver");
    }
    driver.port.baud_base = CLOCK;
    open_again();
    CHECK_INT(look(), 0);
    end();
}

static void
a_clock_that_was_set_while_the_line_was_closed_is_told_once(void)
{
    begin(ON_BOARD);
    sink.ops->close(&sink);
    driver.port.baud_base = 2 * CLOCK;
    open_line();
    CHECK_INT(look(), SINK_TAMPERED);
    CHECK_STR(word, "driver");
    CHECK_INT(look(), -EPERM);
    end();
}

static void
another_divisor_is_gone_when_the_line_is_opened(void)
{
    begin(ON_BOARD);
    sink.ops->close(&sink);
    driver.port.custom_divisor = 96;
    driver.port.flags = ASYNC_SPD_CUST | ASYNC_SKIP_TEST;
    open_line();
    CHECK_INT(driver.port.custom_divisor, 0);
    CHECK_INT(driver.port.flags, ASYNC_SKIP_TEST);
    CHECK_INT(look(), 0);
    end();
}

static void
the_next_adapter_in_the_same_socket_may_have_another_clock(void)
{
    begin(ON_USB);
    sink.ops->close(&sink);
    driver.port.baud_base = 24000000;
    open_line();
    CHECK_INT(look(), 0);
    end();
}

static void
a_break_is_ended_at_each_look(void)
{
    begin(ON_BOARD);
    for (unsigned i = 1; i <= 3; i++) {
        CHECK_INT(look(), 0);
        CHECK_INT(driver.breaks_ended, i);
    }
    end();
}

/* On USB each question to one that hangs takes 5 s, and a wire that shows no life for ten is ended. */
static void
a_port_that_does_not_say_any_more_what_it_drives_is_lost_and_asked_nothing_else(void)
{
    begin(ON_USB);
    CHECK_INT(look(), 0);
    driver.silent = true;
    driver.asked = 0;
    CHECK_INT(look(), -EIO);
    CHECK_STR(word, "hung-up");
    CHECK_INT(driver.asked, 1);
    end();
}

int
main(void)
{
    CHECK_RUN(a_clock_that_cannot_be_put_right_stays_wrong_however_often_the_line_is_opened);
    CHECK_RUN(a_clock_that_was_set_while_the_line_was_closed_is_told_once);
    CHECK_RUN(another_divisor_is_gone_when_the_line_is_opened);
    CHECK_RUN(the_next_adapter_in_the_same_socket_may_have_another_clock);
    CHECK_RUN(a_break_is_ended_at_each_look);
    CHECK_RUN(a_port_that_does_not_say_any_more_what_it_drives_is_lost_and_asked_nothing_else);
    return check_result();
}
