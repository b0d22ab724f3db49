#include "proc/link.h"
#include "proc/role.h"
#include "sinks/sink.h"
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

/*
 * An opener: opens the device of one wire with the rights of the starter, hands the descriptor over and ends.
 * One that hangs in the kernel holds up its channel and nothing else.
 */

int
role_opener(struct role_self *self)
{
    struct control_message m = { .kind = CONTROL_OPENED, .role = ROLE_OPENER, .index = (uint8_t)self->index };
    struct sink sink;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    role_seal(self);
    if (self->index >= self->conf->channels || !sink_init(&sink, &self->conf->channel[self->index])) {
        return 2;
    }
    int fd = sink.ops->open(sink.channel);
    m.value = fd < 0 ? -fd : 0;
    return (fd < 0 ? link_send(ROLE_FD_LINK, &m, sizeof(m))
                   : link_send_fd(ROLE_FD_LINK, &m, sizeof(m), fd)) == 0
                   ? 0
                   : 1;
}
