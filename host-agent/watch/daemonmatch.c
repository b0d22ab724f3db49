#include "watch/daemonmatch.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SETTLED_MS 100
#define START_SLACK_MS 2000 /* the kernel's clock ticks and the file system's are coarse */
#define PIDFILE_TEXT 64

static struct pidfile {
    int32_t pid;  /* 0: there is none, or no number in it */
    bool unread;  /* there is one, and what is in it is not known */
    bool settled; /* read long enough after it changed: before Linux 6.13 two changes may bear the same time
                   */
    dev_t device;
    ino_t inode;
    struct timespec changed;
    struct timespec written;
} pidfiles[CONF_DAEMONS];

/* A folder of a group's path. */
struct part {
    const char *at;
    size_t len;
};

static bool
take_part(const char **at, const char *end, struct part *out)
{
    if (*at == end || **at != '/') {
        return false;
    }
    out->at = ++*at;
    while (*at < end && **at != '/') {
        ++*at;
    }
    out->len = (size_t)(*at - out->at);
    return true;
}

static bool
is_slice(const struct part *part)
{
    static const char end[] = ".slice";
    size_t len = sizeof(end) - 1;

    return part->len > len && memcmp(part->at + part->len - len, end, len) == 0;
}

static bool
path_in_unit(const char *at, const char *end, const char *unit)
{
    struct part part;

    while (take_part(&at, end, &part)) {
        if (part.len == strlen(unit) && memcmp(part.at, unit, part.len) == 0) {
            return true;
        }
        if (!is_slice(&part)) {
            return false;
        }
    }
    return false;
}

/* "0::/path" of version 2, or the service manager's own hierarchy "N:name=systemd:/path". */
static const char *
manager_path(const char *line, const char *end)
{
    static const char second[] = "0::";
    static const char first[] = ":name=systemd:";
    size_t len = (size_t)(end - line);

    if (len >= sizeof(second) - 1 && memcmp(line, second, sizeof(second) - 1) == 0) {
        return line + sizeof(second) - 1;
    }
    const char *colon = memchr(line, ':', len);

#ifdef PLANT_DAEMONMATCH
    if (colon == NULL) {
#else
    if (colon == NULL || (size_t)(end - colon) < sizeof(first) - 1) {
#endif
        return NULL;
    }
    return memcmp(colon, first, sizeof(first) - 1) == 0 ? colon + sizeof(first) - 1 : NULL;
}

bool
daemonmatch_unit(const char *src, size_t len, const char *unit)
{
    const char *end = src + len;

    while (src < end) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));
        const char *line_end = newline != NULL ? newline : end;
        const char *path = manager_path(src, line_end);

        if (path != NULL && path_in_unit(path, line_end, unit)) {
            return true;
        }
        src = newline != NULL ? newline + 1 : end;
    }
    return false;
}

/* A NUL ends an argument; the words that are looked for have blanks between them. */
static bool
same_words(const char *src, const char *args, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (src[i] != args[i] && !(src[i] == '\0' && args[i] == ' ')) {
            return false;
        }
    }
    return true;
}

bool
daemonmatch_args(const char *src, size_t len, const char *args)
{
    size_t want = strlen(args);

    for (size_t at = 0; at < len; at++) {
        if (src[at] != '\0') {
            continue;
        }
        size_t left = len - at - 1;

        if (left >= want && same_words(src + at + 1, args, want) &&
                (left == want || src[at + 1 + want] == '\0')) {
            return true;
        }
    }
    return false;
}

int32_t
daemonmatch_pid(const char *src, size_t len)
{
    const char *at = src;
    const char *end = src + len;
    uint64_t pid;

    while (at < end && *at == ' ') {
        at++;
    }
    if (!procfs_decimal(&at, end, INT32_MAX, &pid)) {
        return 0;
    }
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at == end ? (int32_t)pid : 0;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int64_t
ms_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

void
daemonmatch_pidfile(unsigned place, const char *path)
{
    struct pidfile *p = &pidfiles[place];
    char text[PIDFILE_TEXT];
    struct timespec now;
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        *p = (struct pidfile){ .pid = 0 };
        return;
    }
    if (p->settled && p->device == st.st_dev && p->inode == st.st_ino &&
            same_time(&p->changed, &st.st_ctim)) {
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    *p = (struct pidfile){
        .device = st.st_dev, .inode = st.st_ino, .changed = st.st_ctim, .written = st.st_mtim
    };
    p->settled = ms_of(&now) - ms_of(&st.st_ctim) >= SETTLED_MS;
    ssize_t len = procfs_read(AT_FDCWD, path, text, sizeof(text));

    p->pid = len > 0 ? daemonmatch_pid(text, (size_t)len) : 0;
    p->unread = len < 0 && len != -ENOENT;
    p->settled = p->settled && !p->unread;
}

bool
daemonmatch_unread(unsigned place)
{
    return pidfiles[place].unread;
}

bool
daemonmatch_named(unsigned place, int32_t pid, uint64_t start, bool alone)
{
    const struct pidfile *p = &pidfiles[place];
    struct timespec real;
    struct timespec boot;

    if (p->pid != pid || pid <= 0) {
        return false;
    }
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t began_ms = ms_of(&real) - ms_of(&boot) + (int64_t)start * 1000 / sysconf(_SC_CLK_TCK);

    return !alone || began_ms <= ms_of(&p->written) + START_SLACK_MS;
}
