#include "alarm/clock.h"
#include "proc/link.h"
#include "proc/role.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A wire as a process of its own. Its warden, its openers and the core are this program. */
#define WAIT_MS 20000
#define FDS 5
#define ALIVE_MS 1000

static struct conf conf = { .channels = 1, .channel = { { .scheme = "file", .device = "/dev/full" } } };
static pid_t pid;
static int control = -1;
static int core = -1;
static int pulse = -1;
static struct wire_message said; /* the last one */

/* The descriptors where a role finds them. */
static void
run_wire(const int fds[FDS])
{
    struct role_self self = { .role = ROLE_WIRE, .conf = &conf };
    int moved[FDS] = { 0 };

    for (int i = 0; i < FDS; i++) {
        moved[i] = fcntl(fds[i], F_DUPFD, 100);
    }
    for (int i = 0; i < FDS; i++) {
        dup2(moved[i], ROLE_FD_CONTROL + i);
        close(moved[i]);
    }
    for (int fd = ROLE_FD_CONTROL + FDS; fd < 30; fd++) {
        close(fd);
    }
    signal(SIGPIPE, SIG_IGN);
    _exit(role_wire(&self));
}

static void
begin(void)
{
    int warden_link[2] = { -1, -1 };
    int core_link[2] = { -1, -1 };

    CHECK(link_pair(warden_link) == 0 && link_pair(core_link) == 0);
    pulse = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    pid = fork();
    if (pid == 0) {
        run_wire((const int[FDS]){ warden_link[1], core_link[1], core_link[1], core_link[1], pulse });
    }
    CHECK(pid > 0);
    close(warden_link[1]);
    close(core_link[1]);
    control = warden_link[0];
    core = core_link[0];
}

static void
end(void)
{
    const struct control_message stop = { .kind = CONTROL_STOP };
    int status = -1;

    link_send(control, &stop, sizeof(stop));
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    close(control);
    close(core);
    close(pulse);
}

static void
tell_core_lives(void)
{
    static int64_t told_ms;
    const struct line_message alive = { .kind = LINE_CORE_ALIVE };

    if (clock_boot_ms() - told_ms >= ALIVE_MS) {
        told_ms = clock_boot_ms();
        link_send(core, &alive, sizeof(alive));
    }
}

/* Until it asks for its device. When it did; 0 when it never does. */
static int64_t
asks(void)
{
    struct control_message m;

    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; poll(NULL, 0, 1)) {
        tell_core_lives();
        while (link_receive(control, &m, sizeof(m)) > 0) {
            if (m.kind == CONTROL_OPEN) {
                return clock_boot_ms();
            }
        }
    }
    return 0;
}

static void
give(int fd)
{
    const struct control_message opener = { .kind = CONTROL_OPENER, .role = ROLE_OPENER };
    const struct control_message opened = { .kind = CONTROL_OPENED, .role = ROLE_OPENER };
    int pair[2] = { -1, -1 };

    CHECK(fd >= 0);
    CHECK_INT(link_pair(pair), 0);
    CHECK_INT(link_send_fd(control, &opener, sizeof(opener), pair[0]), 0);
    CHECK_INT(link_send_fd(pair[1], &opened, sizeof(opened), fd), 0);
    close(pair[0]);
    close(pair[1]);
    close(fd);
}

static bool
says(enum wire_kind kind)
{
    union {
        struct wire_message message;
        struct wire_status status;
    } m;

    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; poll(NULL, 0, 1)) {
        ssize_t n;

        tell_core_lives();
        while ((n = link_receive(core, &m, sizeof(m))) > 0) {
            if (message_wire_valid(&m, (size_t)n) && m.message.kind == kind) {
                said = m.message;
                return true;
            }
        }
    }
    return false;
}

static void
write_line(uint32_t number)
{
    struct line_message m = { .kind = LINE_WRITE, .number = number, .len = 4, .bytes = "line" };

    CHECK_INT(link_send(core, &m, sizeof(m)), 0);
}

static int
full(void)
{
    return open("/dev/full", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

/* From one failure of a device that opens and takes nothing to the next time that it is asked for. */
static int64_t
wait_of_one_that_fails(unsigned times)
{
    int64_t waited_ms = 0;

    while (times-- > 0) {
        int64_t gave_ms = clock_boot_ms();

        give(full());
        waited_ms = asks() - gave_ms;
    }
    return waited_ms;
}

static void
a_device_that_opens_and_fails_is_opened_ever_later_until_a_line_was_out(void)
{
    int ends[2] = { -1, -1 };

    begin();
    CHECK(asks() > 0);
    int64_t waited_ms = wait_of_one_that_fails(5);
    CHECK(waited_ms >= 1500);
    CHECK(says(WIRE_SAYS_LOST) && said.value == ENOSPC);

    CHECK_INT(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    give(ends[1]);
    CHECK(says(WIRE_SAYS_READY));
    write_line(7);
    CHECK(says(WIRE_SAYS_DONE) && said.number == 7);
    close(ends[0]);
    write_line(8);
    CHECK(says(WIRE_SAYS_LOST) && said.value == EPIPE);
    CHECK(asks() > 0);
    CHECK(wait_of_one_that_fails(1) < waited_ms);
    end();
}

int
main(void)
{
    CHECK_RUN(a_device_that_opens_and_fails_is_opened_ever_later_until_a_line_was_out);
    return check_result();
}
