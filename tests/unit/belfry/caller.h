#ifndef TESTS_UNIT_BELFRY_CALLER_H
#define TESTS_UNIT_BELFRY_CALLER_H
/*
 * caller - an agent's end of a TLS session with a receiver, by OpenSSL itself; it waits, with a limit
 */
#include "speaker.h"
#include "support/check.h"

#include "wire/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CALLER_TEXT 65536

struct caller {
    int fd;
    SSL *ssl;
    SSL_CTX *context;
    char host[WIRE_HOST_MAX + 1];
    struct wire_key psk;
    size_t len;
    char text[CALLER_TEXT]; /* lines that were not asked for yet */
};

static inline int
caller_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len, SSL_SESSION **out)
{
    static const unsigned char aes_128_gcm_sha256[] = { 0x13, 0x01 };
    const struct caller *c = SSL_get_app_data(ssl);

    (void)md;
    *out = SSL_SESSION_new();
    *id = (const unsigned char *)c->host;
    *len = strlen(c->host);
    return SSL_SESSION_set1_master_key(*out, c->psk.bytes, sizeof c->psk.bytes) == 1 &&
           SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, aes_128_gcm_sha256)) == 1 &&
           SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION) == 1;
}

/* A port that was free a moment ago. */
static inline uint16_t
caller_free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)close(fd);
    return ntohs(at.sin_port);
}

/* A TCP connection from this address; -1 when there is none. */
static inline int
caller_connect_from(uint32_t address, uint16_t port)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval limit = { .tv_sec = 10 };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 ||
            connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static inline int
caller_connect(uint16_t port)
{
    return caller_connect_from(INADDR_LOOPBACK, port);
}

/* Prepares TLS on a descriptor of any kind, which becomes the caller's. */
static inline void
caller_prepare(struct caller *c, int fd, const char *host, const struct wire_key *psk)
{
    memset(c, 0, sizeof *c);
    c->fd = fd;
    c->psk = *psk;
    memcpy(c->host, host, strnlen(host, sizeof c->host - 1));
    c->context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_min_proto_version(c->context, TLS1_3_VERSION);
    (void)SSL_CTX_set1_groups_list(c->context, "X25519");
    SSL_CTX_set_psk_use_session_callback(c->context, caller_session);
    c->ssl = SSL_new(c->context);
    (void)SSL_set_app_data(c->ssl, c);
    (void)SSL_set_fd(c->ssl, fd);
    SSL_set_connect_state(c->ssl);
}

/* False when there is no session. */
static inline bool
caller_open(struct caller *c, uint16_t port, const char *host, const struct wire_key *psk)
{
    int fd = caller_connect(port);

    if (fd < 0) {
        memset(c, 0, sizeof *c);
        c->fd = -1;
        return false;
    }
    caller_prepare(c, fd, host, psk);
    if (SSL_do_handshake(c->ssl) != 1) {
        ERR_clear_error();
        return false;
    }
    return true;
}

static inline bool
caller_write(struct caller *c, const char *text, size_t len)
{
    size_t put;

    return SSL_write_ex(c->ssl, text, len, &put) == 1 && put == len;
}

static inline bool
caller_say(struct caller *c, const char *line)
{
    char text[WIRE_TALK_MAX + 80];
    int n = snprintf(text, sizeof text, "%s\n", line);

    return caller_write(c, text, (size_t)n);
}

/* One sealed line of the speaker, with LF. */
static inline bool
caller_seal(struct caller *c, struct speaker *s, enum wire_severity severity, const char *code,
        const char *detail)
{
    char line[SPEAKER_LINE];
    size_t n = speaker_say(s, severity, code, detail, line);

    line[n - 2] = '\n';
    return caller_write(c, line, n - 1);
}

/* The next line without its end; "" when the connection ended or nothing came in time. */
static inline const char *
caller_hear(struct caller *c)
{
    static char line[400];
    char *end;

    while ((end = memchr(c->text, '\n', c->len)) == NULL) {
        size_t got = 0;

        if (c->len == sizeof c->text ||
                SSL_read_ex(c->ssl, c->text + c->len, sizeof c->text - c->len, &got) != 1) {
            ERR_clear_error();
            return "";
        }
        c->len += got;
    }
    (void)snprintf(line, sizeof line, "%.*s", (int)(end - c->text), c->text);
    c->len -= (size_t)(end + 1 - c->text);
    memmove(c->text, end + 1, c->len);
    return line;
}

/* Hears lines until this one: false when it does not come. */
static inline bool
caller_hears(struct caller *c, const char *want)
{
    const char *line;

    do {
        line = caller_hear(c);
    } while (line[0] != '\0' && strcmp(line, want) != 0);
    return line[0] != '\0';
}

/* In order when `goodbye`, else as if the process was killed. */
static inline void
caller_close(struct caller *c, bool goodbye)
{
    if (c->fd < 0) {
        return;
    }
    if (goodbye) {
        (void)SSL_shutdown(c->ssl);
    }
    ERR_clear_error();
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    (void)close(c->fd);
    c->fd = -1;
}

/* A session that is greeted, up to and with the answer. */
static inline bool
caller_greet(struct caller *c, uint16_t port, const char *host, const struct wire_key *psk, const char *seen)
{
    char hello[40];

    (void)snprintf(hello, sizeof hello, "=hello 1 %s 1-K3QF", host);
    return caller_open(c, port, host, psk) && caller_say(c, hello) && caller_hears(c, seen);
}

#endif
