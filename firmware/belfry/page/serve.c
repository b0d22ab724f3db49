#include "belfry/page/serve.h"

#include "belfry/page/assets.h"
#include "belfry/page/host.h"
#include "belfry/page/html.h"
#include "belfry/page/metrics.h"
#include "belfry/page/timeline.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTML "text/html; charset=utf-8"
#define PLAIN "text/plain; charset=utf-8"
#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"
#define REFRESH_LEAST 2
#define REFRESH_MOST 3600

/* ---- answers */

static void
header(struct MHD_Response *r, const char *name, const char *value)
{
    (void)MHD_add_response_header(r, name, value);
}

static void
dress(struct MHD_Response *r, const char *type)
{
    header(r, "Content-Type", type);
    header(r, "Cache-Control", "no-store");
    header(r, "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            "base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'");
    header(r, "X-Content-Type-Options", "nosniff");
    header(r, "Referrer-Policy", "no-referrer");
    header(r, "Cross-Origin-Resource-Policy", "same-origin");
    header(r, "Cross-Origin-Opener-Policy", "same-origin");
    header(r, "X-Frame-Options", "DENY");
}

static enum MHD_Result
give(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
    enum MHD_Result result = MHD_NO;

    if (r != NULL) {
        result = MHD_queue_response(c, status, r);
        MHD_destroy_response(r);
    }
    return result;
}

static struct MHD_Response *
constant(const char *type, const void *bytes, size_t len)
{
    /* MHD takes a pointer to non-const; it does not write there. */
    union {
        const void *in;
        void *out;
    } at = { .in = bytes };
    struct MHD_Response *r = MHD_create_response_from_buffer(len, at.out, MHD_RESPMEM_PERSISTENT);

    if (r != NULL) {
        dress(r, type);
    }
    return r;
}

static enum MHD_Result
say(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r = constant(PLAIN, text, strlen(text));

    if (r != NULL && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        header(r, "Allow", "GET, HEAD");
    }
    if (r != NULL && status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        header(r, "Retry-After", "10");
    }
    return give(c, status, r);
}

/* The sheet's memory becomes the response's. NULL when there was none. */
static struct MHD_Response *
from_sheet(struct sheet *s, const char *type)
{
    struct MHD_Response *r = NULL;

    if (sheet_sound(s)) {
        r = MHD_create_response_from_buffer(s->len, s->at, MHD_RESPMEM_MUST_FREE);
    }
    if (r == NULL) {
        sheet_free(s);
        return NULL;
    }
    dress(r, type);
    return r;
}

static enum MHD_Result
give_sheet(struct MHD_Connection *c, struct sheet *s, const char *type)
{
    struct MHD_Response *r = from_sheet(s, type);

    return r != NULL ? give(c, MHD_HTTP_OK, r) : say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory\n");
}

/* ---- what is asked */

static unsigned
number_in(struct MHD_Connection *c, const char *name, unsigned least, unsigned most)
{
    const char *text = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
    unsigned long n =
            text != NULL && strspn(text, "0123456789") == strlen(text) ? strtoul(text, NULL, 10) : 0;

    return n == 0 ? 0 : n < least ? least : n > most ? most : (unsigned)n;
}

static void
renew_rows(struct serve *s)
{
    if (s->rows_round != s->round || s->rows_moves != s->model->moves || s->rows.count == 0) {
        rows_make(&s->rows, s->model);
        s->rows_round = s->round;
        s->rows_moves = s->model->moves;
    }
}

static struct html_view
view_of(struct serve *s, struct MHD_Connection *c)
{
    renew_rows(s);
    return (struct html_view){
        .model = s->model,
        .rows = &s->rows,
        .from = number_in(c, "from", 0, ROWS_MAX),
        .refresh = number_in(c, "refresh", REFRESH_LEAST, REFRESH_MOST),
    };
}

/* What most are sent is made once a round; a response is counted, and lives as long as somebody still reads
 * it. */
static enum MHD_Result
overview(struct serve *s, struct MHD_Connection *c)
{
    struct html_view v = view_of(s, c);
    struct sheet sheet = { .at = NULL };

    if (v.from > 0 || v.refresh > 0) {
        html_overview(&sheet, &v);
        return give_sheet(c, &sheet, HTML);
    }
    if (s->page == NULL || s->page_round != s->round) {
        html_overview(&sheet, &v);
        if (s->page != NULL) {
            MHD_destroy_response(s->page);
        }
        s->page = from_sheet(&sheet, HTML);
        s->page_round = s->round;
    }
    if (s->page == NULL) {
        return say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory\n");
    }
    return MHD_queue_response(c, MHD_HTTP_OK, s->page);
}

static enum MHD_Result
one_line(struct serve *s, struct MHD_Connection *c, const char *name, bool picture)
{
    const struct model_line *l = model_find_line(s->model, name, strlen(name));
    struct sheet sheet = { .at = NULL };

    if (l == NULL) {
        return say(c, MHD_HTTP_NOT_FOUND, "no such line\n");
    }
    if (picture) {
        timeline_svg(&sheet, l, s->model->now_ms, true);
        return give_sheet(c, &sheet, "image/svg+xml");
    }
    struct html_view v = view_of(s, c);

    html_line(&sheet, &v, l);
    return give_sheet(c, &sheet, HTML);
}

static unsigned
connections(const struct serve *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info != NULL ? info->num_connections : 0;
}

/* ---- streams */

static const char greeting[] = "retry: 2000\n\n";

/* What it does not know of yet. With nothing to tell, the connection is put aside until serve_news(). */
static ssize_t
read_stream(void *to, uint64_t pos, char *out, size_t size)
{
    struct serve_stream *t = to;
    int n;

    (void)pos;
    if (!t->greeted) {
        t->greeted = true;
        memcpy(out, greeting, sizeof greeting - 1); /* the block is larger, see streams() */
        return sizeof greeting - 1;
    }
    if (t->told == t->serve->round) {
        t->waits = true;
        MHD_suspend_connection(t->connection);
        return 0;
    }
    t->told = t->serve->round;
    n = snprintf(out, size, "event: news\ndata: %llu\n\n", (unsigned long long)t->told);
    return n < 0 || (size_t)n >= size ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static void
end_stream(void *to)
{
    struct serve_stream *t = to;

    t->serve->streams--;
    t->connection = NULL;
}

static enum MHD_Result
events(struct serve *s, struct MHD_Connection *c)
{
    struct serve_stream *t = s->stream;
    struct MHD_Response *r;

    while (t < s->stream + SERVE_STREAMS && t->connection != NULL) {
        t++;
    }
    if (t == s->stream + SERVE_STREAMS) {
        return say(c, MHD_HTTP_SERVICE_UNAVAILABLE, "too many streams\n");
    }
    *t = (struct serve_stream){ .serve = s, .connection = c, .told = s->round };
    r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 256, read_stream, t, end_stream);
    if (r == NULL) {
        t->connection = NULL;
        return MHD_NO;
    }
    s->streams++;
    dress(r, "text/event-stream");
    return give(c, MHD_HTTP_OK, r);
}

void
serve_news(struct serve *s, uint64_t round)
{
    s->round = round;
    for (unsigned i = 0; i < SERVE_STREAMS; i++) {
        struct serve_stream *t = &s->stream[i];

        if (t->connection != NULL && t->waits) {
            t->waits = false;
            MHD_resume_connection(t->connection);
        }
    }
}

/* ---- requests */

static enum MHD_Result
find(struct serve *s, struct MHD_Connection *c, const char *path)
{
    struct sheet sheet = { .at = NULL };

    if (strcmp(path, "/") == 0) {
        return overview(s, c);
    }
    if (strncmp(path, "/l/", 3) == 0 || strncmp(path, "/t/", 3) == 0) {
        return one_line(s, c, path + 3, path[1] == 't');
    }
    if (strcmp(path, "/events") == 0) {
        return events(s, c);
    }
    for (const struct asset *a = assets; a->path != NULL; a++) {
        if (strcmp(path, a->path) == 0) {
            return give(c, MHD_HTTP_OK, constant(a->type, a->bytes, a->len));
        }
    }
    if (strcmp(path, "/metrics") == 0) {
        metrics_write(&sheet, s->model, connections(s), s->streams);
        return give_sheet(c, &sheet, PROMETHEUS);
    }
    if (strcmp(path, "/alarms") != 0 && strcmp(path, "/status.txt") != 0) {
        return say(c, MHD_HTTP_NOT_FOUND, "no such page\n");
    }
    struct html_view v = view_of(s, c);

    if (path[1] == 'a') {
        html_alarms(&sheet, &v);
        return give_sheet(c, &sheet, HTML);
    }
    html_text(&sheet, &v);
    return give_sheet(c, &sheet, PLAIN);
}

static enum MHD_Result
request(void *to, struct MHD_Connection *c, const char *url, const char *method, const char *version,
        const char *upload, size_t *upload_len, void **state)
{
    static int seen;
    struct serve *s = to;

    (void)version;
    (void)upload;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "this page only reads\n");
    }
    if (*state == NULL) {
        *state = &seen; /* headers only: MHD wants to be asked again */
        return MHD_YES;
    }
    if (*upload_len != 0) {
        return MHD_NO;
    }
    if (!s->any_name && !host_fits(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"))) {
        return say(c, MHD_HTTP_MISDIRECTED_REQUEST, "expected an address or localhost as the host\n");
    }
    return find(s, c, url);
}

int
serve_start(struct serve *s, int fd, bool any_name, const struct model *m)
{
    s->model = m;
    s->any_name = any_name;
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request, s,
            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)SERVE_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    return s->daemon != NULL ? 0 : -EIO;
}

int
serve_fd(const struct serve *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    return info != NULL ? info->epoll_fd : -1;
}

int
serve_patience(const struct serve *s, int most)
{
    unsigned long long ms;

    return MHD_get_timeout(s->daemon, &ms) == MHD_YES && ms < (unsigned)most ? (int)ms : most;
}

void
serve_run(struct serve *s)
{
    (void)MHD_run(s->daemon);
}
