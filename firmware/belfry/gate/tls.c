#include "belfry/gate/tls.h"

#include "belfry/gate/hello.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>

static SSL_CTX *context;
static char group[] = "X25519"; /* which OpenSSL's macro takes as not constant */

/* Before anything is answered: whose key is needed? Called again until that is known. */
static int
on_hello(SSL *ssl, int *alert, void *arg)
{
    struct tls *t = SSL_get_app_data(ssl);
    const unsigned char *extension;
    size_t len;

    (void)arg;
    switch (t->state) {
    case TLS_ANSWERED:
        return SSL_CLIENT_HELLO_SUCCESS;
    case TLS_ASKING:
        return SSL_CLIENT_HELLO_RETRY;
    case TLS_HELLO:
        break;
    }
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &extension, &len) != 1 ||
            !gate_hello_host(extension, len, t->host)) {
        *alert = SSL_AD_HANDSHAKE_FAILURE;
        return SSL_CLIENT_HELLO_ERROR;
    }
    t->state = TLS_ASKING;
    return SSL_CLIENT_HELLO_RETRY;
}

static SSL_SESSION *
session_of(SSL *ssl, const struct wire_key *key)
{
    static const unsigned char aes_128_gcm_sha256[] = { 0x13, 0x01 };
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
    SSL_SESSION *s = SSL_SESSION_new();

    if (s == NULL || cipher == NULL || SSL_SESSION_set1_master_key(s, key->bytes, sizeof key->bytes) != 1 ||
            SSL_SESSION_set_cipher(s, cipher) != 1 ||
            SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) != 1) {
        SSL_SESSION_free(s);
        return NULL;
    }
    return s;
}

/* Only the identity whose key was asked for: another one in the same hello finds nothing. */
static int
on_identity(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **out)
{
    const struct tls *t = SSL_get_app_data(ssl);

    *out = NULL;
    if (t->state != TLS_ANSWERED || len != strlen(t->host) || memcmp(identity, t->host, len) != 0) {
        return 1;
    }
    *out = session_of(ssl, &t->key);
    return *out != NULL;
}

int
tls_start(void)
{
    /* What is allowed here is said here, and not in the machine's openssl.cnf. */
    context = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ? SSL_CTX_new(TLS_server_method())
                                                                       : NULL;
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") != 1 ||
            SSL_CTX_set1_groups_list(context, group) != 1 || SSL_CTX_set_num_tickets(context, 0) != 1) {
        return -ENOTSUP;
    }
    (void)SSL_CTX_set_options(context,
            SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
    /* No auto-retry: a peer that sends records without data has one turn for each of them. */
    (void)SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    (void)SSL_CTX_set_mode(context,
            SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_client_hello_cb(context, on_hello, NULL);
    SSL_CTX_set_psk_find_session_callback(context, on_identity);
    return 0;
}

int
tls_open(struct tls *t, int fd)
{
    SSL *ssl = SSL_new(context);

    memset(t, 0, sizeof *t);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_app_data(ssl, t) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return -ENOMEM;
    }
    SSL_set_accept_state(ssl);
    t->ssl = ssl;
    return 0;
}

/* What a call that returned `r` wants, or how the connection has ended. */
static enum tls_result
result_of(SSL *ssl, int r, int error)
{
    unsigned long reason;

    switch (SSL_get_error(ssl, r)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WRITE;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
        return TLS_WHO;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_FIN;
    case SSL_ERROR_SYSCALL:
        return error == ECONNRESET ? TLS_RESET : TLS_CUT;
    default:
        reason = ERR_peek_error();
        return ERR_GET_LIB(reason) == ERR_LIB_SSL &&
                               ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                       ? TLS_CUT
                       : TLS_BAD;
    }
}

static enum tls_result
outcome(SSL *ssl, int r)
{
    int error = errno;
    enum tls_result result = result_of(ssl, r, error);

    ERR_clear_error();
    return result;
}

enum tls_result
tls_handshake(struct tls *t)
{
    SSL *ssl = t->ssl;
    enum tls_result result;

    errno = 0;
    result = outcome(ssl, SSL_do_handshake(ssl));
    if (result == TLS_DONE) {
        wire_wipe(&t->key, sizeof t->key);
    }
    return result;
}

uint64_t
tls_received(const struct tls *t)
{
    return BIO_number_read(SSL_get_rbio(t->ssl));
}

void
tls_key(struct tls *t, const struct wire_key *key)
{
    if (key != NULL) {
        t->key = *key;
    } else if (RAND_bytes(t->key.bytes, sizeof t->key.bytes) != 1) {
        t->host[0] = '\0'; /* without a key it has to be refused: nobody has this name */
    }
    t->state = TLS_ANSWERED;
}

bool
tls_export(struct tls *t, uint8_t out[GATE_EXPORT])
{
    return SSL_export_keying_material(t->ssl, out, GATE_EXPORT, GATE_EXPORT_LABEL,
                   sizeof GATE_EXPORT_LABEL - 1, NULL, 0, 0) == 1;
}

enum tls_result
tls_read(struct tls *t, void *to, size_t size, size_t *got)
{
    errno = 0;
    return outcome(t->ssl, SSL_read_ex(t->ssl, to, size, got));
}

bool
tls_has_more(const struct tls *t)
{
    return SSL_pending(t->ssl) > 0;
}

enum tls_result
tls_write(struct tls *t, const void *src, size_t len, size_t *put)
{
    errno = 0;
    return outcome(t->ssl, SSL_write_ex(t->ssl, src, len, put));
}

void
tls_finish(struct tls *t)
{
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void
tls_close(struct tls *t)
{
    SSL_free(t->ssl);
    wire_wipe(t, sizeof *t);
}
