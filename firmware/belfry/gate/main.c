#include "belfry/gate/gate.h"
#include "belfry/nobody.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct gate gate;

static void
limit(int what, rlim_t most)
{
    struct rlimit r = { .rlim_cur = most, .rlim_max = most };

    (void)setrlimit(what, &r);
}

/* Nothing of belfry's but the link and standard error, and nothing that a process of ours does not need. */
static void
set_up(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)close_range(GATE_FD + 1, ~0U, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, GATE_PEERS + 64);
    (void)prctl(PR_SET_NAME, "belfry-gate");
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    /* Belfry's end of the link is what ends us: signals to the whole group are not for us. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

static bool
read_arguments(int argc, char **argv)
{
    if (argc < 3 || argc % 2 != 1 || (unsigned)argc / 2 > GATE_LISTENS) {
        return false;
    }
    for (int i = 1; i < argc; i += 2) {
        uint32_t port;

        if (!wire_decimal(argv[i + 1], strlen(argv[i + 1]), &port) || port > UINT16_MAX) {
            return false;
        }
        gate.listener[gate.listeners++] =
                (struct listener){ .address = argv[i], .port = (uint16_t)port, .fd = -1 };
    }
    return true;
}

int
main(int argc, char **argv)
{
    int kind = 0;
    socklen_t len = sizeof kind;

    if (getsockopt(GATE_FD, SOL_SOCKET, SO_TYPE, &kind, &len) != 0 || kind != SOCK_SEQPACKET ||
            !read_arguments(argc, argv)) {
        (void)fprintf(stderr, "belfry-gate: started by belfry, for its Listen lines\n");
        return 2;
    }
    set_up();
    if (tls_start() != 0) {
        (void)fprintf(stderr, "belfry-gate: this OpenSSL has no TLS 1.3 with X25519\n");
        return 2;
    }
    gate_start(&gate);
    (void)nobody_become(); /* what others may not open is open */
    gate_run(&gate);
}
