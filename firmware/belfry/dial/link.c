#include "belfry/dial/link.h"

#include "hal/host/tty.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static const char *const why_names[DIAL_WHYS] = {
    [DIAL_WHY_NONE] = "",
    [DIAL_WHY_NAME] = "name-unknown",
    [DIAL_WHY_TLS] = "tls-failed",
    [DIAL_WHY_UNTRUSTED] = "certificate-untrusted",
    [DIAL_WHY_EXPIRED] = "certificate-not-valid-now",
    [DIAL_WHY_OTHER] = "certificate-of-another-name",
    [DIAL_WHY_PIN] = "certificate-not-the-pinned-one",
    [DIAL_WHY_CA] = "ca-file-unusable",
};

const char *
dial_why_name(enum dial_why why)
{
    return why_names[why];
}

/* As many texts as it says, and nothing behind them. */
static bool
texts_valid(const struct dial_message *m)
{
    unsigned texts = 0;

    for (size_t i = 0; i < m->len; i++) {
        texts += m->bytes[i] == '\0';
    }
#ifdef PLANT_DIALLINK
    return texts == m->texts;
#else
    return texts == m->texts && (m->len == 0 || m->bytes[m->len - 1] == '\0');
#endif
}

bool
dial_message_valid(const struct dial_message *m, size_t size)
{
    if (size < DIAL_HEAD || m->kind >= DIAL_KINDS || m->why >= DIAL_WHYS || m->len > DIAL_BYTES ||
            size != DIAL_HEAD + m->len || m->texts > DIAL_TEXTS) {
        return false;
    }
    if (m->kind == DIAL_SET) {
        return m->texts == 0 && m->len == sizeof(struct termios);
    }
    if (!texts_valid(m)) {
        return false;
    }
    switch (m->kind) {
    case DIAL_TCP:
    case DIAL_TLS:
        return m->texts == 3 && m->port != 0;
    case DIAL_COMMAND:
        return m->texts >= 2;
    case DIAL_PORT:
        return m->texts == 3 && m->serial.flow <= HAL_TTY_FLOW_XONXOFF;
    case DIAL_FAILED:
        return m->texts == 0 && m->error > 0;
    default: /* DIAL_END, DIAL_CLOSE, DIAL_CAME */
        return m->texts == 0;
    }
}

bool
dial_add_text(struct dial_message *m, const char *text)
{
    size_t size = strlen(text) + 1;

    if (m->texts == DIAL_TEXTS || size > sizeof m->bytes - m->len) {
        return false;
    }
    memcpy(m->bytes + m->len, text, size);
    m->len = (uint16_t)(m->len + size);
    m->texts++;
    return true;
}

const char *
dial_text(const struct dial_message *m, unsigned at)
{
    const char *text = m->bytes;

    while (at-- > 0) {
        text += strlen(text) + 1;
    }
    return text;
}

/* Room for one descriptor, aligned as CMSG_* wants it. */
union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int
dial_send(int fd, const struct dial_message *m, int pass)
{
    union control control = { .bytes = { 0 } };
    struct iovec part = { .iov_base = (void *)(uintptr_t)m, .iov_len = DIAL_HEAD + m->len };
    struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t n;

    if (pass >= 0) {
        struct cmsghdr *c;

        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof control.bytes;
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof pass);
        memcpy(CMSG_DATA(c), &pass, sizeof pass);
    }
    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int
dial_send_patiently(int fd, const struct dial_message *m, int pass)
{
    struct pollfd link = { .fd = fd, .events = POLLOUT };
    int error;

    while ((error = dial_send(fd, m, pass)) == -EAGAIN) {
        if (poll(&link, 1, PATIENCE_MS) <= 0) {
            return -EAGAIN;
        }
    }
    return error;
}

int
dial_receive(int fd, struct dial_message *m, int *passed)
{
    union control control;
    struct iovec part = { .iov_base = m, .iov_len = sizeof *m };
    struct msghdr msg = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        /* CMSG_SPACE() is room for two, and a second one would stay open. */
        .msg_controllen = CMSG_LEN(sizeof *passed) };
    ssize_t n;

    *passed = -1;
    do {
        n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -errno;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
                c->cmsg_len == CMSG_LEN(sizeof *passed)) {
            memcpy(passed, CMSG_DATA(c), sizeof *passed);
        }
    }
    return (int)n;
}
