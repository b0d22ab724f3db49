#include "belfry/dial/call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;

int
tls_init(void)
{
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        return -EPROTONOSUPPORT;
    }
    /* Hundreds of connections that are mostly quiet. */
    (void)SSL_CTX_set_mode(context,
            SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return 0;
}

/* ---- whom we trust */

/* The certificates of a PEM file; how many. */
static unsigned
add_certificates(X509_STORE *store, const char *pem, int len)
{
    BIO *bio = BIO_new_mem_buf(pem, len);
    X509 *certificate;
    unsigned n = 0;

    while (bio != NULL && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        n += X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
    }
    BIO_free(bio);
    ERR_clear_error();
    return n;
}

static bool
trust_file(struct call *c)
{
    static char pem[CALL_CA_MAX];
    X509_STORE *store = X509_STORE_new();
    ssize_t n = read(c->ca, pem, sizeof pem);
    bool good = store != NULL && n > 0 && n < (ssize_t)sizeof pem &&
                add_certificates(store, pem, (int)n) > 0 &&
                X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
                SSL_set1_verify_cert_store(c->ssl, store) == 1;

    X509_STORE_free(store);
    (void)close(c->ca);
    c->ca = -1;
    return good;
}

static bool
expect_name(struct call *c)
{
    uint8_t bytes[16];
    X509_VERIFY_PARAM *param = SSL_get0_param(c->ssl);

    if (inet_pton(AF_INET, c->peer, bytes) == 1 || inet_pton(AF_INET6, c->peer, bytes) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, c->peer) == 1;
    }
    SSL_set_hostflags(c->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(c->ssl, c->peer) == 1 && SSL_set1_host(c->ssl, c->peer) == 1;
}

static enum dial_why
why_not_verified(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return DIAL_WHY_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return DIAL_WHY_OTHER;
    case X509_V_OK:
        return DIAL_WHY_TLS;
    default:
        return DIAL_WHY_UNTRUSTED;
    }
}

/* The pinned certificate and no other; that the server has its key, the handshake has shown. */
static bool
is_pinned(const struct call *c)
{
    X509 *certificate = SSL_get0_peer_certificate(c->ssl);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return certificate != NULL && X509_digest(certificate, EVP_sha256(), digest, &len) == 1 &&
           len == DIAL_PIN && memcmp(digest, c->pin, DIAL_PIN) == 0;
}

/* ---- handshake */

void
tls_begin(struct call *c)
{
    c->ssl = SSL_new(context);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->socket.fd) != 1) {
        call_failed(c, ENOMEM, DIAL_WHY_TLS);
        return;
    }
    SSL_set_connect_state(c->ssl);
    if (c->ca < 0 && !c->pinned) {
        call_failed(c, EKEYREJECTED, DIAL_WHY_CA); /* nobody to trust */
        return;
    }
    if (c->ca >= 0) {
        if (!trust_file(c) || !expect_name(c)) {
            call_failed(c, EKEYREJECTED, DIAL_WHY_CA);
            return;
        }
#ifdef PLANT_DIAL
        SSL_set_verify(c->ssl, SSL_VERIFY_NONE, NULL);
#else
        SSL_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
#endif
    }
    tls_handshake(c);
}

void
tls_free(struct call *c)
{
    if (c->ssl != NULL) {
        if (c->state == CALL_OVER && SSL_is_init_finished(c->ssl)) {
            (void)SSL_shutdown(c->ssl);
        }
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
}

static void
on_pair(struct watch *w, uint32_t events)
{
    struct call *c = (struct call *)((char *)w - offsetof(struct call, pair));

    if (c->state == CALL_PUMP && (events & (EPOLLHUP | EPOLLERR)) != 0) {
        call_failed(c, ECONNRESET, DIAL_WHY_NONE); /* belfry wants it no more */
    } else if (c->state == CALL_PUMP) {
        tls_pump(c);
    }
}

static void
hand_over(struct call *c)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        call_failed(c, errno, DIAL_WHY_NONE);
        return;
    }
    if (loop_add(&c->pair, pair[0], EPOLLIN, on_pair) != 0) {
        (void)close(pair[0]);
        (void)close(pair[1]);
        call_failed(c, ENOMEM, DIAL_WHY_NONE);
        return;
    }
    call_came(c, pair[1]);
    c->state = CALL_PUMP;
    tls_pump(c);
}

void
tls_handshake(struct call *c)
{
    int r;

    ERR_clear_error();
    r = SSL_do_handshake(c->ssl);
    if (r == 1) {
        if (c->pinned && !is_pinned(c)) {
            call_failed(c, EKEYREJECTED, DIAL_WHY_PIN);
            return;
        }
        hand_over(c);
        return;
    }
    switch (SSL_get_error(c->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        loop_set(&c->socket, EPOLLIN);
        break;
    case SSL_ERROR_WANT_WRITE:
        loop_set(&c->socket, EPOLLOUT);
        break;
    default: {
        enum dial_why why = why_not_verified(SSL_get_verify_result(c->ssl));

        call_failed(c, why == DIAL_WHY_TLS ? EPROTO : EKEYREJECTED, why);
    }
    }
}

/* ---- both ways */

enum flow { FLOW_MOVED, FLOW_WAITS, FLOW_OVER };

/* Of an SSL call: what it waits for is in `want`. */
static enum flow
flow_of(struct call *c, int r, uint32_t *want)
{
    if (r > 0) {
        return FLOW_MOVED;
    }
    switch (SSL_get_error(c->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        *want |= EPOLLIN;
        return FLOW_WAITS;
    case SSL_ERROR_WANT_WRITE:
        *want |= EPOLLOUT;
        return FLOW_WAITS;
    default:
        return FLOW_OVER;
    }
}

static enum flow
from_server(struct call *c, uint32_t *want, uint32_t *pair_want)
{
    struct call_buffer *b = &c->in;

    if (b->len == 0) {
        enum flow f;
        int r;

        ERR_clear_error();
        r = SSL_read(c->ssl, b->bytes, sizeof b->bytes);
        f = flow_of(c, r, want);
        if (f != FLOW_MOVED) {
            return f;
        }
        b->at = 0;
        b->len = (uint16_t)r;
    }
    while (b->len > 0) {
        ssize_t n = send(c->pair.fd, b->bytes + b->at, b->len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0) {
            *pair_want |= EPOLLOUT;
            return errno == EAGAIN ? FLOW_WAITS : FLOW_OVER;
        }
        b->at = (uint16_t)(b->at + n);
        b->len = (uint16_t)(b->len - n);
    }
    return FLOW_MOVED;
}

static enum flow
to_server(struct call *c, uint32_t *want, uint32_t *pair_want)
{
    struct call_buffer *b = &c->out;

    if (b->len == 0) {
        ssize_t n = recv(c->pair.fd, b->bytes, sizeof b->bytes, MSG_DONTWAIT);

        if (n <= 0) {
            *pair_want |= EPOLLIN;
            return n < 0 && errno == EAGAIN ? FLOW_WAITS : FLOW_OVER;
        }
        b->at = 0;
        b->len = (uint16_t)n;
    }
    while (b->len > 0) {
        int r;
        enum flow f;

        ERR_clear_error();
        r = SSL_write(c->ssl, b->bytes + b->at, b->len);
        f = flow_of(c, r, want);
        if (f != FLOW_MOVED) {
            return f;
        }
        b->at = (uint16_t)(b->at + r);
        b->len = (uint16_t)(b->len - r);
    }
    return FLOW_MOVED;
}

#define TURNS 16 /* of one call, before others have theirs */

void
tls_pump(struct call *c)
{
    uint32_t want = 0;
    uint32_t pair_want = 0;
    enum flow in = FLOW_MOVED;
    enum flow out = FLOW_MOVED;

    for (int turn = 0; turn < TURNS && (in == FLOW_MOVED || out == FLOW_MOVED); turn++) {
        want = 0;
        pair_want = 0;
        in = from_server(c, &want, &pair_want);
        out = in == FLOW_OVER ? FLOW_OVER : to_server(c, &want, &pair_want);
        if (out == FLOW_OVER) {
            call_failed(c, ECONNRESET, DIAL_WHY_NONE);
            return;
        }
    }
    if (in == FLOW_MOVED || out == FLOW_MOVED) {
        /* More to do: come back when the pair can be written, which is at once unless belfry lags. */
        pair_want |= EPOLLOUT;
    }
    loop_set(&c->socket, want);
    loop_set(&c->pair, pair_want);
}
