#include "attack.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

/*
 * Against a channel of the agent, a pseudo-terminal of its own: unplugged, held by somebody else, set another
 * way.
 */
#define BACK_MS 15000

static pid_t holder; /* of the other end */
static size_t before;

bool
attack_cable_begin(void)
{
    char made[1];
    int done[2];

    if (pipe2(done, O_CLOEXEC) < 0) {
        return false;
    }
    holder = fork();
    if (holder == 0) {
        char block[512];
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        unlink(ATTACK_CABLE);
        if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
                symlink(ptsname(master), ATTACK_CABLE) < 0 || write(done[1], "", 1) != 1) {
            _exit(1);
        }
        /* Nobody but the agent has the other end open, so a read fails while it has it closed. */
        for (;;) {
            if (read(master, block, sizeof(block)) <= 0) {
                poll(NULL, 0, 20);
            }
        }
    }
    close(done[1]);
    bool good = holder > 1 && read(done[0], made, 1) == 1;
    close(done[0]);
    return good;
}

void
attack_cable_end(void)
{
    net_stop(&holder, SIGKILL);
}

static bool
unplug(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    attack_cable_end();
    return true;
}

static bool
plug_in(const struct attack_row *row)
{
    (void)row;
    return attack_cable_begin() && attack_wait(before, "channel.back", ATTACK_CABLE, BACK_MS);
}

static pid_t intruder;

/* Opens it and keeps it. */
static bool
hold(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    intruder = fork();
    if (intruder == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open(ATTACK_CABLE, O_RDWR | O_NOCTTY | O_CLOEXEC);
        while (true) {
            poll(NULL, 0, fd >= 0 ? -1 : 1000);
        }
    }
    return intruder > 1;
}

static bool
leave(const struct attack_row *row)
{
    (void)row;
    net_stop(&intruder, SIGKILL);
    return attack_wait(before, "channel.back", ATTACK_CABLE, BACK_MS);
}

/* So that it eats and changes what is written. */
static bool
garble(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return attack_do("stty -F " ATTACK_CABLE " opost olcuc echo icanon");
}

static bool
is_right_again(const struct attack_row *row)
{
    struct termios t = { .c_oflag = OPOST };
    int fd = open(ATTACK_CABLE, O_RDWR | O_NOCTTY | O_CLOEXEC);

    (void)row;
    bool right = fd >= 0 && tcgetattr(fd, &t) == 0 && (t.c_oflag & OPOST) == 0 && (t.c_lflag & ECHO) == 0;
    if (fd >= 0) {
        close(fd);
    }
    net_listen(&attack_ground, 1000);
    return right;
}

const struct attack_row attack_on_channel[] = {
    { .name = "unplug a serial line",
            .limit_ms = 2000,
            .strike = unplug,
            .heal = plug_in,
            .code = "channel.lost",
            .detail = ATTACK_CABLE },
    { .name = "hold a serial line",
            .limit_ms = 5000,
            .strike = hold,
            .heal = leave,
            .code = "channel.tampered",
            .detail = "what=opener" },
    { .name = "set a serial line anew",
            .limit_ms = 2000,
            .strike = garble,
            .heal = is_right_again,
            .code = "channel.tampered",
            .detail = "what=flags" },
    { .name = NULL },
};
