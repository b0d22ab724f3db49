#include "belfry/dial/call.h"
#include "belfry/dial/command.h"
#include "belfry/nobody.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct dial_message message;
static bool commands; /* this process is the one for commands */
static bool stopped;

static void
set_up(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct rlimit limit;

    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)close_range(DIAL_FD + 1, ~0U, 0);
    (void)fcntl(DIAL_FD, F_SETFD, FD_CLOEXEC);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    limit = (struct rlimit){ 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &limit);
    (void)prctl(PR_SET_NAME, "belfry-dial");
    (void)signal(SIGPIPE, SIG_IGN);
    /* Belfry's end of the link is what ends us: signals to the whole group are not for us. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

/* What talks to the network needs no rights; a command runs as belfry does, with its files and keys. */
static void
confine(void)
{
    struct rlimit none = { 0, 0 };

    if (commands) {
        return;
    }
    (void)setrlimit(RLIMIT_FSIZE, &none);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)nobody_become();
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void
obey(int passed)
{
    switch (message.kind) {
    case DIAL_TCP:
    case DIAL_TLS:
        if (!commands) {
            call_begin(&message, passed);
            return;
        }
        break;
    case DIAL_COMMAND:
        if (commands) {
            command_begin(&message);
        }
        break;
    case DIAL_END:
        call_end(message.number);
        command_end(message.number);
        break;
    default:
        break;
    }
    if (passed >= 0) {
        (void)close(passed);
    }
}

static void
on_link(struct watch *w, uint32_t events)
{
    int passed;
    int n = dial_receive(w->fd, &message, &passed);

    (void)events;
    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0 || !dial_message_valid(&message, (size_t)n)) {
        stopped = true;
        return;
    }
    obey(passed);
}

static void
serve(void)
{
    int64_t tick_ms = 0;

    while (!stopped) {
        loop_turn();
        if (loop_now_ms() >= tick_ms) {
            tick_ms = loop_now_ms() + LOOP_SECOND_MS;
            call_tick();
            command_tick();
        }
        call_sweep();
        command_sweep();
    }
}

int
main(int argc, char **argv)
{
    static struct watch link;
    int kind = 0;
    socklen_t len = sizeof kind;

    if (getsockopt(DIAL_FD, SOL_SOCKET, SO_TYPE, &kind, &len) != 0 || kind != SOCK_SEQPACKET || argc != 2) {
        (void)fprintf(stderr, "belfry-dial: started by belfry, for its tcp, telnet, tls and command lines\n");
        return 2;
    }
    commands = strcmp(argv[1], "commands") == 0;
    set_up();
    if (loop_init() != 0 || (!commands && tls_init() != 0) ||
            loop_add(&link, DIAL_FD, EPOLLIN, on_link) != 0) {
        (void)fprintf(stderr, "belfry-dial: cannot start\n");
        return 2;
    }
    resolve_init(call_resolved);
    confine();
    serve();
    command_end_all();
    return 0;
}
