#include "belfry/ctl/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int patience_ms = 3 * CTL_PATIENCE_MS; /* others may be before us */

void
client_patience(int ms)
{
    patience_ms = ms;
}

static int
receive(int fd, struct client_answer *out)
{
    out->len = 0;
    for (;;) {
        ssize_t n = recv(fd, out->text + out->len, CTL_ANSWER_MAX - out->len, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0 || out->len + (size_t)n == CTL_ANSWER_MAX) {
            break;
        }
        out->len += (size_t)n;
    }
    if (out->len < 4 || memcmp(out->text + out->len - 4, "end\n", 4) != 0) {
        return -EPROTO;
    }
    out->len -= 4;
    out->text[out->len] = '\0';
    return 0;
}

int
client_ask(const struct conf *conf, const struct ctl_request *request, struct client_answer *out)
{
    char text[CTL_REQUEST_MAX];
    size_t len = ctl_compose(request, text);
    int fd = ctl_connect(conf, patience_ms);
    int r;

    if (fd < 0) {
        return fd == -ENOENT ? -ECONNREFUSED : fd;
    }
    r = send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len ? receive(fd, out) : -errno;
    (void)close(fd);
    return r;
}

int
client_each(const struct conf *conf, struct ctl_request *request, client_line_fn *fn, void *to)
{
    static struct client_answer answer;
    int64_t next;

    do {
        char *line = answer.text;
        int r = client_ask(conf, request, &answer);

        if (r != 0) {
            return r;
        }
        next = 0;
        while (*line != '\0') {
            char *after = client_next(line);

            if (strncmp(line, "more\t", 5) == 0) {
                next = strtoll(line + 5, NULL, 10);
            } else {
                line[strcspn(line, "\n")] = '\0';
                fn(to, line);
            }
            line = after;
        }
        if (next != 0 && next <= request->from) {
            return -EPROTO; /* it would never end */
        }
        request->from = next;
    } while (next != 0);
    return 0;
}
