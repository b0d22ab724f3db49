/* Serial ports whose devices hang: each costs its own line, and no other waits. */
#include "support/check.h"

#include "belfry/line/line.h"

#include "hal/host/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PORTS 20
#define TRIES 12000 /* of 5 ms */

struct port {
    int master;
    unsigned number; /* of the pseudo-terminal */
    char name[64];
    struct conf_line conf;
    struct line line;
    uint64_t resets;
    char got[64];
    size_t len;
};

static char dir[64];
static struct port port[PORTS];
static int64_t now_ms = 1000;
static int epoll_fd;

static void
hold(const char *what, const struct port *p, bool on)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s-%u", dir, what, p->number);
    if (on) {
        CHECK_INT(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
    } else {
        CHECK_INT(unlink(path), 0);
    }
}

static void
make(struct port *p)
{
    struct stat st;

    memset(p, 0, sizeof *p);
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    CHECK(grantpt(p->master) == 0 && unlockpt(p->master) == 0 &&
            ptsname_r(p->master, p->name, sizeof p->name) == 0);
    CHECK_INT(stat(p->name, &st), 0);
    p->number = minor(st.st_rdev);
    p->conf.kind = CONF_SERIAL;
    p->conf.path = p->name;
    p->conf.options.baud = 115200;
    memcpy(p->conf.options.frame, "8n1", 4);
    (void)snprintf(p->conf.name, sizeof p->conf.name, "p%u", p->number);
    line_init(&p->line, &p->conf, now_ms);
    p->line.epoll = epoll_fd;
}

static void
make_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        make(&port[i]);
    }
}

static void
end_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        line_close(&port[i].line);
        (void)close(port[i].master);
    }
}

/* One look at a line, as belfry's loop does it. */
static enum line_change
serve(struct port *p)
{
    uint8_t slice[LINE_SLICE];
    enum line_change change;
    size_t n = 0;

    if (!p->line.up) {
        return line_open_if_due(&p->line, now_ms);
    }
    change = line_read(&p->line, slice, true, now_ms, &n);
    p->resets += (p->line.events.what & 1U << TRANSCRIPT_RESET) != 0;
    for (size_t i = 0; i < n && p->len < sizeof p->got; i++) {
        p->got[p->len++] = (char)slice[i];
    }
    return change;
}

static void
turn(unsigned count)
{
    (void)poll(NULL, 0, 5);
    now_ms += 5;
    for (unsigned i = 0; i < count; i++) {
        (void)serve(&port[i]);
    }
}

static bool
all_up(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        if (!port[i].line.up) {
            return false;
        }
    }
    return true;
}

/* The first `held` of them hang in open(2). */
static void
open_beside(unsigned held)
{
    make_all(PORTS);
    for (unsigned i = 0; i < held; i++) {
        hold("open", &port[i], true);
    }
    for (int tries = 0; tries < TRIES && !all_up(held, PORTS); tries++) {
        turn(PORTS);
    }
    CHECK(all_up(held, PORTS));
    for (unsigned i = 0; i < held; i++) {
        CHECK(!port[i].line.up);
    }
}

static void
ports_that_hang_in_open_hold_no_other_and_open_when_they_are_well(void)
{
    open_beside(PORTS - 3);
    for (unsigned i = 0; i < PORTS - 3; i++) {
        hold("open", &port[i], false);
    }
    for (int tries = 0; tries < TRIES && !all_up(0, PORTS); tries++) {
        turn(PORTS);
    }
    CHECK(all_up(0, PORTS));
    end_all(PORTS);
}

static void
a_port_that_hangs_in_open_is_told_as_lost_and_asked_no_second_time_meanwhile(void)
{
    struct port *p = &port[0];
    enum line_change change = LINE_SAME;

    make(p);
    hold("open", p, true);
    for (int tries = 0; tries < TRIES && change == LINE_SAME; tries++) {
        (void)poll(NULL, 0, 5);
        now_ms += 50;
        change = serve(p);
    }
    CHECK_INT(change, LINE_WENT);
    CHECK_INT(p->line.error, ETIMEDOUT);
    for (int tries = 0; tries < TRIES && p->line.error != EBUSY; tries++) {
        turn(1);
    }
    CHECK_INT(p->line.error, EBUSY);
    hold("open", p, false);
    for (int tries = 0; tries < TRIES && !p->line.up; tries++) {
        turn(1);
        dial_tick(now_ms);
    }
    CHECK(p->line.up);
    end_all(1);
}

static void
a_port_that_hangs_in_close_holds_nobody_and_is_closed_when_it_is_well(void)
{
    struct port *p = &port[0];
    struct epoll_event event = { .events = EPOLLIN };

    make_all(2);
    for (int tries = 0; tries < TRIES && !all_up(0, 2); tries++) {
        turn(2);
    }
    CHECK(all_up(0, 2));
    CHECK_INT(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, line_fd(&p->line), &event), 0);
    hold("close", p, true);
    line_close(&p->line);
    CHECK_INT(write(p->master, "x", 1), 1);
    CHECK_INT(epoll_wait(epoll_fd, &event, 1, 0), 0);
    CHECK_INT(write(port[1].master, "served", 6), 6);
    for (int tries = 0; tries < TRIES && port[1].len < 6; tries++) {
        (void)serve(&port[1]);
        (void)poll(NULL, 0, 1);
    }
    CHECK_MEM(port[1].got, "served", 6);
    hold("close", p, false);
    line_init(&p->line, &p->conf, now_ms);
    p->line.epoll = epoll_fd;
    for (int tries = 0; tries < TRIES && !p->line.up; tries++) {
        turn(2);
    }
    CHECK(p->line.up);
    end_all(2);
}

static void
a_port_that_hangs_while_its_settings_are_put_back_is_left_alone_and_lost(void)
{
    struct port *p = &port[0];
    int64_t begun_ms;
    int other;

    make_all(2);
    for (int tries = 0; tries < TRIES && !all_up(0, 2); tries++) {
        turn(2);
    }
    CHECK(all_up(0, 2));
    turn(2);
    other = open(p->name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    hold("set", p, true);
    CHECK_INT(hal_tty_raw(other, 9600, "8n1"), 0);
    for (int tries = 0; tries < TRIES && p->line.is.port.call == 0; tries++) {
        turn(2);
    }
    CHECK(p->line.up);
    CHECK_INT(line_fd(&p->line), -1);
    CHECK_INT(line_write(&p->line, (const uint8_t *)"x", 1), 0);
    begun_ms = now_ms;
    for (int tries = 0; tries < TRIES && p->line.up; tries++) {
        turn(2);
    }
    CHECK(!p->line.up);
    CHECK_INT(p->line.error, ETIMEDOUT);
    CHECK(now_ms - begun_ms < 3000);
    CHECK(port[1].line.up);
    (void)close(other);
    hold("set", p, false);
    for (int tries = 0; tries < TRIES && !p->line.up; tries++) {
        turn(2);
        dial_tick(now_ms);
    }
    CHECK(p->line.up);
    end_all(2);
}

int
main(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/belfry-ports-%ld", (long)getpid());
    if (mkdir(dir, 0700) != 0) {
        return 1;
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK_RUN(ports_that_hang_in_open_hold_no_other_and_open_when_they_are_well);
    CHECK_RUN(a_port_that_hangs_in_open_is_told_as_lost_and_asked_no_second_time_meanwhile);
    CHECK_RUN(a_port_that_hangs_in_close_holds_nobody_and_is_closed_when_it_is_well);
    CHECK_RUN(a_port_that_hangs_while_its_settings_are_put_back_is_left_alone_and_lost);
    dial_stop();
    (void)rmdir(dir);
    return check_result();
}
