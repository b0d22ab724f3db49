#include "watch/procnet.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_UNCONNECTED 7
#define STATE_LISTEN 10
#define BUFFER 16384

struct cursor {
    const char *at;
    const char *end;
    bool bad; /* sticks */
};

static void
skip_blanks(struct cursor *c)
{
    while (c->at < c->end && *c->at == ' ') {
        c->at++;
    }
}

static void
skip_word(struct cursor *c)
{
    skip_blanks(c);
    while (c->at < c->end && *c->at != ' ') {
        c->at++;
    }
}

/* Exactly `digits` of hexadecimal. */
static uint32_t
take_hex(struct cursor *c, unsigned digits)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < digits; i++) {
#ifdef PLANT_PROCNET
        char h = c->bad ? '0' : *c->at;
#else
        char h = c->bad || c->at == c->end ? '\0' : *c->at;
#endif
        uint32_t digit = h >= '0' && h <= '9'   ? (uint32_t)(h - '0')
                         : h >= 'A' && h <= 'F' ? (uint32_t)(h - 'A' + 10)
                                                : 16;

        if (digit == 16) {
            c->bad = true;
            return 0;
        }
        n = n << 4 | digit;
        c->at++;
    }
    return n;
}

static void
take_char(struct cursor *c, char wanted)
{
    if (c->bad || c->at == c->end || *c->at != wanted) {
        c->bad = true;
        return;
    }
    c->at++;
}

static uint64_t
take_number(struct cursor *c, uint64_t max)
{
    uint64_t n = 0;

    skip_blanks(c);
    if (c->bad || !procfs_decimal(&c->at, c->end, max, &n)) {
        c->bad = true;
        return 0;
    }
    return n;
}

/* The kernel prints an address as 32-bit words in the machine's own order. */
static void
take_address(struct cursor *c, uint8_t family, uint8_t out[16])
{
    unsigned words = family == AF_INET ? 1 : 4;

    for (unsigned i = 0; i < words; i++) {
        uint32_t word = take_hex(c, 8);

        memcpy(out + (size_t)i * sizeof(word), &word, sizeof(word));
    }
}

bool
procnet_parse(const char *src, size_t len, uint8_t family, enum conf_proto proto, struct socket_row *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct socket_row row = { .family = family };
    uint8_t peer[16];

    (void)take_number(&c, UINT32_MAX);
    take_char(&c, ':');
    skip_blanks(&c);
    take_address(&c, family, row.address);
    take_char(&c, ':');
    row.port = (uint16_t)take_hex(&c, 4);
    take_char(&c, ' ');
    take_address(&c, family, peer);
    take_char(&c, ':');
    uint32_t peer_port = take_hex(&c, 4);
    take_char(&c, ' ');
    uint32_t state = take_hex(&c, 2);
    for (int i = 0; i < 3; i++) { /* queues, timer, retransmits */
        skip_word(&c);
    }
    row.uid = (uint32_t)take_number(&c, UINT32_MAX);
    skip_word(&c);
    row.inode = take_number(&c, UINT64_MAX);
    row.key = row.inode;
    if (c.bad || state != (proto == CONF_TCP ? STATE_LISTEN : STATE_UNCONNECTED) || row.port == 0 ||
            peer_port != 0) {
        return false;
    }
    *out = row;
    return true;
}

/* Takes the whole lines and returns how many bytes are left over at the end. */
static size_t
take_lines(char *text, size_t len, uint8_t family, enum conf_proto proto, struct sockets *out)
{
    size_t at = 0;

    for (;;) {
        const char *end = memchr(text + at, '\n', len - at);
        struct socket_row row;

        if (end == NULL) {
            break;
        }
        size_t line = (size_t)(end - (text + at));

        if (procnet_parse(text + at, line, family, proto, &row)) {
            sockets_add(out, &row);
        }
        at += line + 1;
    }
    memmove(text, text + at, len - at);
    return len - at;
}

static int
dump_file(int proc, const char *name, uint8_t family, enum conf_proto proto, struct sockets *out)
{
    char text[BUFFER];
    size_t have = 0;
    ssize_t n;
    int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    while ((n = read(fd, text + have, sizeof(text) - have)) > 0) {
        have = take_lines(text, have + (size_t)n, family, proto, out);
        have = have == sizeof(text) ? 0 : have; /* no line is that long */
    }
    int error = n < 0 ? -errno : 0;

    close(fd);
    return error;
}

int
procnet_dump(int proc, enum conf_proto proto, struct sockets *out)
{
    sockets_clear(out);
    int error = dump_file(proc, proto == CONF_TCP ? "self/net/tcp" : "self/net/udp", AF_INET, proto, out);
    int error6 = dump_file(proc, proto == CONF_TCP ? "self/net/tcp6" : "self/net/udp6", AF_INET6, proto, out);

    /* A machine without IPv6 has no second file. */
    return error != 0 ? error : error6 == -ENOENT ? 0 : error6;
}
