#include "belfry/nats/reader.h"

#include "belfry/clock.h"
#include "belfry/nats/hub.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MS 200
#define AGAIN_MS 500
#define SAVE_MS 1000  /* after news */
#define FRESH_MS 5000 /* without any: the file says when the stream was read last */
#define LOOK_MS 10000 /* nothing came for so long: is there nothing? */
#define PATH_ROOM 600
#define HUB_FILE_MAX (128 << 20)

struct reader {
    const struct reader_options *options;
    struct hub hub;
    bool following;
    bool news;
    int64_t saved_ms;
    int64_t heard_ms; /* a message, or that there is none */
    char said[CLIENT_WHY];
};

static volatile sig_atomic_t stop;

static void
on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

static void
say(struct reader *r, const char *why)
{
    if (strcmp(why, r->said) != 0) {
        (void)snprintf(r->said, sizeof r->said, "%s", why);
        (void)fprintf(stderr, "belfry-hub: %s\n", why[0] != '\0' ? why : "reading the stream");
    }
}

/* ---- the file */

static void
beside_file(const struct reader *r, const char *ending, char out[PATH_ROOM])
{
    (void)snprintf(out, PATH_ROOM, "%s%s", r->options->file, ending);
}

static bool
save(struct reader *r)
{
    char path[PATH_ROOM];
    FILE *to;
    bool well;
    int fd;

    beside_file(r, ".new", path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (to == NULL) {
        return false;
    }
    well = hub_save(&r->hub, to) && fflush(to) == 0 && fdatasync(fd) == 0;
    well = fclose(to) == 0 && well;
    return well && rename(path, r->options->file) == 0;
}

static void
save_when_due(struct reader *r)
{
    int64_t now_ms = clock_ms();

    if (now_ms - r->saved_ms < (r->news ? SAVE_MS : FRESH_MS)) {
        return;
    }
    if (!save(r)) {
        say(r, "the file cannot be written");
    }
    r->saved_ms = now_ms;
    r->news = false;
}

/* False when there is a file that is not a hub's. */
static bool
load(struct reader *r)
{
    struct stat st;
    char *text;
    ssize_t n;
    bool well;
    int fd = open(r->options->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return errno == ENOENT;
    }
    well = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < HUB_FILE_MAX;
    text = well ? malloc((size_t)st.st_size + 1) : NULL;
    n = text != NULL ? read(fd, text, (size_t)st.st_size + 1) : -1;
    well = n >= 0 && hub_load(&r->hub, text, (size_t)n);
    free(text);
    (void)close(fd);
    return well;
}

/* ---- the stream */

/* Reads on behind the last message taken. */
static bool
follow(struct reader *r)
{
    const struct client_stream *s = &r->options->stream;
    uint64_t made;
    uint64_t first;
    uint64_t last;

    if (!client_stream(s, &made, &first, &last)) {
        return false;
    }
    hub_stream(&r->hub, made);
    if (last < r->hub.sequence) {
        hub_stream(&r->hub, 0); /* restored from an earlier state of itself: its numbers are given again */
        hub_stream(&r->hub, made);
    }
    return client_follow(s->name, s->subjects, r->hub.sequence + 1);
}

/* Nothing came for a while: true when there is nothing to come. */
static bool
nothing_waits(struct reader *r)
{
    uint64_t made;
    uint64_t first;
    uint64_t last;

    return client_stream(&r->options->stream, &made, &first, &last) && made == r->hub.stream &&
           last == r->hub.sequence;
}

static void
heard(struct reader *r)
{
    r->heard_ms = clock_ms();
    r->hub.read_ms = clock_utc_us() / 1000;
    say(r, "");
}

static void
read_on(struct reader *r)
{
    static struct client_message m;
    int got = client_read(&m, READ_MS);

    if (got == 1) {
        r->following = hub_take(&r->hub, m.sequence, m.utc_ms, m.subject, m.text, m.len);
        r->news = true;
        heard(r);
    } else if (got < 0) {
        r->following = false;
    } else if (clock_ms() - r->heard_ms > LOOK_MS / 4 && nothing_waits(r)) {
        heard(r);
    } else if (clock_ms() - r->heard_ms > LOOK_MS) {
        r->following = false;
        r->heard_ms = clock_ms();
    }
}

static void
turn(struct reader *r)
{
    if (!r->following) {
        r->following = client_connected() && follow(r);
        if (!r->following) {
            say(r, client_why());
            (void)poll(NULL, 0, AGAIN_MS);
        }
        r->heard_ms = r->following ? clock_ms() : r->heard_ms;
        return;
    }
    read_on(r);
}

static int
begin(struct reader *r)
{
    char path[PATH_ROOM];
    char why[CLIENT_WHY];
    int lock;

    if (strlen(r->options->file) + 8 > sizeof path) {
        (void)fprintf(stderr, "belfry-hub: the path of its file is too long\n");
        return -ENAMETOOLONG;
    }
    beside_file(r, ".lock", path);
    lock = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
        (void)fprintf(stderr, "belfry-hub: another one runs on this file, or it is not ours\n");
        return -EBUSY;
    }
    if (!load(r)) {
        (void)fprintf(stderr, "belfry-hub: its file is damaged; it is left as it is\n");
        return -EINVAL;
    }
    if (client_start(&r->options->client, why) != 0) {
        (void)fprintf(stderr, "belfry-hub: %s\n", why);
        return -EINVAL;
    }
    return 0;
}

int
reader_run(const struct reader_options *options)
{
    static struct reader r = { .said = "-" };
    struct sigaction act = { .sa_handler = on_signal };

    r.options = options;
    if (begin(&r) != 0) {
        return 2;
    }
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGINT, &act, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    while (!stop) {
        turn(&r);
        save_when_due(&r);
    }
    if (!save(&r)) {
        (void)fprintf(stderr, "belfry-hub: the file cannot be written\n");
    }
    client_stop();
    hub_free(&r.hub);
    return 0;
}
