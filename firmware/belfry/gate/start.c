#include "belfry/gate/start.h"

#include "belfry/clock.h"
#include "belfry/gate/link.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#define PROGRAM "belfry-gate"
#define ARGUMENTS (2 + 2 * CONF_LISTENS)

int
gate_process_start(struct beside *p, const struct conf *conf)
{
    static char text[CONF_LISTENS][2][CONF_ADDRESS];
    static char name[] = PROGRAM;
    char *argv[ARGUMENTS] = { name };

    for (unsigned i = 0; i < conf->listens; i++) {
        (void)snprintf(text[i][0], sizeof text[i][0], "%s", conf->listen[i].address);
        (void)snprintf(text[i][1], sizeof text[i][1], "%u", conf->listen[i].port);
        argv[1 + 2 * i] = text[i][0];
        argv[2 + 2 * i] = text[i][1];
    }
    return beside_start(p, PROGRAM, argv, SOCK_SEQPACKET);
}

void
gate_process_stop(struct beside *p, int patience_ms)
{
    static struct gate_message m;
    int64_t until_ms = clock_ms() + patience_ms;

    while (p->fd >= 0 && clock_ms() < until_ms) {
        struct pollfd link = { .fd = p->fd, .events = POLLIN };

        (void)poll(&link, 1, (int)(until_ms - clock_ms()));
        if (link.revents != 0 && gate_receive(p->fd, &m) <= 0) {
            break;
        }
    }
    beside_stop(p);
}
