#include "support/check.h"

#include "belfry/page/serve.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW INT64_C(1790000000000)

static struct model model;
static struct serve serve;

static void
status(int64_t now_ms, const char *const *names)
{
    char line[200];

    model_begin(&model, MODEL_STATUS);
    (void)snprintf(
            line, sizeof line, "belfry\t0.1.0\t4711\t%lld\t0\t0\t0\t%lld", (long long)NOW, (long long)now_ms);
    model_take(&model, MODEL_STATUS, line);
    for (; *names != NULL; names++) {
        (void)snprintf(line, sizeof line, "line\t%s\tserial\tup\t0\t100\t%lld\t0\t0", *names, (long long)NOW);
        model_take(&model, MODEL_STATUS, line);
    }
    model_end(&model, MODEL_STATUS);
}

/* A socket on a port of the kernel's choice. */
static int
listen_somewhere(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    CHECK(bind(fd, (struct sockaddr *)at, sizeof *at) == 0 && listen(fd, 4) == 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)at, &len), 0);
    return fd;
}

/* What the page answers, with its head. */
static void
get(const struct sockaddr_in *at, const char *path, char *out, size_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char request[200];
    size_t len = 0;
    int n = snprintf(
            request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);

    CHECK_INT(connect(fd, (const struct sockaddr *)at, sizeof *at), 0);
    CHECK_INT(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
    for (int i = 0; i < 20000; i++) {
        ssize_t got;

        serve_run(&serve);
        got = recv(fd, out + len, size - 1 - len, MSG_DONTWAIT);
        if (got == 0) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
        (void)usleep(got > 0 ? 0 : 100);
    }
    out[len] = '\0';
    (void)close(fd);
}

static void
a_line_that_is_gone_is_in_no_page_before_the_next_round_either(void)
{
    static const char *const three[] = { "one", "two", "three", NULL };
    static const char *const two[] = { "one", "two", NULL };
    static char text[65536];
    struct sockaddr_in at;
    int fd = listen_somewhere(&at);

    CHECK_INT(model_init(&model), 0);
    CHECK_INT(serve_start(&serve, fd, false, &model), 0);
    status(NOW, three);
    serve_news(&serve, 1);
    get(&at, "/?refresh=5", text, sizeof text);
    CHECK(strstr(text, "/t/three") != NULL);
    status(NOW + 2000, two); /* its past is freed; the hosts, and so the round, come later */
    get(&at, "/?refresh=5", text, sizeof text);
    CHECK(strstr(text, "200 OK") != NULL);
    CHECK(strstr(text, "/t/two") != NULL);
    CHECK(strstr(text, "/t/three") == NULL);
    get(&at, "/t/three", text, sizeof text);
    CHECK(strstr(text, "404") != NULL);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK_RUN(a_line_that_is_gone_is_in_no_page_before_the_next_round_either);
    return check_result();
}
