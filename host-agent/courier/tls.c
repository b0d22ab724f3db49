#include "courier/tls.h"
#include "alarm/pages.h"
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Both have SHA-256, which a key without a session of its own is bound to (RFC 8446, section 4.2.11). */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"

#define RESERVE (96u << 10) /* bytes: a record each way, a handshake, and room between them */

static char group[] = "X25519"; /* which OpenSSL's macro takes as not constant */
static const unsigned char aes_128_gcm[2] = { 0x13, 0x01 };

static SSL_SESSION *
session_of_key(SSL *ssl, const struct tls *t)
{
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm);
    SSL_SESSION *s = SSL_SESSION_new();

    if (s == NULL || cipher == NULL || SSL_SESSION_set1_master_key(s, t->key, TLS_KEY) != 1 ||
            SSL_SESSION_set_cipher(s, cipher) != 1 ||
            SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) != 1) {
        SSL_SESSION_free(s);
        return NULL;
    }
    return s;
}

/* OpenSSL asks for the key; `hash` is set when it asks once more for a suite that the peer insists on. */
static int
give_key(SSL *ssl, const EVP_MD *hash, const unsigned char **id, size_t *id_len, SSL_SESSION **out)
{
    const struct tls *t = SSL_get_app_data(ssl);

    *out = NULL;
    if (hash != NULL && EVP_MD_get_type(hash) != NID_sha256) {
        return 1;
    }
    *out = session_of_key(ssl, t);
    *id = (const unsigned char *)t->identity;
    *id_len = strlen(t->identity);
    return *out != NULL;
}

static bool
configure(SSL_CTX *c)
{
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(c,
            SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL); /* and nobody is trusted: a certificate never helps */
    SSL_CTX_set_psk_use_session_callback(c, give_key);
    return SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(c, SUITES) == 1 && SSL_CTX_set1_groups_list(c, group) == 1;
}

/*
 * What a session and its errors take comes from here: however their pieces come to lie, no page is taken from
 * the system later, and none given back.
 */
static void
reserve_memory(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
    void *room = malloc(RESERVE);

    if (room != NULL) {
        pages_touch(room, RESERVE);
    }
    free(room);
#endif
}

int
tls_init(struct tls *t, const char *identity, const uint8_t key[TLS_KEY])
{
    *t = (struct tls){ .identity = identity };
    memcpy(t->key, key, TLS_KEY);
    /* What a file of the system says about defaults is not what is agreed on here. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        return -ENOMEM;
    }
    t->context = SSL_CTX_new(TLS_client_method());
    if (t->context == NULL || !configure(t->context)) {
        SSL_CTX_free(t->context);
        t->context = NULL;
        return -ENOMEM;
    }
    reserve_memory();
    return 0;
}

int
tls_begin(struct tls *t, int fd)
{
    tls_end(t, false);
    t->ssl = SSL_new(t->context);
    if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1 || SSL_set_app_data(t->ssl, t) != 1) {
        tls_end(t, false);
        return -ENOMEM;
    }
    SSL_set_connect_state(t->ssl);
    t->events = POLLOUT;
    return 0;
}

/* The peer's word for a key that it does not have, or that is another one there. */
static bool
says_wrong_key(unsigned long reason)
{
    switch (ERR_GET_REASON(reason)) {
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_BAD_PSK:
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return true;
    default:
        return false;
    }
}

/* What a call that did not return > 0 means. errno is of that call. */
static int
why(struct tls *t, int returned, int error)
{
    int kind = SSL_get_error(t->ssl, returned);
    unsigned long reason = ERR_peek_error();

    ERR_clear_error();
    switch (kind) {
    case SSL_ERROR_WANT_READ:
        t->events = POLLIN;
        return TLS_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        t->events = POLLOUT;
        return TLS_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    case SSL_ERROR_SYSCALL:
        t->error = error;
        return error == 0 || error == ECONNRESET || error == EPIPE ? TLS_CUT : TLS_FAILED;
    default:
        if (ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            return TLS_CUT;
        }
        return !t->shaken && says_wrong_key(reason) ? TLS_KEY_REFUSED : TLS_PROTOCOL;
    }
}

/* A session that is not what was agreed on is none, whatever it was that let it through. */
static bool
as_agreed(SSL *ssl)
{
    return SSL_version(ssl) == TLS1_3_VERSION && SSL_session_reused(ssl) == 1 &&
           SSL_get_negotiated_group(ssl) == NID_X25519;
}

int
tls_shake(struct tls *t)
{
    errno = 0;
    int n = SSL_do_handshake(t->ssl);

    if (n != 1) {
        return why(t, n, errno);
    }
    if (!as_agreed(t->ssl)) {
        return TLS_PROTOCOL;
    }
    t->shaken = true;
    t->events = POLLIN;
    return 1;
}

ssize_t
tls_read(struct tls *t, void *out, size_t size)
{
    size_t n = 0;

    errno = 0;
    return SSL_read_ex(t->ssl, out, size, &n) == 1 ? (ssize_t)n : why(t, 0, errno);
}

ssize_t
tls_write(struct tls *t, const void *src, size_t len)
{
    size_t n = 0;

    errno = 0;
    return SSL_write_ex(t->ssl, src, len, &n) == 1 ? (ssize_t)n : why(t, 0, errno);
}

short
tls_events(const struct tls *t)
{
    return t->events;
}

bool
tls_export(struct tls *t, uint8_t out[TLS_EXPORT])
{
    return t->ssl != NULL && t->shaken &&
           SSL_export_keying_material(
                   t->ssl, out, TLS_EXPORT, TLS_EXPORT_LABEL, strlen(TLS_EXPORT_LABEL), NULL, 0, 0) == 1;
}

void
tls_end(struct tls *t, bool in_order)
{
    if (t->ssl != NULL && in_order && t->shaken) {
        (void)SSL_shutdown(t->ssl);
    }
    ERR_clear_error();
    SSL_free(t->ssl);
    t->ssl = NULL;
    t->shaken = false;
}

void
tls_free(struct tls *t)
{
    tls_end(t, false);
    SSL_CTX_free(t->context);
    t->context = NULL;
    OPENSSL_cleanse(t->key, sizeof(t->key));
}
