#include "belfry/line/line.h"

#include "wire/crc32.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SWEEP_MS 500        /* behind inotify, which some file systems do not serve */
#define SWEEP_ALONE_MS 100  /* where there is no inotify */
#define LEAVE_AFTER_MS 1000 /* writers go on in the renamed file until they are told */

/* Opens `path` if it is a regular file. 0 or -errno. */
static int
open_regular(const char *path, int *fd, struct stat *st)
{
    /* O_NONBLOCK: a FIFO in its place must not hold us. */
    *fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0) {
        return -errno;
    }
    if (fstat(*fd, st) != 0 || !S_ISREG(st->st_mode)) {
        (void)close(*fd);
        return -EINVAL;
    }
    return 0;
}

/* CRC of the first `len` bytes; false when there are fewer. */
static bool
print_of(int fd, uint32_t len, uint32_t *out)
{
    uint8_t head[LINE_FILE_PRINT];

    if (len > sizeof head || pread(fd, head, len, 0) != (ssize_t)len) {
        return false;
    }
    *out = wire_crc32(head, len);
    return true;
}

/* The file an earlier life was in the middle of. Numbers of files are used again: the first bytes decide. */
static bool
is_saved_one(const struct line_file *f, int fd, const struct stat *st)
{
    uint32_t print;

    return f->has_saved && (uint64_t)st->st_dev == f->saved_dev && (uint64_t)st->st_ino == f->saved_ino &&
           (uint64_t)st->st_size >= f->saved_offset && print_of(fd, f->saved_print_len, &print) &&
           print == f->saved_print;
}

static void
start_at(struct line_file *f, const struct stat *st, uint64_t offset, uint64_t live_from)
{
    f->dev = (uint64_t)st->st_dev;
    f->ino = (uint64_t)st->st_ino;
    f->offset = offset;
    f->live_from = live_from;
    f->starts = 1;
    f->start[0] = offset;
    f->print_len = 0;
    f->leave_ms = 0;
    f->at_end = false;
}

/*
 * The file of this name, where we stopped in it. If it was rotated while we were away, what is left in the
 * old one comes first: it is NAME.1 then.
 */
static int
choose(struct line *l)
{
    struct line_file *f = &l->is.file;
    char old[CONF_PATH + 4];
    struct stat st = { .st_size = 0 };
    int error = open_regular(l->conf->path, &f->fd, &st);
    int fd;

    if (error == 0 && is_saved_one(f, f->fd, &st)) {
        start_at(f, &st, f->saved_back, f->saved_offset);
        return 0;
    }
    (void)snprintf(old, sizeof old, "%s.1", l->conf->path);
    if (f->has_saved && open_regular(old, &fd, &st) == 0) {
        if (is_saved_one(f, fd, &st)) {
            if (error == 0) {
                (void)close(f->fd);
            }
            f->fd = fd;
            start_at(f, &st, f->saved_back, f->saved_offset);
            return 0;
        }
        (void)close(fd);
    }
    if (error == 0) {
        (void)fstat(f->fd, &st);
        start_at(f, &st, 0, 0);
    }
    return error;
}

static void
watch(struct line *l)
{
    struct line_file *f = &l->is.file;
    char path[CONF_PATH];

    if (f->notify < 0) {
        return;
    }
    if (f->watch >= 0) {
        (void)inotify_rm_watch(f->notify, f->watch);
    }
    f->watch = inotify_add_watch(
            f->notify, l->conf->path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB);
    (void)snprintf(path, sizeof path, "%s", l->conf->path);
    (void)inotify_add_watch(f->notify, dirname(path), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

static int
file_open(struct line *l, int64_t now_ms)
{
    struct line_file *f = &l->is.file;
    int error = choose(l);

    if (error != 0) {
        return error;
    }
    f->has_saved = false;
    f->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    f->watch = -1;
    watch(l);
    l->sweep_ms = now_ms;
    return 0;
}

static void
file_close(struct line *l)
{
    struct line_file *f = &l->is.file;
    struct line_place place;

    if (line_file_place(l, &place)) {
        line_file_resume(l, &place);
    }
    (void)close(f->fd);
    if (f->notify >= 0) {
        (void)close(f->notify);
    }
}

static int
file_fd(const struct line *l)
{
    return l->is.file.notify;
}

static void
drain(int notify)
{
    char events[4096] __attribute__((aligned(8)));

    while (read(notify, events, sizeof events) > 0) {
    }
}

static void
note_starts(struct line_file *f, const uint8_t *src, size_t len)
{
    const uint8_t *at = src;
    const uint8_t *end = src + len;

    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        f->start[f->starts++ % LINE_FILE_STARTS] = f->offset + (uint64_t)(at - src);
    }
}

/* The first bytes are kept in mind as soon as they are there, to know the file again. */
static void
learn_print(struct line_file *f)
{
    uint32_t len = f->offset < LINE_FILE_PRINT ? (uint32_t)f->offset : LINE_FILE_PRINT;

    if (len > f->print_len && print_of(f->fd, len, &f->print)) {
        f->print_len = len;
    }
}

/*
 * Cut short, or cut and grown again past where we were: then it begins with other bytes. Looked for whenever
 * reading goes on after the end was reached.
 */
static void
notice_cut(struct line_file *f)
{
    struct stat here;
    uint32_t print;

    if (fstat(f->fd, &here) != 0) {
        return;
    }
    if ((uint64_t)here.st_size < f->offset ||
            (f->print_len > 0 && print_of(f->fd, f->print_len, &print) && print != f->print)) {
        start_at(f, &here, 0, 0);
    }
}

/* At the end of the file: does its name mean another one by now? True when there is a new file to read. */
static bool
moved_on(struct line *l, int64_t now_ms)
{
    struct line_file *f = &l->is.file;
    struct stat named;
    int fd;

    if (stat(l->conf->path, &named) != 0 ||
            ((uint64_t)named.st_dev == f->dev && (uint64_t)named.st_ino == f->ino)) {
        f->leave_ms = 0;
        return false;
    }
    if (f->leave_ms == 0) {
        f->leave_ms = now_ms + LEAVE_AFTER_MS;
    }
    if (now_ms < f->leave_ms || open_regular(l->conf->path, &fd, &named) != 0) {
        return false;
    }
    (void)close(f->fd);
    f->fd = fd;
    start_at(f, &named, 0, 0);
    watch(l);
    return true;
}

static int
file_read(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms)
{
    struct line_file *f = &l->is.file;
    ssize_t n;

    if (ready) {
        drain(f->notify);
    }
    l->sweep_ms = now_ms + (f->notify >= 0 ? SWEEP_MS : SWEEP_ALONE_MS);
    if (f->at_end) {
        notice_cut(f);
        f->at_end = false;
    }
    l->replay = f->offset < f->live_from;
    if (l->replay && f->live_from - f->offset < size) {
        size = (size_t)(f->live_from - f->offset);
    }
    n = pread(f->fd, to, size, (off_t)f->offset);
    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    if (n > 0) {
        note_starts(f, to, (size_t)n);
        f->offset += (uint64_t)n;
    }
    l->more = (size_t)n == size;
    f->at_end = !l->more;
    if (n == 0) {
        l->more = moved_on(l, now_ms);
        if (f->leave_ms != 0 && f->leave_ms < l->sweep_ms) {
            l->sweep_ms = f->leave_ms;
        }
    }
    learn_print(f);
    return (int)n;
}

bool
line_file_place(struct line *l, struct line_place *out)
{
    struct line_file *f = &l->is.file;

    if (l->ops != &line_file_ops || !l->up || f->offset < f->live_from) {
        return false;
    }
    out->dev = f->dev;
    out->ino = f->ino;
    out->offset = f->offset;
    out->back = f->start[f->starts > LINE_FILE_STARTS ? f->starts % LINE_FILE_STARTS : 0];
    if (f->offset - out->back > LINE_FILE_BACK_MAX) {
        out->back = f->offset - LINE_FILE_BACK_MAX;
    }
    out->print = f->print;
    out->print_len = f->print_len;
    return true;
}

void
line_file_resume(struct line *l, const struct line_place *place)
{
    struct line_file *f = &l->is.file;

    f->has_saved = true;
    f->saved_dev = place->dev;
    f->saved_ino = place->ino;
    f->saved_offset = place->offset;
    f->saved_back = place->back;
    f->saved_print = place->print;
    f->saved_print_len = place->print_len;
}

const struct line_ops line_file_ops = {
    .kind = "file",
    .open = file_open,
    .close = file_close,
    .fd = file_fd,
    .read = file_read,
};
