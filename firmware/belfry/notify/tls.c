#include "belfry/notify/tls.h"

#include "belfry/clock.h"
#include "belfry/notify/link.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *context;
static struct notify_tls wanted;
static char unpinned[NOTIFY_WHY]; /* of the server that has none of the fingerprints */

static int
fail(char *why, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    (void)snprintf(why, NOTIFY_WHY, "%s%s%s", what, reason != NULL ? ": " : "", reason != NULL ? reason : "");
    ERR_clear_error();
    return -1;
}

static bool
has_fingerprint(const X509 *certificate, const struct notify_fingerprint *print)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    return X509_digest(certificate, print->len == SHA_DIGEST_LENGTH ? EVP_sha1() : EVP_sha256(), digest,
                   &len) == 1 &&
           len == print->len && memcmp(digest, print->digest, len) == 0;
}

static void
say_unpinned(const X509 *certificate)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int n = snprintf(unpinned, sizeof unpinned, "its certificate is another, SHA256:");

    (void)X509_digest(certificate, EVP_sha256(), digest, &len);
    for (unsigned i = 0; i < len; i++) {
        n += snprintf(unpinned + n, sizeof unpinned - (size_t)n, "%02X", digest[i]);
    }
}

/* In the handshake, before our own certificate is shown. */
static int
verify(X509_STORE_CTX *store, void *to)
{
    const X509 *certificate = X509_STORE_CTX_get0_cert(store);

    (void)to;
    for (unsigned i = 0; i < wanted.fingerprints; i++) {
        if (has_fingerprint(certificate, &wanted.fingerprint[i])) {
            return wanted.ca == NULL ? 1 : X509_verify_cert(store);
        }
    }
    say_unpinned(certificate);
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* OpenSSL says of a file that is not there only that something failed. */
static int
fail_file(char *why, const char *what, const char *path)
{
    if (access(path, R_OK) == 0) {
        return fail(why, what);
    }
    (void)snprintf(why, NOTIFY_WHY, "%s: %s", path, strerror(errno));
    ERR_clear_error();
    return -1;
}

static int
use_certificate(char *why)
{
    const char *key = wanted.key != NULL ? wanted.key : wanted.cert;

    if (SSL_CTX_use_certificate_chain_file(context, wanted.cert) != 1) {
        return fail_file(why, "the file of cert=", wanted.cert);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        return fail_file(why, "the file of key=", key);
    }
    return 0;
}

int
notify_tls_start(const struct notify_tls *options, char *why)
{
    wanted = *options;
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        return fail(why, "TLS");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (wanted.fingerprints > 0) {
        SSL_CTX_set_cert_verify_callback(context, verify, NULL);
    }
    if (wanted.ca != NULL ? SSL_CTX_load_verify_locations(context, wanted.ca, NULL) != 1
                          : SSL_CTX_set_default_verify_paths(context) != 1) {
        return wanted.ca != NULL ? fail_file(why, "the file of ca=", wanted.ca)
                                 : fail(why, "the system's certificates");
    }
    return wanted.cert != NULL ? use_certificate(why) : 0;
}

/* Whether it is worth trying again after `r`; waits for that. */
static bool
may_go_on(SSL *ssl, int r, int64_t until_ms)
{
    int error = SSL_get_error(ssl, r);
    struct pollfd p = { .fd = SSL_get_fd(ssl), .events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT };
    int64_t left = until_ms - clock_ms();

    return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) && left > 0 &&
           poll(&p, 1, (int)left) > 0;
}

/* An address is looked for among the addresses of the certificate, a name among its names. */
static bool
expect(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char asked[NOTIFY_HOST];

    (void)snprintf(asked, sizeof asked, "%s", name); /* OpenSSL's macro wants it writable */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        return true;
    }
    ERR_clear_error();
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, asked) == 1;
}

void *
notify_tls_open(int fd, const char *name, int64_t until_ms, char *why)
{
    SSL *ssl = SSL_new(context);
    int r = 0;

    unpinned[0] = '\0';
    ERR_clear_error();
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || !expect(ssl, name)) {
        SSL_free(ssl);
        (void)fail(why, "TLS");
        return NULL;
    }
    do {
        r = SSL_connect(ssl);
    } while (r != 1 && may_go_on(ssl, r, until_ms));
    if (r != 1) {
        long verified = SSL_get_verify_result(ssl);

        (void)fail(why, verified != X509_V_OK ? X509_verify_cert_error_string(verified) : "no TLS handshake");
        if (unpinned[0] != '\0') {
            memcpy(why, unpinned, sizeof unpinned);
        }
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

int
notify_tls_send(void *tls, const void *bytes, size_t len, int64_t until_ms, char *why)
{
    const char *at = bytes;

    ERR_clear_error();
    while (len > 0) {
        int n = SSL_write(tls, at, (int)len);

        if (n <= 0 && !may_go_on(tls, n, until_ms)) {
            return fail(why, "TLS has broken off");
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

bool
notify_tls_alive(void *tls, char *why)
{
    char bytes[1024];
    int n;

    ERR_clear_error();
    do {
        n = SSL_read(tls, bytes, sizeof bytes);
    } while (n > 0);
    n = SSL_get_error(tls, n);
    (void)fail(why, "it has closed the connection");
    return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE;
}

void
notify_tls_close(void *tls)
{
    ERR_clear_error();
    (void)SSL_shutdown(tls);
    SSL_free(tls);
}
