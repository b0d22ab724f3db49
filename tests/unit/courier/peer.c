#include "peer.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *known_identity;
static uint8_t known_key[32];

static void
must(bool holds)
{
    if (!holds) {
        ERR_print_errors_fp(stderr);
        abort();
    }
}

static int
find_key(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **out)
{
    *out = NULL;
    if (known_identity == NULL || len != strlen(known_identity) ||
            memcmp(identity, known_identity, len) != 0) {
        return 1;
    }
    *out = SSL_SESSION_new();
    must(SSL_SESSION_set1_master_key(*out, known_key, sizeof(known_key)) == 1);
    must(SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, (const unsigned char *)"\x13\x01")) == 1);
    must(SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION) == 1);
    return 1;
}

static void
use_certificate(SSL_CTX *c)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();

    must(key != NULL && x != NULL);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -1000);
    X509_gmtime_adj(X509_getm_notAfter(x), 100000);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(
            X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"web03", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    must(X509_sign(x, key, EVP_sha256()) > 0);
    must(SSL_CTX_use_certificate(c, x) == 1 && SSL_CTX_use_PrivateKey(c, key) == 1);
    X509_free(x);
    EVP_PKEY_free(key);
}

void
peer_begin(struct peer *p, enum peer_kind kind, int fd, const char *identity, const uint8_t key[32])
{
    memset(p, 0, sizeof(*p));
    known_identity = kind == PEER_CERTIFICATE ? NULL : identity;
    memcpy(known_key, key, sizeof(known_key));
    p->fd = fd;
    p->context = SSL_CTX_new(TLS_server_method());
    must(p->context != NULL);
    SSL_CTX_set_max_proto_version(p->context, kind == PEER_TLS12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(p->context, 0);
    must(SSL_CTX_set1_groups_list(p->context, kind == PEER_OTHER_GROUP ? "P-256" : "X25519:P-256") == 1);
    SSL_CTX_set_psk_find_session_callback(p->context, find_key);
    if (kind == PEER_CERTIFICATE || kind == PEER_TLS12) {
        use_certificate(p->context);
    }
    p->ssl = SSL_new(p->context);
    must(p->ssl != NULL && SSL_set_fd(p->ssl, fd) == 1);
    SSL_set_accept_state(p->ssl);
}

static bool
again(struct peer *p, int n)
{
    int kind = SSL_get_error(p->ssl, n);

    ERR_clear_error();
    p->ended = p->ended || kind == SSL_ERROR_ZERO_RETURN;
    p->failed = p->failed || (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE &&
                                     kind != SSL_ERROR_ZERO_RETURN);
    return false;
}

void
peer_pump(struct peer *p)
{
    size_t n;

    if (p->failed || p->ended) {
        return;
    }
    if (!p->shaken) {
        int done = SSL_do_handshake(p->ssl);
        p->shaken = done == 1 || again(p, done);
    }
    while (p->shaken &&
            (SSL_read_ex(p->ssl, p->heard + p->len, PEER_TEXT - 1 - p->len, &n) == 1 || again(p, 0))) {
        p->len += n;
        p->heard[p->len] = '\0';
    }
}

void
peer_say(struct peer *p, const char *text)
{
    size_t n;

    must(SSL_write_ex(p->ssl, text, strlen(text), &n) == 1 && n == strlen(text));
}

void
peer_export(struct peer *p, uint8_t out[32])
{
    static const char label[] = "EXPORTER-tocsin-rekey";

    must(SSL_export_keying_material(p->ssl, out, 32, label, strlen(label), NULL, 0, 0) == 1);
}

void
peer_end(struct peer *p, bool in_order)
{
    if (in_order) {
        SSL_shutdown(p->ssl);
    }
    SSL_free(p->ssl);
    SSL_CTX_free(p->context);
    close(p->fd);
    ERR_clear_error();
    memset(p, 0, sizeof(*p));
}
