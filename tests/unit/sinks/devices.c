/*
 * Serial ports and virtual consoles as a kernel has them: only in the rig's machine, whose command line says
 * that its devices may be touched.
 */
#include "hal/host/vt.h"
#include "sinks/sink.h"
#include "support/check.h"
#include "wire/seal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <linux/serial.h>
#include <linux/vt.h>
#include <poll.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define PORT "/dev/ttyS2"
#define PORT_CONTROL (0x3E8 + 3)
#define BREAK_ON 0x40
#define LOOP 0x8000 /* TIOCM_LOOP: the port hears itself, and nobody else hears it */
#define SPLIT "/dev/tty2"
#define ROWS 25
#define COLUMNS 80
#define HANG_MS 20000

static struct conf_channel channel;
static struct sink sink;
static char word[SINK_WORD];
static int other = -1;

static bool
may_touch_devices(void)
{
    char line[1024] = "";
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, line, sizeof(line) - 1);

    close(fd);
    return n > 0 && strstr(line, "tocsin.devices") != NULL;
}

static bool
begin(const char *scheme, const char *device)
{
    memset(&channel, 0, sizeof(channel));
    strcpy(channel.scheme, scheme);
    strcpy(channel.device, device);
    channel.lock = strcmp(device, "/dev/tty12") == 0;
    CHECK(sink_init(&sink, &channel));
    sink.fd = sink.ops->open(&channel);
    CHECK(sink.fd >= 0);
    other = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    CHECK(other >= 0);
    CHECK_INT(sink.ops->adopt(&sink), 0);
    return sink.fd >= 0;
}

static void
end(void)
{
    sink.ops->close(&sink);
    close(other);
}

static int
look(void)
{
    memset(word, 0, sizeof(word));
    return sink.ops->check(&sink, word);
}

static void
is_put_right(const char *what)
{
    CHECK_INT(look(), SINK_TAMPERED);
    CHECK_STR(word, what);
    CHECK_INT(look(), 0);
}

static bool
wait_until_sent(void)
{
    for (int i = 0; i < HANG_MS && sink.ops->queued(&sink) > 0; i++) {
        poll(NULL, 0, 1);
    }
    return sink.ops->queued(&sink) == 0;
}

static void
a_port_is_deaf_exclusive_and_does_not_wait_in_close(void)
{
    struct serial_struct port;
    struct termios t;
    int is = 0;

    begin("serial", PORT);
    CHECK(tcgetattr(other, &t) == 0 && (t.c_cflag & CREAD) == 0 && (t.c_cflag & HUPCL) != 0);
    CHECK_INT(cfgetospeed(&t), B115200);
    CHECK(ioctl(other, TIOCGSERIAL, &port) == 0 && port.closing_wait == ASYNC_CLOSING_WAIT_NONE);
    CHECK(ioctl(other, TIOCGEXCL, &is) == 0 && is != 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(look(), 0);
    }
    CHECK_INT(sink.ops->write(&sink, "0123456789", 10), 10);
    CHECK(wait_until_sent());
    end();
}

static void
what_others_do_to_a_port_is_put_right(void)
{
    struct serial_struct port;
    int lines = TIOCM_DTR;
    int loop = LOOP;

    begin("serial", PORT);
    CHECK_INT(ioctl(other, TIOCMBIC, &lines), 0);
    is_put_right("modem");
    CHECK(ioctl(other, TIOCMGET, &lines) == 0 && (lines & TIOCM_DTR) != 0);
    CHECK_INT(ioctl(other, TIOCMBIS, &loop), 0);
    is_put_right("modem");
    CHECK(ioctl(other, TIOCMGET, &lines) == 0 && (lines & LOOP) == 0);
    CHECK_INT(ioctl(other, TIOCNXCL), 0);
    is_put_right("exclusive");
    CHECK_INT(ioctl(other, TIOCGSERIAL, &port), 0);
    port.closing_wait = 3000;
    port.custom_divisor = 96;
    port.baud_base = 9600;
    port.flags = (int)(((unsigned)port.flags & ~ASYNC_SPD_MASK) | ASYNC_SPD_CUST);
    CHECK_INT(ioctl(other, TIOCSSERIAL, &port), 0);
    is_put_right("driver");
    CHECK(ioctl(other, TIOCGSERIAL, &port) == 0 && port.closing_wait == ASYNC_CLOSING_WAIT_NONE &&
            port.baud_base == 115200 && ((unsigned)port.flags & ASYNC_SPD_MASK) == 0);
    CHECK_INT(tcflow(other, TCOOFF), 0);
    CHECK_INT(sink.ops->write(&sink, "0123456789", 10), 10);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(look(), 0);
    }
    CHECK(wait_until_sent());
    end();
}

static void
a_break_that_somebody_left_on_is_ended(void)
{
    begin("serial", PORT);
    if (iopl(3) != 0) {
        printf("skip: this kernel has no iopl (%s)\n", strerror(errno));
    } else {
        CHECK_INT(ioctl(other, TIOCSBRK), 0);
        CHECK((inb(PORT_CONTROL) & BREAK_ON) != 0);
        CHECK_INT(look(), 0);
        CHECK((inb(PORT_CONTROL) & BREAK_ON) == 0);
    }
    end();
}

static void
the_console_is_the_terminal_behind_it(void)
{
    char path[64];

    CHECK_INT(hal_vt_console_path(path, sizeof(path)), 0);
    CHECK_STR(path, "/dev/ttyS0");
}

static void
a_locked_console_is_shown_whoever_switches(void)
{
    if (!begin("tty", "/dev/tty12")) {
        return;
    }
    CHECK_INT(hal_vt_shown(other), 12);
    ioctl(other, VT_ACTIVATE, 1);
    poll(NULL, 0, 200);
    CHECK_INT(hal_vt_shown(other), 12);
    CHECK_INT(look(), 0);
    CHECK_INT(ioctl(other, VT_UNLOCKSWITCH, 0), 0);
    CHECK_INT(ioctl(other, VT_ACTIVATE, 1), 0);
    for (int i = 0; i < HANG_MS && hal_vt_shown(other) != 1; i++) {
        poll(NULL, 0, 1);
    }
    CHECK_INT(look(), SINK_TAMPERED);
    CHECK_STR(word, "console");
    CHECK_INT(look(), -EPERM);
    end();
    begin("tty", "/dev/tty12");
    CHECK_INT(hal_vt_shown(other), 12);
    CHECK_INT(look(), 0);
    ioctl(other, VT_UNLOCKSWITCH, 0);
    end();
}

static void
a_console_that_shows_graphics_takes_nothing(void)
{
    begin("tty", "/dev/tty3");
    CHECK_INT(ioctl(other, KDSETMODE, KD_GRAPHICS), 0);
    CHECK_INT(look(), SINK_WAITS);
    CHECK_STR(word, "graphics");
    CHECK_INT(ioctl(other, KDSETMODE, KD_TEXT), 0);
    CHECK_INT(look(), 0);
    end();
}

static void
say(const char *text)
{
    size_t len = strlen(text);
    size_t at = 0;

    for (int i = 0; i < HANG_MS && at < len; i++) {
        ssize_t n = write(other, text + at, len - at);
        at += n > 0 ? (size_t)n : 0;
        poll(NULL, 0, n > 0 ? 0 : 1);
    }
    CHECK_INT(at, len);
}

static void
tell(const char *detail)
{
    static uint32_t number;
    struct wire_key key = { { 0 } };
    struct wire_head head = { .number = number++, .severity = WIRE_CRIT, .session = 7, .utc_s = 1795289645 };
    char line[WIRE_LINE_MAX + 8];

    strcpy(head.host, "web03");
    strcpy(head.nonce, "K3QF");
    strcpy(head.code, "test.alarm");
    int body = wire_line_compose(&head, detail, strlen(detail), line, WIRE_LINE_MAX);
    int len = wire_seal(&key, line, (size_t)body, WIRE_LINE_MAX);
    CHECK(len > 0);
    memcpy(line + len, "\r\n", 2);
    CHECK_INT(sink.ops->write(&sink, line, (size_t)len + 2), len + 2);
    CHECK(wait_until_sent());
}

/* Rows, columns, the cursor's column and row, then a character and an attribute a cell. */
static uint8_t cells[4 + ROWS * COLUMNS * 2];

static void
see(void)
{
    int fd = open("/dev/vcsa2", O_RDONLY | O_CLOEXEC);

    memset(cells, 0, sizeof(cells));
    CHECK_INT(read(fd, cells, sizeof(cells)), sizeof(cells));
    CHECK_INT(cells[0], ROWS);
    CHECK_INT(cells[1], COLUMNS);
    close(fd);
}

static bool
row_begins(unsigned row, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (cells[4 + (row * COLUMNS + i) * 2] != (uint8_t)text[i]) {
            return false;
        }
    }
    return true;
}

static void
alarms_are_shown(void)
{
    see();
    CHECK(row_begins(0, "CRIT 19:34:05 test.alarm n=2 "));
    CHECK(row_begins(1, "CRIT 19:34:05 test.alarm n=1 "));
}

static void
the_split_screen_outlives_a_screenful_a_clear_and_a_reset(void)
{
    char row[16];

    if (!begin("screen", SPLIT)) {
        return;
    }
    say("\033c");
    tell("n=1");
    tell("n=2");
    alarms_are_shown();
    for (int i = 0; i < 100; i++) {
        snprintf(row, sizeof(row), "row %d\r\n", i);
        say(row);
    }
    say("prompt$ ");
    alarms_are_shown();
    CHECK(cells[2] == 8 && cells[3] == ROWS - 1);
    CHECK(row_begins(ROWS - 2, "row 99") && row_begins(4, "row 80"));
    CHECK_INT(look(), 0);
    alarms_are_shown();
    CHECK(cells[2] == 8 && cells[3] == ROWS - 1);
    say("\033[H\033[2J\033[3Jprompt$ ");
    CHECK_INT(look(), 0);
    alarms_are_shown();
    CHECK(cells[2] == 8 && cells[3] == 4 && row_begins(4, "prompt$"));
    say("\033cprompt$ ");
    CHECK_INT(look(), 0);
    alarms_are_shown();
    CHECK(cells[2] == 8 && cells[3] == 4);
    say("\033[10;20H");
    see();
    CHECK(cells[2] == 19 && cells[3] == 4 + 9);
    CHECK_INT(look(), 0);
    alarms_are_shown();
    CHECK(cells[2] == 19 && cells[3] == 4 + 9);
    end();
}

#define GADGET "/sys/kernel/config/usb_gadget/port"

static bool
put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool whole = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    close(fd);
    return whole;
}

/* A serial port that this machine both is and has: the other end is /dev/ttyGS0. */
static bool
make_usb_port(void)
{
    static const char *const folders[] = { GADGET, GADGET "/strings/0x409", GADGET "/configs/c.1",
        GADGET "/functions/acm.0" };

    mount("config", "/sys/kernel/config", "configfs", 0, NULL);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (mkdir(folders[i], 0755) != 0 && errno != EEXIST) {
            printf("skip: this kernel makes no USB port (%s: %s)\n", folders[i], strerror(errno));
            return false;
        }
    }
    return put(GADGET "/idVendor", "0x1209") && put(GADGET "/idProduct", "0x0A02") &&
           put(GADGET "/strings/0x409/serialnumber", "port:1") &&
           symlink(GADGET "/functions/acm.0", GADGET "/configs/c.1/acm.0") == 0;
}

static void
plug_in(bool in)
{
    CHECK(put(GADGET "/UDC", in ? "dummy_udc.0\n" : "\n"));
    for (int i = 0; i < HANG_MS && (access("/dev/ttyACM0", F_OK) == 0) != in; i++) {
        poll(NULL, 0, 1);
    }
}

static int
open_usb(const char *device)
{
    memset(&channel, 0, sizeof(channel));
    strcpy(channel.scheme, "serial");
    strcpy(channel.device, device);
    CHECK(sink_init(&sink, &channel));
    sink.fd = sink.ops->open(&channel);
    return sink.fd < 0 ? sink.fd : sink.ops->adopt(&sink);
}

static bool
carries(const char *text)
{
    char got[256] = "";
    size_t len = 0;
    struct termios t;
    int far = open("/dev/ttyGS0", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    CHECK(tcgetattr(far, &t) == 0);
    cfmakeraw(&t);
    tcsetattr(far, TCSANOW, &t);
    CHECK_INT(sink.ops->write(&sink, text, strlen(text)), strlen(text));
    for (int i = 0; i < HANG_MS && strstr(got, text) == NULL && len < sizeof(got) - 1; i++) {
        ssize_t n = read(far, got + len, sizeof(got) - 1 - len);
        len += n > 0 ? (size_t)n : 0;
        poll(NULL, 0, 1);
    }
    close(far);
    return strstr(got, text) != NULL;
}

static void
a_usb_port_is_found_by_what_it_says_it_is_and_again_when_it_is_back(void)
{
    if (!make_usb_port()) {
        return;
    }
    plug_in(true);
    CHECK_INT(open_usb("usb:1209:0a02:port:2"), -ENODEV);
    CHECK_INT(open_usb("usb:1209:0a03"), -ENODEV);
    CHECK_INT(open_usb("usb:1209:0a02"), 0);
    sink.ops->close(&sink);
    CHECK_INT(open_usb("usb:1209:0a02:port:1"), 0);
    CHECK(carries("one"));
    CHECK_INT(look(), 0);
    plug_in(false);
    CHECK(look() < 0);
    sink.ops->close(&sink);
    CHECK_INT(open_usb("usb:1209:0a02:port:1"), -ENODEV);
    plug_in(true);
    CHECK_INT(open_usb("usb:1209:0a02:port:1"), 0);
    CHECK(carries("two"));
    sink.ops->close(&sink);
    plug_in(false);
}

int
main(void)
{
    if (!may_touch_devices()) {
        printf("skip: this is not the rig's machine\n");
        return CHECK_SKIPPED;
    }
    CHECK_RUN(a_port_is_deaf_exclusive_and_does_not_wait_in_close);
    CHECK_RUN(what_others_do_to_a_port_is_put_right);
    CHECK_RUN(a_break_that_somebody_left_on_is_ended);
    CHECK_RUN(the_console_is_the_terminal_behind_it);
    CHECK_RUN(a_locked_console_is_shown_whoever_switches);
    CHECK_RUN(a_console_that_shows_graphics_takes_nothing);
    CHECK_RUN(the_split_screen_outlives_a_screenful_a_clear_and_a_reset);
    CHECK_RUN(a_usb_port_is_found_by_what_it_says_it_is_and_again_when_it_is_back);
    return check_result();
}
