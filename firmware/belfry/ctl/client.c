#include "belfry/ctl/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    int fd = ctl_connect(conf);
    int r;

    if (fd < 0) {
        return fd == -ENOENT ? -ECONNREFUSED : fd;
    }
    r = send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len ? receive(fd, out) : -errno;
    (void)close(fd);
    return r;
}

char *
client_next(char *text)
{
    char *nl = strchr(text, '\n');

    return nl != NULL ? nl + 1 : text + strlen(text);
}

unsigned
client_fields(char *text, char **field, unsigned most)
{
    static char empty[1] = "";
    unsigned count = 0;

    text[strcspn(text, "\n")] = '\0';
    while (text != NULL) {
        char *tab = strchr(text, '\t');

        if (tab != NULL) {
            *tab = '\0';
        }
        if (count < most) {
            field[count] = text;
        }
        count++;
        text = tab != NULL ? tab + 1 : NULL;
    }
    for (unsigned i = count; i < most; i++) {
        field[i] = empty;
    }
    return count;
}
