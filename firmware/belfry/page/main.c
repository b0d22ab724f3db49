#include "belfry/beside.h"
#include "belfry/clock.h"
#include "belfry/page/ask.h"
#include "belfry/page/sandbox.h"
#include "belfry/page/serve.h"
#include "wire/line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16
#define PATIENCE_MS 1000
#define SOCKET_MODE 0660

static struct model model;
static struct ask ask;
static struct serve serve;

/* Nothing of belfry's but the link and standard error. */
static void
set_up(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)close_range(BESIDE_FD + 1, ~0U, 0);
    (void)prctl(PR_SET_NAME, "belfry-page");
    (void)signal(SIGPIPE, SIG_IGN);
    /* Belfry's end of the link is what ends us: signals to the whole group are not for us. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

/* One left over from an earlier life is replaced, nothing else is. */
static int
listen_unix(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct stat st;
    int fd;

    if (strlen(path) >= sizeof at.sun_path) {
        return -ENAMETOOLONG;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        (void)unlink(path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || chmod(path, SOCKET_MODE) != 0 ||
            listen(fd, BACKLOG) != 0) {
        return -errno;
    }
    return fd;
}

static int
listen_tcp(const char *address, const char *port)
{
    struct sockaddr_in six_less = { .sin_family = AF_INET };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    bool is_six = strchr(address, ':') != NULL;
    struct sockaddr *at = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&six_less;
    uint32_t number;
    int one = 1;
    int fd;

    if (!wire_decimal(port, strlen(port), &number) || number == 0 || number > UINT16_MAX) {
        return -EINVAL;
    }
    six_less.sin_port = htons((uint16_t)number);
    six.sin6_port = htons((uint16_t)number);
    if (is_six ? inet_pton(AF_INET6, address, &six.sin6_addr) != 1
               : inet_pton(AF_INET, address, &six_less.sin_addr) != 1) {
        return -EINVAL;
    }
    fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (fd < 0 || bind(fd, at, is_six ? sizeof six : sizeof six_less) != 0 || listen(fd, BACKLOG) != 0) {
        return -errno;
    }
    return fd;
}

/* What came from belfry. It ends, we end. */
static void
hear(void)
{
    static char text[65536];
    ssize_t n = recv(BESIDE_FD, text, sizeof text, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        exit(0);
    }
    if (n > 0 && !ask_take(&ask, text, (size_t)n)) {
        (void)fprintf(stderr, "belfry-page: belfry's answer makes no sense\n");
        exit(1);
    }
}

/* A request is short and the only one: it has room in the socket. */
static void
speak(void)
{
    char text[CTL_REQUEST_MAX];
    size_t len = ask_request(&ask, clock_ms(), text);

    if (len > 0 && send(BESIDE_FD, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len) {
        exit(0);
    }
    if (ask.bad) {
        (void)fprintf(stderr, "belfry-page: belfry does not answer\n");
        exit(1);
    }
}

_Noreturn static void
run(void)
{
    for (;;) {
        struct pollfd p[2] = {
            { .fd = BESIDE_FD, .events = POLLIN },
            { .fd = serve_fd(&serve), .events = POLLIN },
        };
        int64_t left = ask_due(&ask) - clock_ms();
        int most = left <= 0 ? 0 : left < PATIENCE_MS ? (int)left : PATIENCE_MS;

        (void)poll(p, 2, serve_patience(&serve, most));
        if (p[0].revents != 0) {
            hear();
        }
        speak();
        if (ask.rounds != serve.round) {
            serve_news(&serve, ask.rounds);
        }
        serve_run(&serve);
    }
}

int
main(int argc, char **argv)
{
    int kind = 0;
    socklen_t len = sizeof kind;
    int fd;

    if (getsockopt(BESIDE_FD, SOL_SOCKET, SO_TYPE, &kind, &len) != 0 || kind != SOCK_STREAM || argc < 2 ||
            argc > 3) {
        (void)fprintf(stderr, "belfry-page: started by belfry, for its Page line\n");
        return 2;
    }
    set_up();
    fd = argc == 3 ? listen_tcp(argv[1], argv[2]) : listen_unix(argv[1]);
    if (fd < 0) {
        (void)fprintf(stderr, "belfry-page: cannot listen for the status page: %s\n", strerror(-fd));
        return 2;
    }
    if (model_init(&model) != 0 || serve_start(&serve, fd, argc == 2, &model) != 0) {
        (void)fprintf(stderr, "belfry-page: cannot start\n");
        return 2;
    }
    sandbox_enter(BESIDE_FD + 1 + SERVE_CONNECTIONS + 16);
    ask_init(&ask, &model, clock_ms());
    run();
}
