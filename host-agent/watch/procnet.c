#include "watch/procnet.h"
#include "watch/procfs.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_UNCONNECTED 7
#define STATE_LISTEN 10
#define BUFFER 16384
#define COUNTS 1024
#define MORE_BEHIND 2048 /* fs/seq_file.c fills a page with whole lines: less of them is the end */

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

/* Exactly `digits` of hexadecimal, large letters (inet) or small ones (packet). */
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
                         : h >= 'a' && h <= 'f' ? (uint32_t)(h - 'a' + 10)
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

static bool
is_waiting(enum conf_proto proto, uint32_t state, uint32_t peer_port)
{
    switch (proto) {
    case CONF_TCP:
        return state == STATE_LISTEN && peer_port == 0;
    case CONF_UDP:
    case CONF_UDPLITE:
        return state == STATE_UNCONNECTED && peer_port == 0;
    default: /* a raw socket hears all, with a peer or without */
        return true;
    }
}

/* "0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 1061" */
static bool
parse_inet(struct cursor *c, uint8_t family, enum conf_proto proto, struct socket_row *row)
{
    uint8_t peer[16];

    row->family = family;
    (void)take_number(c, UINT32_MAX);
    take_char(c, ':');
    skip_blanks(c);
    take_address(c, family, row->address);
    take_char(c, ':');
    row->port = take_hex(c, 4);
    take_char(c, ' ');
    take_address(c, family, peer);
    take_char(c, ':');
    uint32_t peer_port = take_hex(c, 4);
    take_char(c, ' ');
    uint32_t state = take_hex(c, 2);
    for (int i = 0; i < 3; i++) { /* queues, timer, retransmits */
        skip_word(c);
    }
    row->uid = (uint32_t)take_number(c, UINT32_MAX);
    skip_word(c);
    row->inode = take_number(c, UINT64_MAX);
    return is_waiting(proto, state, peer_port);
}

/* "0000000000000000 3      3    0800   2     1 0      0      1061": socket, count, type, protocol, ... */
static bool
parse_packet(struct cursor *c, struct socket_row *row)
{
    row->family = AF_PACKET;
    skip_word(c);
    (void)take_number(c, UINT32_MAX);
    (void)take_number(c, UINT32_MAX);
    skip_blanks(c);
    row->port = take_hex(c, 4);
    row->device = (uint32_t)take_number(c, UINT32_MAX);
    skip_word(c); /* is its interface up? */
    skip_word(c);
    row->uid = (uint32_t)take_number(c, UINT32_MAX);
    row->inode = take_number(c, UINT64_MAX);
    return true;
}

/* The first of an endpoint's addresses; none leaves 0.0.0.0. */
static void
take_text_address(struct cursor *c, struct socket_row *row)
{
    char text[INET6_ADDRSTRLEN] = "";
    const char *start;

    row->family = AF_INET;
    skip_blanks(c);
    start = c->at;
    skip_word(c);
    size_t len = (size_t)(c->at - start);

    if (len > 0 && len < sizeof(text)) {
        memcpy(text, start, len);
        if (strchr(text, ':') != NULL && inet_pton(AF_INET6, text, row->address) == 1) {
            row->family = AF_INET6;
        } else {
            (void)inet_pton(AF_INET, text, row->address);
        }
    }
}

/* "0000000000000000 0000000000000000 2   10  29   3868   200 1061 10.0.0.102 10.0.0.70" */
static bool
parse_sctp(struct cursor *c, struct socket_row *row)
{
    skip_word(c);
    skip_word(c);
    (void)take_number(c, UINT32_MAX); /* one to one, or one to many */
    uint64_t state = take_number(c, UINT32_MAX);

    (void)take_number(c, UINT32_MAX);
    row->port = (uint32_t)take_number(c, UINT16_MAX);
    row->uid = (uint32_t)take_number(c, UINT32_MAX);
    row->inode = take_number(c, UINT64_MAX);
    take_text_address(c, row);
    return state == STATE_LISTEN;
}

bool
procnet_parse(const char *src, size_t len, uint8_t family, enum conf_proto proto, struct socket_row *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct socket_row row = { .port = 0 };
    bool waits = proto == CONF_PACKET ? parse_packet(&c, &row)
                 : proto == CONF_SCTP ? parse_sctp(&c, &row)
                                      : parse_inet(&c, family, proto, &row);

    row.key = row.inode;
    if (!waits || c.bad || row.port == 0) {
        return false;
    }
    *out = row;
    return true;
}

bool
procnet_has(const char *src, size_t len, const char *protocol)
{
    const char *end = src + len;
    size_t name = strlen(protocol);

    while (src < end) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));

        if ((size_t)(end - src) > name && memcmp(src, protocol, name) == 0 && src[name] == ' ') {
            return true;
        }
        src = newline != NULL ? newline + 1 : end;
    }
    return false;
}

bool
procnet_inuse(const char *src, size_t len, const char *protocol, uint64_t *out)
{
    static const char word[] = ": inuse ";
    const char *end = src + len;
    size_t name = strlen(protocol);
    size_t head = name + sizeof(word) - 1;

    while (src < end) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));
        const char *line = newline != NULL ? newline : end;

        if ((size_t)(line - src) > head && memcmp(src, protocol, name) == 0 &&
                memcmp(src + name, word, sizeof(word) - 1) == 0) {
            src += head;
            return procfs_decimal(&src, line, UINT32_MAX, out);
        }
        src = newline != NULL ? newline + 1 : end;
    }
    return false;
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

struct table {
    const char *file;
    uint8_t family;
    bool always; /* every kernel with a network has it */
};

/* clang-format off */
static const struct table tables[CONF_PROTOS][2] = {
    [CONF_TCP]     = { { "tcp",      AF_INET, true    }, { "tcp6",     AF_INET6, false } },
    [CONF_UDP]     = { { "udp",      AF_INET, true    }, { "udp6",     AF_INET6, false } },
    [CONF_UDPLITE] = { { "udplite",  AF_INET, false   }, { "udplite6", AF_INET6, false } },
    [CONF_RAW]     = { { "raw",      AF_INET, false   }, { "raw6",     AF_INET6, false } },
    [CONF_PACKET]  = { { "packet",   AF_PACKET, false }, { NULL,       0,        false } },
    [CONF_SCTP]    = { { "sctp/eps", AF_INET, false   }, { NULL,       0,        false } },
};
/* clang-format on */

/* The beginning of a text. A file that cannot be read any more, as of a module that was gone, is opened anew.
 */
static ssize_t
begin_text(const struct procnet *p, const char *file, struct procfs_kept *f, char *out, size_t size)
{
    char name[64];
    ssize_t n = procfs_kept_read(f, out, size);

    if (n >= 0) {
        return n;
    }
    snprintf(name, sizeof(name), "%s/%s", p->net, file);
    procfs_keep(f, openat(p->proc, name, O_RDONLY | O_CLOEXEC));
    n = procfs_kept_read(f, out, size);
    return n < 0 ? -errno : n;
}

static int
dump_file(struct procnet *p, enum conf_proto proto, int i, struct sockets *out)
{
    const struct table *t = &tables[proto][i];
    struct procfs_kept *f = &p->file[proto][i];
    static char text[BUFFER]; /* on the stack it would be zeroed each time */
    ssize_t n = begin_text(p, t->file, f, text, sizeof(text));
    off_t at = 0;
    size_t have = 0;

    if (n < 0) {
        return (int)n;
    }
    while (n > 0) {
        at += n;
        have = take_lines(text, have + (size_t)n, t->family, proto, out);
        have = have == sizeof(text) ? 0 : have; /* no line is that long */
        n = n < MORE_BEHIND ? 0 : pread(f->fd, text + have, sizeof(text) - have, at);
    }
    return n < 0 ? -errno : 0;
}

int
procnet_dump(struct procnet *p, enum conf_proto proto, struct sockets *out)
{
    int error = 0;

    sockets_clear(out);
    if (tables[proto][0].file == NULL) {
        return -EPROTONOSUPPORT;
    }
    for (int i = 0; i < 2 && tables[proto][i].file != NULL && error == 0; i++) {
        error = dump_file(p, proto, i, out);
        error = error == -ENOENT && !tables[proto][i].always ? 0 : error;
    }
    return error;
}

int
procnet_count(struct procnet *p, struct procnet_counts *out)
{
    static const char *const file[2] = { "sockstat", "sockstat6" };
    static const char *const udp[2] = { "UDP", "UDP6" };
    static const char *const raw[2] = { "RAW", "RAW6" };
    char text[COUNTS];

    *out = (struct procnet_counts){ .udp = { 0 } };
    for (int i = 0; i < 2; i++) {
        ssize_t n = begin_text(p, file[i], &p->counts[i], text, sizeof(text));

        if (n == -ENOENT && i == 1) { /* without IPv6 */
            return 0;
        }
        if (n < 0) {
            return (int)n;
        }
        if (!procnet_inuse(text, (size_t)n, udp[i], &out->udp[i]) ||
                !procnet_inuse(text, (size_t)n, raw[i], &out->raw[i])) {
            return -EPROTO;
        }
    }
    return 0;
}

void
procnet_close(struct procnet *p)
{
    procfs_keep(&p->counts[0], -1);
    procfs_keep(&p->counts[1], -1);
    for (unsigned i = 0; i < CONF_PROTOS; i++) {
        procfs_keep(&p->file[i][0], -1);
        procfs_keep(&p->file[i][1], -1);
    }
}
