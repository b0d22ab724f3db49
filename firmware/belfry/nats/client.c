#include "belfry/nats/client.h"

#include "wire/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 65536
#define CONNECT_MS 3000     /* to one server */
#define CONNECT_ALL_MS 9000 /* to all of them, one after the other */
#define PING_MS 5000
#define API_MS 5000
#define DUPLICATES_NS (10LL * 60 * 1000000000)
#define ID_HEADER "Nats-Msg-Id"

struct client {
    natsOptions *options;
    natsConnection *connection;
    jsCtx *js;
    natsSubscription *followed;
    char *jwt; /* of the credentials; NULL for none */
    char *seed;
    char why[CLIENT_WHY];
    /* Between us and the library's thread that brings acknowledgements. */
    pthread_mutex_t lock;
    struct client_post *post;
    unsigned posts;
    unsigned acked;
};

static struct client client = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
say_why(const char *what, const char *why)
{
    char text[CLIENT_WHY];
    int n = snprintf(text, sizeof text, "%s: %s", what, why);

    (void)wire_escape(client.why, sizeof client.why, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1,
            WIRE_ESCAPE_TEXT);
}

/* ---- what is in files */

/* The whole file, ended by a NUL, to be freed; NULL, with errno, when it cannot be had. */
static char *
slurp(const char *path)
{
    char *text = malloc(FILE_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t len = 0;
    ssize_t n = -1;

    while (text != NULL && fd >= 0 && len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) > 0) {
        len += (size_t)n;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (text == NULL || fd < 0 || n != 0) {
        free(text);
        errno = fd >= 0 && n > 0 ? EFBIG : errno;
        return NULL;
    }
    text[len] = '\0';
    return text;
}

/* The line after the one that begins a part of a credentials file; to be freed, NULL when there is none. */
static char *
credentials_part(const char *text, const char *begin)
{
    const char *at = strstr(text, begin);
    size_t len;

    at = at != NULL ? strchr(at, '\n') : NULL;
    if (at == NULL) {
        return NULL;
    }
    at += strspn(at, "\r\n");
    len = strcspn(at, "\r\n");
    return len > 0 && at[0] != '-' ? strndup(at, len) : NULL;
}

static natsStatus
give_jwt(char **jwt, char **error, void *to)
{
    (void)error;
    (void)to;
    *jwt = strdup(client.jwt);
    return *jwt != NULL ? NATS_OK : NATS_NO_MEMORY;
}

static natsStatus
give_signature(char **error, unsigned char **signature, int *len, const char *nonce, void *to)
{
    (void)error;
    (void)to;
    return nats_Sign(client.seed, nonce, signature, len);
}

static natsStatus
use_credentials(const char *text)
{
    client.jwt = credentials_part(text, "BEGIN NATS USER JWT");
    client.seed = credentials_part(text, "BEGIN USER NKEY SEED");
    if (client.jwt == NULL || client.seed == NULL) {
        return NATS_INVALID_ARG;
    }
    return natsOptions_SetUserCredentialsCallbacks(client.options, give_jwt, NULL, give_signature, NULL);
}

static natsStatus
use_auth(char *text)
{
    char *colon;

    text[strcspn(text, "\r\n")] = '\0';
    colon = strchr(text, ':');
    if (colon == NULL) {
        return natsOptions_SetToken(client.options, text);
    }
    *colon = '\0';
    return natsOptions_SetUserInfo(client.options, text, colon + 1);
}

static natsStatus
use_ca(const char *text)
{
    return natsOptions_SetCATrustedCertificates(client.options, text);
}

static natsStatus
use_certificate(const struct client_options *o, const char *certificate)
{
    char *key = o->key != NULL ? slurp(o->key) : NULL;
    natsStatus s = key != NULL ? natsOptions_SetCertificatesChain(client.options, certificate, key)
                               : NATS_INVALID_ARG;

    free(key);
    return s;
}

/* What is done with each file that is named. 0 or -errno. */
static int
use_files(const struct client_options *o, char why[CLIENT_WHY])
{
    const char *const path[] = { o->creds, o->auth, o->ca, o->cert };

    for (unsigned i = 0; i < sizeof path / sizeof path[0]; i++) {
        char *text = path[i] != NULL ? slurp(path[i]) : NULL;
        natsStatus s;

        if (path[i] == NULL) {
            continue;
        }
        if (text == NULL) {
            int error = errno;

            (void)snprintf(why, CLIENT_WHY, "%.100s: %s", path[i], strerror(error));
            return error != 0 ? -error : -EIO;
        }
        s = i == 0   ? use_credentials(text)
            : i == 1 ? use_auth(text)
            : i == 2 ? use_ca(text)
                     : use_certificate(o, text);
        free(text);
        if (s != NATS_OK) {
            (void)snprintf(why, CLIENT_WHY, "%.100s: %s", path[i], natsStatus_GetText(s));
            return -EINVAL;
        }
    }
    return 0;
}

/* ---- the connection */

/* Kept silent: what is wrong is asked for. The library's own would print to standard error. */
static void
library_error(natsConnection *c, natsSubscription *s, natsStatus status, void *to)
{
    (void)c;
    (void)s;
    (void)status;
    (void)to;
}

static natsStatus
set_servers(const char *servers)
{
    char text[1024];
    const char *list[CLIENT_SERVERS];
    char *rest = text;
    char *one;
    int count = 0;
    natsStatus s;

    (void)snprintf(text, sizeof text, "%s", servers);
    while ((one = strsep(&rest, ",")) != NULL && count < CLIENT_SERVERS) {
        list[count++] = one;
        if (strncmp(one, "tls://", 6) == 0) {
            (void)natsOptions_SetSecure(client.options, true);
        }
    }
    s = natsOptions_SetServers(client.options, list, count);
    return s != NATS_OK ? s
                        : natsOptions_SetTimeout(client.options,
                                  CONNECT_ALL_MS / count < CONNECT_MS ? CONNECT_ALL_MS / count : CONNECT_MS);
}

static natsStatus
set_options(const struct client_options *o)
{
    natsStatus s = natsOptions_Create(&client.options);

    s = s == NATS_OK ? set_servers(o->servers) : s;
    s = s == NATS_OK ? natsOptions_SetName(client.options, o->name) : s;
    /* The library's own would not say why it fails, and gives up for good when it is refused twice. */
    s = s == NATS_OK ? natsOptions_SetAllowReconnect(client.options, false) : s;
    s = s == NATS_OK ? natsOptions_SetPingInterval(client.options, PING_MS) : s;
    s = s == NATS_OK ? natsOptions_SetMaxPingsOut(client.options, 2) : s;
    s = s == NATS_OK ? natsOptions_SetWriteDeadline(client.options, CONNECT_MS) : s;
    return s == NATS_OK ? natsOptions_SetErrorHandler(client.options, library_error, NULL) : s;
}

int
client_start(const struct client_options *options, char why[CLIENT_WHY])
{
    natsStatus s = set_options(options);

    if (s != NATS_OK) {
        (void)snprintf(why, CLIENT_WHY, "%s", natsStatus_GetText(s));
        return -EINVAL;
    }
    return use_files(options, why);
}

static void
drop_connection(void)
{
    client_unfollow();
    jsCtx_Destroy(client.js);
    natsConnection_Destroy(client.connection);
    client.js = NULL;
    client.connection = NULL;
}

void
client_stop(void)
{
    drop_connection();
    natsOptions_Destroy(client.options);
    client.options = NULL;
    free(client.jwt);
    free(client.seed);
    client.jwt = NULL;
    client.seed = NULL;
}

/* On a thread of the library; `msg` is ours then. */
static void
acknowledged(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *error, void *to)
{
    const char *id = NULL;

    (void)js;
    (void)to;
    (void)natsMsgHeader_Get(msg, ID_HEADER, &id);
    (void)pthread_mutex_lock(&client.lock);
    for (unsigned i = 0; id != NULL && ack != NULL && i < client.posts; i++) {
        struct client_post *p = &client.post[i];

        if (!p->acked && strcmp(p->id, id) == 0) {
            p->acked = true;
            client.acked++;
        }
    }
    if (error != NULL) {
        say_why("stream", error->ErrText != NULL ? error->ErrText : natsStatus_GetText(error->Err));
    }
    (void)pthread_mutex_unlock(&client.lock);
    natsMsg_Destroy(msg);
}

static natsStatus
begin(void)
{
    natsStatus s;
    jsOptions o;

    if (client.connection != NULL && natsConnection_Status(client.connection) != NATS_CONN_STATUS_CONNECTED) {
        drop_connection();
    }
    if (client.connection == NULL) {
        s = natsConnection_Connect(&client.connection, client.options);
        if (s != NATS_OK) {
            client.connection = NULL;
            return s;
        }
    }
    if (client.js != NULL) {
        return NATS_OK;
    }
    (void)jsOptions_Init(&o);
    o.Wait = API_MS;
    o.PublishAsync.AckHandler = acknowledged;
    return natsConnection_JetStream(&client.js, client.connection, &o);
}

/* What the library says of a connection that it did not get, without its places in its source and in a chain.
 */
static void
say_unconnected(natsStatus s)
{
    const char *text = nats_GetLastError(NULL);
    const char *end = text != NULL && text[0] == '(' ? strstr(text, "): ") : NULL;
    char why[CLIENT_WHY];

    text = end != NULL ? end + 3 : text;
    if (text == NULL || text[0] == '\0') {
        text = natsStatus_GetText(s);
    } else if (strstr(text, "got ''") != NULL || strstr(text, "SSL_write") != NULL) {
        text = "closed by the server behind the handshake; does it take our certificate?";
    }
    end = strstr(text, ":depth=");
    (void)snprintf(why, sizeof why, "%.*s", end != NULL ? (int)(end - text) : (int)sizeof why - 1, text);
    say_why("connection", why);
}

bool
client_connected(void)
{
    natsStatus s = begin();

    if (s != NATS_OK) {
        say_unconnected(s);
    } else if (strncmp(client.why, "connection", 10) == 0) {
        client.why[0] = '\0';
    }
    return s == NATS_OK;
}

const char *
client_why(void)
{
    static char why[CLIENT_WHY];

    (void)pthread_mutex_lock(&client.lock);
    memcpy(why, client.why, sizeof why);
    (void)pthread_mutex_unlock(&client.lock);
    return why;
}

/* ---- publisher */

static natsStatus
publish_one(const char *stream, const struct client_post *p)
{
    jsPubOptions o;
    natsMsg *msg = NULL;
    natsStatus s = natsMsg_Create(&msg, p->subject, NULL, p->text, (int)strlen(p->text));

    (void)jsPubOptions_Init(&o);
    o.MsgId = p->id;
    o.ExpectStream = stream;
    s = s == NATS_OK ? js_PublishMsgAsync(client.js, &msg, &o) : s;
    natsMsg_Destroy(msg);
    return s;
}

/* What has no acknowledgement yet will never get one here: it is published again under its id. */
static void
give_up(void)
{
    natsMsgList pending = { .Msgs = NULL };

    if (js_PublishAsyncGetPendingList(&pending, client.js) == NATS_OK) {
        natsMsgList_Destroy(&pending);
    }
}

unsigned
client_publish(const char *stream, struct client_post *post, unsigned count, int wait_ms)
{
    natsStatus s = NATS_OK;
    jsPubOptions o;
    unsigned acked;

    if (!client_connected()) {
        return 0;
    }
    (void)pthread_mutex_lock(&client.lock);
    client.post = post;
    client.posts = count;
    client.acked = 0;
    client.why[0] = '\0';
    (void)pthread_mutex_unlock(&client.lock);
    for (unsigned i = 0; i < count && s == NATS_OK; i++) {
        s = publish_one(stream, &post[i]);
    }
    (void)jsPubOptions_Init(&o);
    o.MaxWait = wait_ms;
    if (s == NATS_OK) {
        s = js_PublishAsyncComplete(client.js, &o);
    }
    give_up();
    (void)pthread_mutex_lock(&client.lock);
    client.posts = 0;
    acked = client.acked;
    if (acked < count && client.why[0] == '\0') {
        say_why("stream", s != NATS_OK ? natsStatus_GetText(s) : "no acknowledgement");
    }
    (void)pthread_mutex_unlock(&client.lock);
    return acked;
}

/* ---- hub */

static jsErrCode
make_stream(jsStreamInfo **info, const struct client_stream *s)
{
    const char *subjects[] = { s->subjects };
    jsStreamConfig config;
    jsErrCode error = 0;
    natsStatus r;

    (void)jsStreamConfig_Init(&config);
    config.Name = s->name;
    config.Description = "what belfries have proved";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Replicas = s->replicas;
    config.Duplicates = DUPLICATES_NS;
    config.MaxAge = (int64_t)s->keep_days * 86400 * 1000000000;
    config.MaxBytes = s->keep_bytes > 0 ? (int64_t)s->keep_bytes : -1;
    config.MaxMsgSize = CLIENT_TEXT + 512; /* with its headers */
    config.DenyDelete = true;
    r = js_AddStream(info, client.js, &config, NULL, &error);
    if (r != NATS_OK) {
        say_why("stream", nats_GetLastError(NULL) != NULL ? nats_GetLastError(NULL) : natsStatus_GetText(r));
    }
    return error;
}

bool
client_stream(const struct client_stream *s, uint64_t *made, uint64_t *first, uint64_t *last)
{
    jsStreamInfo *info = NULL;
    jsErrCode error = 0;
    natsStatus r;

    if (!client_connected()) {
        return false;
    }
    r = js_GetStreamInfo(&info, client.js, s->name, NULL, &error);
    if (r != NATS_OK && error == JSStreamNotFoundErr) {
        (void)make_stream(&info, s);
    } else if (r != NATS_OK) {
        say_why("stream", natsStatus_GetText(r));
    }
    if (info == NULL) {
        return false;
    }
    *made = (uint64_t)info->Created;
    *first = info->State.FirstSeq;
    *last = info->State.LastSeq;
    jsStreamInfo_Destroy(info);
    client.why[0] = '\0';
    return true;
}

bool
client_follow(const char *stream, const char *subjects, uint64_t sequence)
{
    jsSubOptions o;
    jsErrCode error = 0;
    natsStatus s;

    client_unfollow();
    if (!client_connected()) {
        return false;
    }
    (void)jsSubOptions_Init(&o);
    o.Stream = stream;
    o.Ordered = true;
    o.Config.DeliverPolicy = js_DeliverByStartSequence;
    o.Config.OptStartSeq = sequence > 0 ? sequence : 1;
    s = js_SubscribeSync(&client.followed, client.js, subjects, NULL, &o, &error);
    if (s != NATS_OK) {
        client.followed = NULL;
        say_why("stream", natsStatus_GetText(s));
    }
    return s == NATS_OK;
}

void
client_unfollow(void)
{
    if (client.followed != NULL) {
        (void)natsSubscription_Unsubscribe(client.followed);
        natsSubscription_Destroy(client.followed);
        client.followed = NULL;
    }
}

/* False when it is no message of a stream. */
static bool
take_message(natsMsg *msg, struct client_message *out)
{
    jsMsgMetaData *meta = NULL;
    const char *subject = natsMsg_GetSubject(msg);
    int len = natsMsg_GetDataLength(msg);

    if (natsMsg_GetMetaData(&meta, msg) != NATS_OK) {
        return false;
    }
    out->sequence = meta->Sequence.Stream;
    out->utc_ms = meta->Timestamp / 1000000;
    jsMsgMetaData_Destroy(meta);
    (void)snprintf(
            out->subject, sizeof out->subject, "%s", strlen(subject) < sizeof out->subject ? subject : "");
    out->len = len < 0 ? 0 : (size_t)len < sizeof out->text ? (size_t)len : sizeof out->text;
    if (out->len > 0) {
        memcpy(out->text, natsMsg_GetData(msg), out->len);
    }
    return true;
}

int
client_read(struct client_message *out, int wait_ms)
{
    natsMsg *msg = NULL;
    natsStatus s = client.followed != NULL ? natsSubscription_NextMsg(&msg, client.followed, wait_ms)
                                           : NATS_INVALID_SUBSCRIPTION;
    int r = s == NATS_TIMEOUT ? 0 : -1;

    if (s == NATS_OK) {
        r = take_message(msg, out) ? 1 : 0;
        natsMsg_Destroy(msg);
    }
    return r;
}
