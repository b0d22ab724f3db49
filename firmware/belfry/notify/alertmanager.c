#include "belfry/notify/alerts.h"

#include "belfry/clock.h"
#include "belfry/notify/kind.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#define API "/api/v2/alerts"
#define CONNECT_MS 3000L
#define ANSWER_MS 8000L
#define ANSWER_BYTES 65536 /* an Alertmanager that accepts says nothing */
#define HOLD_S                                                                                  \
    60 /* longer than an Alertmanager's usual group_wait, within which an end hides a beginning \
        */
#define HOLD_S_MAX 3600
#define FILE_MAX 65536
#define TURN_MS 1000

struct instance {
    char url[CONF_PATH + sizeof API];
    CURL *easy;
    struct curl_slist *headers;
    struct alerts_batch batch;
    size_t answered; /* bytes */
    char error[CURL_ERROR_SIZE];
    char why[NOTIFY_WHY]; /* its last failure; "" when it accepts */
};

static struct alerts alerts;
static struct instance instance[ALERTS_INSTANCES];
static CURLM *multi;
static unsigned running;

/* ---- options */

/* The whole file, to be freed; NULL, and what we wait for said, when it cannot be had. */
static char *
slurp(const char *path, size_t *len)
{
    char *text = malloc(FILE_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = 0;

    *len = 0;
    while (text != NULL && fd >= 0 && *len < FILE_MAX && (n = read(fd, text + *len, FILE_MAX - *len)) > 0) {
        *len += (size_t)n;
    }
    if (fd < 0 || text == NULL || n != 0) {
        notify_state("%s: %s", path, n > 0 ? "too long" : strerror(errno));
        free(text);
        text = NULL;
    } else {
        text[*len] = '\0';
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return text;
}

/* A file that an option names, given to each instance. False, likewise. */
static bool
use_file(const char *option, CURLoption what)
{
    const char *path = notify_option(option);
    struct curl_blob blob = { .flags = CURL_BLOB_COPY };
    char *text;
    bool well = true;

    if (path == NULL) {
        return true;
    }
    text = slurp(path, &blob.len);
    blob.data = text;
    for (unsigned i = 0; text != NULL && i < alerts.instances; i++) {
        well = curl_easy_setopt(instance[i].easy, what, &blob) == CURLE_OK && well;
    }
    well = well && text != NULL;
    free(text);
    return well;
}

/* The first line of a file: "user:password", or a bearer token. */
static bool
use_auth(void)
{
    const char *path = notify_option("auth");
    size_t len;
    char *text = path != NULL ? slurp(path, &len) : NULL;
    bool well = true;

    if (path == NULL || text == NULL) {
        return path == NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    for (unsigned i = 0; i < alerts.instances; i++) {
        bool basic = strchr(text, ':') != NULL;

        well = curl_easy_setopt(instance[i].easy, CURLOPT_HTTPAUTH,
                       basic ? CURLAUTH_BASIC : CURLAUTH_BEARER) == CURLE_OK &&
               curl_easy_setopt(instance[i].easy, basic ? CURLOPT_USERPWD : CURLOPT_XOAUTH2_BEARER, text) ==
                       CURLE_OK &&
               well;
    }
    free(text);
    return well;
}

static void
use_names(void)
{
    const char *receiver = notify_option("receiver");
    const char *hold = notify_option("hold");

    if (receiver != NULL) {
        (void)snprintf(alerts.receiver, sizeof alerts.receiver, "%s", receiver);
    } else if (gethostname(alerts.receiver, sizeof alerts.receiver - 1) != 0) {
        (void)snprintf(alerts.receiver, sizeof alerts.receiver, "belfry");
    }
    alerts.hold_ms = 1000LL * (hold != NULL ? strtol(hold, NULL, 10) : HOLD_S);
}

/* ---- instances */

/* More than an Alertmanager says ends the transfer: it is none. */
static size_t
take_answer(char *data, size_t size, size_t count, void *to)
{
    struct instance *in = to;

    (void)data;
    in->answered += size * count;
    return in->answered <= ANSWER_BYTES ? size * count : 0;
}

static bool
set_up(struct instance *in)
{
    CURL *e = curl_easy_init();

    in->easy = e;
    in->headers = curl_slist_append(NULL, "Content-Type: application/json");
    return e != NULL && in->headers != NULL && curl_easy_setopt(e, CURLOPT_URL, in->url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, in->headers) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOPROXY, "*") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ANSWER_MS) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, in->error) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, in) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, in) == CURLE_OK;
}

/* The place: URLs with commas between. */
static bool
set_up_all(void)
{
    const char *at = notify_place();

    while (*at != '\0' && alerts.instances < ALERTS_INSTANCES) {
        size_t len = strcspn(at, ",");
        struct instance *in = &instance[alerts.instances];
        size_t bare = len > 0 && at[len - 1] == '/' ? len - 1 : len;

        (void)snprintf(in->url, sizeof in->url, "%.*s%s", (int)bare, at, API);
        if (!set_up(in)) {
            return false;
        }
        alerts.instances++;
        at += len + (at[len] == ',');
    }
    return alerts.instances > 0;
}

static void
done(void *task, bool told, const char *why)
{
    if (told) {
        notify_told(task);
    } else {
        notify_failed(task, why);
    }
}

static int
start(void)
{
    alerts.done = done;
    use_names();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (multi = curl_multi_init()) == NULL || !set_up_all()) {
        notify_state("libcurl cannot do this");
        return -ENOTSUP;
    }
    return use_file("ca", CURLOPT_CAINFO_BLOB) && use_file("cert", CURLOPT_SSLCERT_BLOB) &&
                           use_file("key", CURLOPT_SSLKEY_BLOB) && use_auth()
                   ? 0
                   : -EINVAL;
}

/* ---- at work */

static void
post(unsigned i, int64_t now_ms)
{
    struct instance *in = &instance[i];

    if (alerts_batch(&alerts, i, now_ms, clock_utc_us() / 1000, &in->batch) == 0) {
        return;
    }
    in->answered = 0;
    in->error[0] = '\0';
    if (curl_easy_setopt(in->easy, CURLOPT_POSTFIELDS, in->batch.body) != CURLE_OK ||
            curl_easy_setopt(in->easy, CURLOPT_POSTFIELDSIZE, (long)in->batch.len) != CURLE_OK ||
            curl_multi_add_handle(multi, in->easy) != CURLM_OK) {
        alerts_answer(&alerts, i, &in->batch, ALERTS_FAILED, "", now_ms);
        return;
    }
    running++;
}

/* A request that is wrong will be wrong again; what says so of the moment only is tried again. */
static enum alerts_result
result_of(const struct instance *in, CURLcode code, long status)
{
    if (code != CURLE_OK || in->answered > ANSWER_BYTES) {
        return ALERTS_FAILED;
    }
    if (status >= 200 && status < 300) {
        return ALERTS_ACCEPTED;
    }
    return status == 400 || status == 413 || status == 422 ? ALERTS_REFUSED : ALERTS_FAILED;
}

static void
answered(CURL *easy, CURLcode code)
{
    struct instance *in = NULL;
    long status = 0;
    enum alerts_result result;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&in);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    result = result_of(in, code, status);
    if (result == ALERTS_ACCEPTED) {
        in->why[0] = '\0';
    } else if (code == CURLE_OK) {
        (void)snprintf(in->why, sizeof in->why, "HTTP %ld", status);
    } else {
        (void)snprintf(in->why, sizeof in->why, "%.*s", (int)sizeof in->why - 1,
                in->error[0] != '\0' ? in->error : curl_easy_strerror(code));
    }
    (void)curl_multi_remove_handle(multi, easy);
    running--;
    alerts_answer(&alerts, (unsigned)(in - instance), &in->batch, result, in->why, clock_ms());
}

/* What each instance that does not accept says, for people. */
static void
tell_state(void)
{
    char text[4 * NOTIFY_WHY] = "";
    size_t len = 0;

    for (unsigned i = 0; i < alerts.instances && len < sizeof text - 1; i++) {
        if (instance[i].why[0] != '\0') {
            int n = snprintf(
                    text + len, sizeof text - len, "%s%u: %s", len > 0 ? "; " : "", i + 1, instance[i].why);

            len += n > 0 ? (size_t)n : 0;
        }
    }
    notify_state("%s", text);
}

static void
take_notices(int64_t now_ms)
{
    struct notify_task *t;

    while ((t = notify_next_apart()) != NULL) {
#ifdef PLANT_TOLD_EARLY
        (void)alerts_take(&alerts, &t->message.of.notice, NULL, now_ms, clock_utc_us() / 1000);
        notify_told(t);
        continue;
#endif
        if (!alerts_take(&alerts, &t->message.of.notice, t, now_ms, clock_utc_us() / 1000)) {
            notify_failed(t, "more alarms are open than can be kept up");
        }
    }
}

static void
turn(const struct pollfd *p, unsigned count)
{
    int64_t now_ms = clock_ms();
    CURLMsg *m;
    int left;

    (void)p;
    (void)count;
    take_notices(now_ms);
    for (unsigned i = 0; i < alerts.instances; i++) {
        if (alerts_due(&alerts, i) <= now_ms) {
            post(i, now_ms);
        }
    }
    (void)curl_multi_perform(multi, &left);
    while ((m = curl_multi_info_read(multi, &left)) != NULL) {
        if (m->msg == CURLMSG_DONE) {
            answered(m->easy_handle, m->data.result);
        }
    }
    tell_state();
}

static void
sooner(int64_t *due_ms, int64_t ms)
{
    *due_ms = ms < *due_ms ? ms : *due_ms;
}

static unsigned
polls(struct pollfd *p, int64_t *due_ms)
{
    fd_set in;
    fd_set out;
    fd_set bad;
    int most = -1;
    long wait_ms = -1;
    unsigned count = 0;
    int64_t now_ms = clock_ms();

    for (unsigned i = 0; i < alerts.instances; i++) {
        sooner(due_ms, alerts_due(&alerts, i));
    }
    if (running == 0) {
        return 0;
    }
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&bad);
    (void)curl_multi_fdset(multi, &in, &out, &bad, &most);
    (void)curl_multi_timeout(multi, &wait_ms);
    sooner(due_ms, now_ms + (most < 0 ? 50 : wait_ms >= 0 && wait_ms < TURN_MS ? wait_ms : TURN_MS));
    for (int fd = 0; fd <= most && fd < FD_SETSIZE && count < NOTIFY_POLLS; fd++) {
        short events = (short)((FD_ISSET(fd, &in) ? POLLIN : 0) | (FD_ISSET(fd, &out) ? POLLOUT : 0));

        if (events != 0) {
            p[count++] = (struct pollfd){ .fd = fd, .events = events };
        }
    }
    return count;
}

static void
standing(const struct notice *n)
{
    (void)alerts_take(&alerts, n, NULL, clock_ms(), clock_utc_us() / 1000);
}

static bool
part(void)
{
    return !alerts_busy(&alerts) && running == 0;
}

const struct notify_kind notify_alertmanager = {
    .name = "alertmanager",
    .start = start,
    .polls = polls,
    .turn = turn,
    .standing = standing,
    .part = part,
};
