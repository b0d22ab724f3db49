#include "watch/socktable.h"
#include "watch/procfs.h"
#include "watch/sockdiag.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define DUMP_TRIES 3
#define PROTOCOLS 16384

void
socktable_refresh(struct socktable *t)
{
    char name[64];
    char text[PROTOCOLS];

    snprintf(name, sizeof(name), "%s/protocols", t->text.net);
    ssize_t len = procfs_read(t->text.proc, name, text, sizeof(text));
    bool has = len > 0 && procnet_has(text, (size_t)len, "AF_VSOCK");

    t->retry = has;
    if (!has) {
        t->vsock = SOCKTABLE_VSOCK_ABSENT;
    } else if (t->vsock == SOCKTABLE_VSOCK_ABSENT) {
        t->vsock = SOCKTABLE_VSOCK_LISTED;
    }
}

void
socktable_open(struct socktable *t, int proc, const char *net)
{
    *t = (struct socktable){ .text = { .proc = proc, .net = net }, .diag = sockdiag_open() };
}

void
socktable_close(struct socktable *t)
{
    if (t->diag >= 0) {
        close(t->diag);
    }
    t->diag = -EBADF;
    procnet_close(&t->text);
}

static int
dump_diag(struct socktable *t, enum conf_proto proto, struct sockets *out)
{
    int error = t->diag;

    for (int i = 0; t->diag >= 0 && i < DUMP_TRIES; i++) {
        error = sockdiag_dump(t->diag, proto, out);
        if (error != -EAGAIN) {
            break;
        }
    }
    return error;
}

static int
dump_vsock(struct socktable *t, struct sockets *out)
{
    int error;

    if (t->vsock == SOCKTABLE_VSOCK_ABSENT || (t->vsock == SOCKTABLE_VSOCK_UNLISTED && !t->retry)) {
        sockets_clear(out);
        return 0;
    }
    error = dump_diag(t, CONF_VSOCK, out);
    t->retry = false;
    if (error == 0) {
        t->vsock = SOCKTABLE_VSOCK_LISTED;
    } else if (error != -EAGAIN) {
        sockets_clear(out);
        t->vsock = SOCKTABLE_VSOCK_UNLISTED;
        error = 0;
    }
    return error;
}

int
socktable_dump(struct socktable *t, enum conf_proto proto, struct sockets *out)
{
    if (proto == CONF_VSOCK) {
        return dump_vsock(t, out);
    }
    if (proto == CONF_TCP || proto == CONF_UDP) {
        int error = dump_diag(t, proto, out);

        t->text_only &= ~(1u << proto);
        if (error == 0) {
            return 0;
        }
        t->text_only |= error != -EAGAIN ? 1u << proto : 0;
    }
    return procnet_dump(&t->text, proto, out);
}
