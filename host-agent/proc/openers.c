#include "proc/openers.h"
#include "conf/conf.h"
#include "conf/name.h"
#include "proc/link.h"
#include "proc/spawn.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define LEAST_MS 50 /* from one to the next, whatever a wire asks for */

static struct {
    pid_t pid; /* 0: none */
    int64_t began_ms;
} opener[CONF_CHANNELS];

static pid_t
start(const struct openers_order *order, const int link[2])
{
    const struct control_message m = {
        .kind = CONTROL_OPENER, .role = ROLE_OPENER, .index = (uint8_t)order->channel
    };
    const struct spawn_order spawned = { .name = name_program(),
        .role = ROLE_OPENER,
        .index = order->channel,
        .program = order->program,
        /* In the place of the warden's link is the wire's: it has nothing to say to the warden. */
        .fds = { link[1], order->conf, link[1], -1, -1 } };
    int error = link_send_fd(order->wire, &m, sizeof(m), link[0]);

    return error < 0 ? error : spawn_role(&spawned);
}

int
openers_start(const struct openers_order *order, int64_t now_ms)
{
    int link[2];

    if (order->channel >= CONF_CHANNELS || now_ms - opener[order->channel].began_ms < LEAST_MS) {
        return -EAGAIN;
    }
    if (opener[order->channel].pid > 1) {
        kill(opener[order->channel].pid, SIGKILL);
        return -EBUSY;
    }
    int error = link_pair(link);
    if (error < 0) {
        return error;
    }
    pid_t pid = start(order, link);
    close(link[0]);
    close(link[1]);
    opener[order->channel].pid = pid > 0 ? pid : 0;
    opener[order->channel].began_ms = now_ms;
    return pid > 0 ? 0 : pid;
}

bool
openers_ended(pid_t pid)
{
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        if (opener[i].pid == pid) {
            opener[i].pid = 0;
            return true;
        }
    }
    return false;
}

void
openers_kill(void)
{
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        if (opener[i].pid > 1) {
            kill(opener[i].pid, SIGKILL);
        }
    }
}
