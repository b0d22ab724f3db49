#include "belfry/gate/link.h"

#include "belfry/gate/split.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const char *const how_names[GATE_HOWS] = {
    [GATE_FIN] = "fin",
    [GATE_CUT] = "cut",
    [GATE_RESET] = "reset",
    [GATE_TIMEOUT] = "timeout",
    [GATE_FORM] = "form",
    [GATE_LIMIT] = "limit",
    [GATE_ASKED] = "asked",
};

const char *
gate_how_name(enum gate_how how)
{
    return how_names[how];
}

static bool
text_valid(const uint8_t *src, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (src[i] < 0x20 || src[i] > 0x7E) {
            return false;
        }
    }
    return len > 0;
}

static bool
host_valid(const struct gate_message *m)
{
    size_t len = strnlen(m->host, sizeof m->host);

    return len < sizeof m->host && wire_host_valid(m->host, len);
}

/* Whole lines and nothing else, `count` of them. */
static bool
lines_valid(const struct gate_message *m)
{
    struct gate_split s;

    return gate_split((const char *)m->bytes, m->len, GATE_BYTES, &s) && s.lines > 0 && s.used == m->len &&
           s.lines == m->count;
}

bool
gate_message_valid(const struct gate_message *m, size_t size)
{
    if (size < GATE_HEAD || m->kind >= GATE_KINDS || m->how >= GATE_HOWS || m->len > GATE_BYTES ||
            size != GATE_HEAD + m->len) {
        return false;
    }
    switch (m->kind) {
    case GATE_LISTENING:
    case GATE_REFUSED:
        return m->count < GATE_LISTENS && m->len < GATE_PEER && text_valid(m->bytes, m->len);
    case GATE_WHO:
        return host_valid(m) && m->len == 0;
    case GATE_UP:
#ifdef PLANT_GATELINK
        return host_valid(m) && m->len > GATE_EXPORT &&
               text_valid(m->bytes + GATE_EXPORT, m->len - GATE_EXPORT);
#else
        return host_valid(m) && m->len > GATE_EXPORT && m->len < GATE_EXPORT + GATE_PEER &&
               text_valid(m->bytes + GATE_EXPORT, m->len - GATE_EXPORT);
#endif
    case GATE_LINES:
    case GATE_SAY:
        return lines_valid(m);
    case GATE_COUNTS:
        return m->len == sizeof(struct gate_counts);
    case GATE_KEY:
        return m->len == 0 || m->len == WIRE_KEY_SIZE;
    default: /* GATE_DOWN, GATE_TAKEN, GATE_CLOSE, GATE_STOP */
        return m->len == 0;
    }
}

int
gate_send(int fd, const struct gate_message *m)
{
    ssize_t n;

    do {
        n = send(fd, m, GATE_HEAD + m->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int
gate_receive(int fd, struct gate_message *m)
{
    ssize_t n;

    do {
        n = recv(fd, m, sizeof *m, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int)n;
}
