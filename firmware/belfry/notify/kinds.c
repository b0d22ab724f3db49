#include "belfry/notify/kinds.h"

#include "belfry/conf.h"

#include "belfry/notify/facility.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROGRAM "belfry-notify"
#define A_PATH "an absolute path"
#define REPLAY 64

bool
notify_url(const char *text, struct notify_url *out)
{
    const char *at = strstr(text, "://");
    const char *end;
    size_t len;

    memset(out, 0, sizeof *out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= 0x20 || *c > 0x7E) {
            return false;
        }
    }
    if (at == NULL || at == text || (size_t)(at - text) >= sizeof out->scheme) {
        return false;
    }
    memcpy(out->scheme, text, (size_t)(at - text));
    at += 3;
    if (*at == '[') {
        end = strchr(++at, ']');
        if (end == NULL || strspn(at, "0123456789abcdefABCDEF:.%") < (size_t)(end - at)) {
            return false;
        }
    } else {
        end = at + strcspn(at, ":/");
    }
    len = (size_t)(end - at);
    if (len == 0 || len >= sizeof out->host) {
        return false;
    }
    memcpy(out->host, at, len);
    at = *end == ']' ? end + 1 : end;
    if (*at == ':') {
        char *stop = NULL;
        unsigned long n = at[1] >= '1' && at[1] <= '9' ? strtoul(at + 1, &stop, 10) : 0;

        if (n == 0 || n > UINT16_MAX) {
            return false;
        }
        out->port = (uint16_t)n;
        at = stop;
    }
    out->path = at;
    return *at == '\0' || *at == '/';
}

static bool
path_valid(const char *text)
{
    return text[0] == '/' && text[1] != '\0';
}

static bool
facility_valid(const char *text)
{
    return facility_of(text) >= 0;
}

static bool
peer_valid(const char *text)
{
    return text[0] != '\0' && strlen(text) < NOTIFY_HOST;
}

long
notify_seconds(const char *text)
{
    char *end = NULL;
    long n = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;

    if (n < 0 || n > NOTIFY_DIGEST_MAX_S) {
        return -1;
    }
    if (*end != '\0') {
        n *= *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : NOTIFY_DIGEST_MAX_S + 1;
        end++;
    }
    return *end == '\0' && n <= NOTIFY_DIGEST_MAX_S ? n : -1;
}

/* Length of a digest by the name before its colon, in any of its spellings; 0 for none. */
static size_t
digest_of(const char *text, const char **digits)
{
    static const struct {
        const char *name;
        size_t len;
    } known[] = { { "sha-1:", 20 }, { "sha1:", 20 }, { "sha-256:", 32 }, { "sha256:", 32 } };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncasecmp(text, known[i].name, strlen(known[i].name)) == 0) {
            *digits = text + strlen(known[i].name);
            return known[i].len;
        }
    }
    return 0;
}

/* The value of a hexadecimal digit; -1 for none. */
static int
digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)((at - digits) % 16) : -1;
}

bool
notify_fingerprint(const char *text, struct notify_fingerprint *out)
{
    const char *at = text;

    memset(out, 0, sizeof *out);
    out->len = digest_of(text, &at);
    for (size_t i = 0; i < out->len; i++) {
        int high = digit(at[0]);
        int low = high >= 0 ? digit(at[1]) : -1;

        if (low < 0) {
            return false;
        }
        out->digest[i] = (uint8_t)(high << 4 | low);
        at += 2;
        at += *at == ':' && i + 1 < out->len;
    }
    return out->len > 0 && *at == '\0';
}

static bool
fingerprint_valid(const char *text)
{
    struct notify_fingerprint print;

    return notify_fingerprint(text, &print);
}

/* At least one of the URLs with commas between asks for TLS. */
static bool
some_encrypted(const char *place)
{
    return strstr(place, "tls://") != NULL || strstr(place, "https://") != NULL;
}

static bool
digest_valid(const char *text)
{
    return notify_seconds(text) >= 0;
}

/* So strict that it can be an argument and stand in a header: no blank, no comma, no quoting, no dash at its
 * start. */
static bool
address_valid(const char *text)
{
    static const char chars[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_{|}~@-";
    const char *at = strchr(text, '@');

    return text[0] != '\0' && text[0] != '-' && text[0] != '@' && strspn(text, chars) == strlen(text) &&
           strlen(text) < NOTIFY_HOST && (at == NULL || (at[1] != '\0' && strchr(at + 1, '@') == NULL));
}

static bool
syslog_place(const char *text)
{
    struct notify_url url;

    return strcmp(text, "local") == 0 ||
           (notify_url(text, &url) && url.path[0] == '\0' &&
                   (strcmp(url.scheme, "tls") == 0 || strcmp(url.scheme, "tcp") == 0 ||
                           strcmp(url.scheme, "udp") == 0));
}

/* No acknowledgement says that a collector has read what its kernel has. */
static unsigned
syslog_replay(const char *place)
{
    return strncmp(place, "tls:", 4) == 0 || strncmp(place, "tcp:", 4) == 0 ? REPLAY : 0;
}

static bool
name_valid(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
                   strlen(text) &&
           text[0] != '\0' && strlen(text) < CONF_NAME;
}

static bool
seconds_valid(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits >= 1 && digits <= 4 && text[digits] == '\0' && strtol(text, NULL, 10) <= 3600;
}

/* URLs of these schemes with commas between, at most `most`. */
static bool
urls_valid(const char *text, const char *plain, const char *secure, bool path, unsigned most)
{
    char one[CONF_PATH];
    struct notify_url url;
    unsigned count = 0;
    size_t len;

    for (const char *at = text; *at != '\0'; at += len + (at[len] == ',')) {
        len = strcspn(at, ",");
        if (++count > most || len >= sizeof one) {
            return false;
        }
        memcpy(one, at, len);
        one[len] = '\0';
        if (!notify_url(one, &url) || (strcmp(url.scheme, plain) != 0 && strcmp(url.scheme, secure) != 0) ||
                (!path && url.path[0] != '\0')) {
            return false;
        }
    }
    return count > 0 && text[strlen(text) - 1] != ',';
}

static bool
alertmanagers(const char *text)
{
    return urls_valid(text, "http", "https", true, 4);
}

static bool
nats_servers(const char *text)
{
    return urls_valid(text, "nats", "tls", false, 8);
}

static bool
stream_valid(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(text) &&
           text[0] != '\0' && strlen(text) < CONF_NAME;
}

static bool
site_valid(const char *text)
{
    return stream_valid(text) && text[0] != '-' && text[0] != '_';
}

static bool
replicas_valid(const char *text)
{
    return text[0] >= '1' && text[0] <= '5' && text[1] == '\0';
}

static bool
days_valid(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits >= 1 && digits <= 5 && text[digits] == '\0';
}

#define NATS_PLACES "1 to 8 URLs as nats://HOST:4222 or tls://HOST:4222, with commas between"
#define OPTION(NAME, EXPECTED, VALID)                            \
    {                                                            \
        .name = (NAME), .expected = (EXPECTED), .valid = (VALID) \
    }
#define OPTION_TLS(NAME, EXPECTED, VALID)                                           \
    {                                                                               \
        .name = (NAME), .expected = (EXPECTED), .valid = (VALID), .encrypted = true \
    }
#define OPTION_NEEDED(NAME, EXPECTED, VALID)                                     \
    {                                                                            \
        .name = (NAME), .expected = (EXPECTED), .valid = (VALID), .needed = true \
    }

#define NATS_OPTIONS                                                                  \
    OPTION("stream", "a name", stream_valid), OPTION("creds", A_PATH, path_valid),    \
            OPTION("auth", A_PATH, path_valid), OPTION_TLS("ca", A_PATH, path_valid), \
            OPTION_TLS("cert", A_PATH, path_valid), OPTION_TLS("key", A_PATH, path_valid)

const struct notify_kind_row notify_hub_row = {
    .name = "hub",
    .program = "belfry-hub",
    .places = NATS_PLACES,
    .valid = nats_servers,
    .encrypted = some_encrypted,
    .option = { NATS_OPTIONS, OPTION("replicas", "1 to 5", replicas_valid),
            OPTION("keep", "days", days_valid) },
};

static const struct notify_kind_row rows[] = {
    { .name = "alertmanager",
            .program = PROGRAM,
            .places = "1 to 4 URLs as http://HOST:9093 or https://HOST:9093/PATH, with commas between",
            .valid = alertmanagers,
            .encrypted = some_encrypted,
            .standing = true,
            .option = { OPTION_TLS("ca", A_PATH, path_valid), OPTION_TLS("cert", A_PATH, path_valid),
                    OPTION_TLS("key", A_PATH, path_valid), OPTION("auth", A_PATH, path_valid),
                    OPTION("receiver", "a name", name_valid),
                    OPTION("hold", "0 to 3600 seconds", seconds_valid) } },
    { .name = "exec", .program = PROGRAM, .places = "a program, an absolute path", .valid = path_valid },
    { .name = "mail",
            .program = PROGRAM,
            .places = "a program like sendmail, an absolute path",
            .valid = path_valid,
            .option = { OPTION_NEEDED("to", "an address as kim@example.org", address_valid),
                    OPTION("from", "an address as belfry@example.org", address_valid),
                    OPTION("digest", "a time as 30s or 15m, a day at most", digest_valid) } },
    { .name = "nats",
            .program = "belfry-nats",
            .places = NATS_PLACES,
            .valid = nats_servers,
            .encrypted = some_encrypted,
            .standing = true,
            .rows = true,
            .option = { NATS_OPTIONS, OPTION_NEEDED("site", "a name", site_valid) } },
    { .name = "syslog",
            .program = PROGRAM,
            .places = "local, or tls://HOST[:PORT], tcp://HOST[:PORT] or udp://HOST[:PORT]",
            .valid = syslog_place,
            .encrypted = some_encrypted,
            .replay = syslog_replay,
            .option = { OPTION("facility", "daemon, auth, authpriv, user or local0 to local7",
                                facility_valid),
                    OPTION_TLS("ca", A_PATH, path_valid), OPTION_TLS("cert", A_PATH, path_valid),
                    OPTION_TLS("key", A_PATH, path_valid),
                    OPTION_TLS("name", "who the server has to be", peer_valid),
                    OPTION_TLS("fingerprint", "SHA256: or SHA1: and that of a certificate",
                            fingerprint_valid) } },
};

const struct notify_kind_row *
notify_kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcasecmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *
notify_kind_names(void)
{
    static char text[120];
    size_t count = sizeof rows / sizeof rows[0];
    size_t len = 0;

    for (size_t i = 0; i < count && len < sizeof text; i++) {
        const char *between = i == 0 ? "" : i + 1 < count ? ", " : " or ";

        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", between, rows[i].name);
    }
    return text;
}
