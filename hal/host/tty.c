#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/major.h>
#include <linux/serial.h>

#ifndef TIOCM_LOOP
#define TIOCM_LOOP 0x8000
#endif
#define MODEM_LINES (TIOCM_DTR | TIOCM_RTS | TIOCM_LOOP)
#define FRAME_BITS ((tcflag_t)(CSIZE | PARENB | PARODD | CMSPAR | CSTOPB))
#define USB_ACM_MAJOR 166
#define USB_SERIAL_MAJOR 188
#define VIRTUAL_CONSOLES 64 /* of TTY_MAJOR */

struct speed {
    uint32_t baud;
    speed_t code;
};

static const struct speed speeds[] = {
    { 300, B300 },
    { 600, B600 },
    { 1200, B1200 },
    { 2400, B2400 },
    { 4800, B4800 },
    { 9600, B9600 },
    { 19200, B19200 },
    { 38400, B38400 },
    { 57600, B57600 },
    { 115200, B115200 },
    { 230400, B230400 },
    { 460800, B460800 },
    { 921600, B921600 },
    { 1000000, B1000000 },
    { 1500000, B1500000 },
    { 3000000, B3000000 },
};

static const struct speed *
speed_of(uint32_t baud)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].baud == baud) {
            return &speeds[i];
        }
    }
    return NULL;
}

/* The termios bits of "8n1" and its like; false when it is not one. */
static bool
frame_of(const char *frame, tcflag_t *bits)
{
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };

    if (frame[0] < '5' || frame[0] > '8') {
        return false;
    }
    *bits = sizes[frame[0] - '5'];
    switch (frame[1]) {
    case 'n':
        break;
    case 'e':
        *bits |= PARENB;
        break;
    case 'o':
        *bits |= PARENB | PARODD;
        break;
    case 'm':
        *bits |= PARENB | PARODD | CMSPAR;
        break;
    case 's':
        *bits |= PARENB | CMSPAR;
        break;
    default:
        return false;
    }
    if (frame[2] == '2') {
        *bits |= CSTOPB;
    } else if (frame[2] != '1') {
        return false;
    }
    return frame[3] == '\0';
}

/* A stuck 8250 line holds close() for 30 s unless it is told not to wait. Other drivers refuse: no harm. */
void
hal_tty_never_wait_in_close(int fd)
{
    struct serial_struct port;

    if (ioctl(fd, TIOCGSERIAL, &port) == 0 && port.closing_wait != ASYNC_CLOSING_WAIT_NONE) {
        port.closing_wait = ASYNC_CLOSING_WAIT_NONE;
        (void)ioctl(fd, TIOCSSERIAL, &port);
    }
}

/* What makes another speed of the one that is asked for. */
static void
use_no_other_divisor(int fd)
{
    struct serial_struct port;

    if (ioctl(fd, TIOCGSERIAL, &port) == 0 &&
            (port.custom_divisor != 0 || ((unsigned)port.flags & ASYNC_SPD_MASK) != 0)) {
        port.custom_divisor = 0;
        port.flags = (int)((unsigned)port.flags & ~ASYNC_SPD_MASK);
        (void)ioctl(fd, TIOCSSERIAL, &port);
    }
}

int
hal_tty_open(const char *path)
{
    int flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, O_WRONLY | flags);

    if (fd < 0) {
        fd = open(path, O_RDWR | flags);
    }
    return fd < 0 ? -errno : fd;
}

static void
flow_of(enum hal_tty_flow flow, struct termios *want)
{
    if (flow == HAL_TTY_FLOW_RTSCTS) {
        want->c_cflag |= CRTSCTS;
    } else if (flow == HAL_TTY_FLOW_XONXOFF) {
        want->c_iflag |= IXON;
    }
}

int
hal_tty_set(int fd, const struct hal_tty_line *line)
{
    const struct speed *speed = speed_of(line->baud);
    struct termios want;
    struct termios got;
    tcflag_t bits;

    if ((line->baud != 0 && speed == NULL) || !frame_of(line->frame, &bits)) {
        return -EINVAL;
    }
    if (tcgetattr(fd, &want) != 0) {
        return -errno;
    }
    bool deaf = line->deaf && line->flow != HAL_TTY_FLOW_XONXOFF;
    speed_t code = speed != NULL ? speed->code : cfgetospeed(&want);
    want.c_iflag = 0;
    want.c_oflag = 0;
    want.c_lflag = 0;
    want.c_cflag = bits | CLOCAL | HUPCL | (deaf ? 0 : CREAD);
    flow_of(line->flow, &want);
    want.c_cc[VMIN] = 1;
    want.c_cc[VTIME] = 0;
    (void)cfsetispeed(&want, code);
    (void)cfsetospeed(&want, code);
    /*
     * TCSADRAIN would wait for ever on a line that is held up. tcsetattr() says success when any one of the
     * settings took, and EINVAL when the only ones that were new did not: a pseudo-terminal keeps 8 bits and
     * its receiver on whatever we ask.
     */
    if (tcsetattr(fd, TCSANOW, &want) != 0 && errno != EINVAL) {
        return -errno;
    }
    if (tcgetattr(fd, &got) != 0) {
        return -errno;
    }
    if (got.c_iflag != want.c_iflag || got.c_oflag != 0 || got.c_lflag != 0 ||
            ((got.c_cflag ^ want.c_cflag) & CRTSCTS) != 0 || cfgetospeed(&got) != code) {
        return -EIO;
    }
    hal_tty_never_wait_in_close(fd);
    if (speed != NULL) {
        use_no_other_divisor(fd);
    }
    return 0;
}

int
hal_tty_raw(int fd, uint32_t baud, const char *frame)
{
    return hal_tty_set(fd, &(struct hal_tty_line){ .baud = baud, .frame = frame });
}

bool
hal_tty_offers(uint32_t baud)
{
    return speed_of(baud) != NULL;
}

bool
hal_tty_frames(const char *frame)
{
    tcflag_t bits;

    return frame_of(frame, &bits);
}

static dev_t
device_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_rdev : 0;
}

/* One whose maker keeps it open would stay closed to whoever has to open it next. */
static bool
is_pseudo(int fd)
{
    unsigned number = major(device_of(fd));

    return number >= UNIX98_PTY_SLAVE_MAJOR && number < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT;
}

static bool
is_on_usb(dev_t device)
{
    return major(device) == USB_SERIAL_MAJOR || major(device) == USB_ACM_MAJOR;
}

static bool
is_virtual_console(dev_t device)
{
    return major(device) == TTY_MAJOR && minor(device) < VIRTUAL_CONSOLES;
}

int
hal_tty_exclusive(int fd)
{
    return is_pseudo(fd) || ioctl(fd, TIOCEXCL) == 0 ? 0 : -errno;
}

static bool
is_exclusive(int fd)
{
    int is = 0;

    return ioctl(fd, TIOCGEXCL, &is) == 0 && is != 0;
}

/* What a driver does not know reads the same each time. */
static void
mark_port(int fd, struct hal_tty_mark *out)
{
    struct serial_struct port;
    bool driven = (out->termios.c_cflag & CRTSCTS) != 0; /* the driver moves RTS by itself */
    int lines;

    out->modem = ioctl(fd, TIOCMGET, &lines) == 0 ? lines & MODEM_LINES & (driven ? ~TIOCM_RTS : ~0) : -1;
    out->exclusive = is_exclusive(fd);
    if (ioctl(fd, TIOCGETD, &out->discipline) != 0) {
        out->discipline = -1;
    }
    bool known = ioctl(fd, TIOCGSERIAL, &port) == 0;
    out->divisor = known ? port.custom_divisor : -1;
    out->speed_flags = known ? (int)((unsigned)port.flags & ASYNC_SPD_MASK) : -1;
    out->clock = known ? port.baud_base : -1;
    out->closing_wait = known ? port.closing_wait : -1;
}

static int
look(int fd, struct hal_tty_mark *out)
{
    if (tcgetattr(fd, &out->termios) != 0) {
        return -errno;
    }
    mark_port(fd, out);
    return 0;
}

int
hal_tty_mark(int fd, bool shared, struct hal_tty_mark *out)
{
    dev_t device = device_of(fd);

    out->shared = shared;
    out->lasting = is_on_usb(device) || is_virtual_console(device) ? 0 : device;
    return look(fd, out);
}

/* A port that said what it drives and says nothing now is gone, or will be. */
static int
look_again(int fd, const struct hal_tty_mark *mark, struct hal_tty_mark *now)
{
    int error = look(fd, now);

    return error == 0 && mark->modem >= 0 && now->modem < 0 ? -EIO : error;
}

static const char *
termios_differ(const struct termios *a, const struct termios *b, bool shared)
{
    tcflag_t in = a->c_iflag ^ b->c_iflag;
    tcflag_t control = a->c_cflag ^ b->c_cflag;

    if (cfgetospeed(a) != cfgetospeed(b)) {
        return "baud";
    }
    if ((control & FRAME_BITS) != 0) {
        return "frame";
    }
    if (shared) {
        return NULL;
    }
    if ((control & CRTSCTS) != 0 || (in & (IXON | IXOFF | IXANY)) != 0) {
        return "flow";
    }
    return in != 0 || control != 0 || a->c_oflag != b->c_oflag || a->c_lflag != b->c_lflag ? "flags" : NULL;
}

static bool
driver_differs(const struct hal_tty_mark *a, const struct hal_tty_mark *b)
{
    return a->divisor != b->divisor || a->speed_flags != b->speed_flags || a->clock != b->clock ||
           a->closing_wait != b->closing_wait;
}

static const char *
differ(const struct hal_tty_mark *a, const struct hal_tty_mark *b)
{
    const char *what = termios_differ(&a->termios, &b->termios, a->shared);

    if (a->discipline != b->discipline) {
        return "discipline";
    }
    if (driver_differs(a, b)) {
        return "driver"; /* whose clock may have moved the speed as well */
    }
    if (what != NULL) {
        return what;
    }
    if (!a->shared && a->exclusive != b->exclusive) {
        return "exclusive";
    }
    return !a->shared && a->modem != b->modem ? "modem" : NULL;
}

static void
copy_speed_and_frame(struct termios *to, const struct termios *from)
{
    to->c_cflag = (to->c_cflag & ~FRAME_BITS) | (from->c_cflag & FRAME_BITS);
    (void)cfsetospeed(to, cfgetospeed(from));
    (void)cfsetispeed(to, cfgetospeed(from));
}

bool
hal_tty_keep(const struct hal_tty_mark *before, struct hal_tty_mark *mark)
{
    const struct hal_tty_mark now = *mark;

    if (before->lasting == 0 || before->lasting != now.lasting || before->shared != now.shared) {
        return false;
    }
    mark->divisor = before->divisor;
    mark->speed_flags = before->speed_flags;
    mark->clock = before->clock;
    mark->closing_wait = before->closing_wait;
    if (mark->shared) {
        copy_speed_and_frame(&mark->termios, &before->termios);
    }
    return differ(mark, &now) != NULL;
}

static void
put_driver_right(int fd, const struct hal_tty_mark *mark)
{
    struct serial_struct port;

    if (ioctl(fd, TIOCGSERIAL, &port) == 0) {
        port.custom_divisor = mark->divisor;
        port.baud_base = mark->clock;
        port.flags = (int)(((unsigned)port.flags & ~ASYNC_SPD_MASK) | (unsigned)mark->speed_flags);
        port.closing_wait = (unsigned short)mark->closing_wait;
        (void)ioctl(fd, TIOCSSERIAL, &port);
    }
}

static void
put_modem_right(int fd, int was, int is)
{
    int raise = was & ~is;
    int drop = is & ~was;

    (void)ioctl(fd, TIOCMBIS, &raise);
    (void)ioctl(fd, TIOCMBIC, &drop);
}

static void
put_termios_right(int fd, const struct hal_tty_mark *mark, const struct hal_tty_mark *now)
{
    struct termios want = mark->termios;

    if (mark->shared) {
        want = now->termios;
        copy_speed_and_frame(&want, &mark->termios);
    }
    (void)tcsetattr(fd, TCSANOW, &want);
}

static void
put_right(int fd, const struct hal_tty_mark *mark, const struct hal_tty_mark *now)
{
    if (mark->discipline != now->discipline) {
        (void)ioctl(fd, TIOCSETD, &mark->discipline);
    }
    if (driver_differs(mark, now)) {
        put_driver_right(fd, mark);
    }
    if (termios_differ(&mark->termios, &now->termios, mark->shared) != NULL) {
        put_termios_right(fd, mark, now);
    }
    if (!mark->shared && mark->exclusive != now->exclusive) {
        (void)ioctl(fd, mark->exclusive ? TIOCEXCL : TIOCNXCL);
    }
    if (!mark->shared && mark->modem >= 0 && mark->modem != now->modem) {
        put_modem_right(fd, mark->modem, now->modem);
    }
}

/*
 * It silences the line, and nothing says that it is on. A question to a port on USB that hangs takes 5 s, so
 * this is not the first that it is asked.
 */
static void
end_break(int fd)
{
    unsigned state;

    if (ioctl(fd, TIOCSERGETLSR, &state) == 0) {
        (void)ioctl(fd, TIOCCBRK);
    }
}

int
hal_tty_mend(int fd, const struct hal_tty_mark *mark, const char **what)
{
    struct hal_tty_mark now;
    int error = look_again(fd, mark, &now);

    if (error < 0) {
        return error;
    }
    end_break(fd);
    const char *word = differ(mark, &now);
    if (word == NULL) {
        return 0;
    }
    *what = word;
    put_right(fd, mark, &now);
    error = look_again(fd, mark, &now);
    if (error < 0) {
        return error;
    }
    return differ(mark, &now) == NULL ? 1 : -EPERM;
}

void
hal_tty_start(int fd)
{
    /* TCOON alone ends nothing but what TCOOFF began. */
    (void)tcflow(fd, TCOOFF);
    (void)tcflow(fd, TCOON);
}

int
hal_tty_queued(int fd)
{
    int n = 0;
    unsigned state = 0;

    if (ioctl(fd, TIOCOUTQ, &n) != 0) {
        return -errno;
    }
    if (n == 0 && ioctl(fd, TIOCSERGETLSR, &state) == 0 && (state & TIOCSER_TEMT) == 0) {
        return 1;
    }
    return n;
}

void
hal_tty_forget(int fd)
{
    struct serial_struct port;

    if (ioctl(fd, TIOCGSERIAL, &port) == 0 && port.closing_wait != ASYNC_CLOSING_WAIT_NONE) {
        (void)tcflush(fd, TCOFLUSH);
    }
}

bool
hal_tty_is(int fd)
{
    struct termios t;

    return tcgetattr(fd, &t) == 0;
}

static const struct speed *
speed_by_code(speed_t code)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].code == code) {
            return &speeds[i];
        }
    }
    return NULL;
}

void
hal_tty_describe(int fd, char *out, size_t size)
{
    static const char sizes[] = "5678";
    static const tcflag_t size_bits[] = { CS5, CS6, CS7, CS8 };
    struct termios t;
    unsigned bits = 0;
    int exclusive = 0;

    out[0] = '\0';
    if (tcgetattr(fd, &t) != 0) {
        return;
    }
    while (bits < 3 && size_bits[bits] != (t.c_cflag & CSIZE)) {
        bits++;
    }
    const struct speed *speed = speed_by_code(cfgetospeed(&t));
    char parity = (t.c_cflag & PARENB) == 0 ? 'n' : (t.c_cflag & PARODD) != 0 ? 'o' : 'e';

    (void)ioctl(fd, TIOCGEXCL, &exclusive);
    (void)snprintf(out, size, "%u %c%c%c%s%s%s%s%s%s%s%s", speed != NULL ? (unsigned)speed->baud : 0,
            sizes[bits], parity, (t.c_cflag & CSTOPB) != 0 ? '2' : '1',
            (t.c_cflag & CRTSCTS) != 0 ? " rtscts" : "", (t.c_iflag & (IXON | IXOFF)) != 0 ? " ixon" : "",
            (t.c_cflag & CREAD) != 0 ? " cread" : "", (t.c_cflag & CLOCAL) != 0 ? " clocal" : "",
            (t.c_cflag & HUPCL) != 0 ? " hupcl" : "", (t.c_lflag & ECHO) != 0 ? " echo" : "",
            (t.c_oflag & OPOST) != 0 ? " opost" : "", exclusive != 0 ? " exclusive" : "");
}
