#include "watch/fs_sources.h"
#include "watch/fs_look.h"
#include "watch/fs_remote.h"
#include "watch/fs_walk.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

bool
fs_sources_any(const struct fs_sources *s)
{
    return s->fanotify.fd >= 0 || s->inotify.fd >= 0;
}

uint32_t
fs_sources_enter(struct fs_sources *s, uint32_t cookie, int dir_fd, const uint8_t *path, size_t len)
{
    if (s->inotify.fd < 0 || fs_fanotify_covers(&s->fanotify, dir_fd)) {
        return FS_NO_COOKIE;
    }
    return fs_inotify_enter(&s->inotify, cookie, dir_fd, path, len);
}

static void
watch_directory(struct fs_sources *s, const uint8_t *path, size_t len)
{
    int fd = len > 0 ? fs_open_dir(path, len) : -1;

    if (fd >= 0) {
        fs_sources_enter(s, FS_NO_COOKIE, fd, path, len);
        close(fd);
    }
}

/* The directories that hold the roots, and the baseline's: what is below comes as a walk enters it. */
static void
watch_parents(struct fs_sources *s)
{
    for (unsigned i = 0; i < s->roots->count; i++) {
        const struct fs_span *root = &s->roots->root[i];
        size_t len = root->len;

        while (len > 1 && root->path[len - 1] != '/') {
            len--;
        }
        watch_directory(s, root->path, len > 1 ? len - 1 : len);
    }
    watch_directory(s, s->roots->state_dir.path, s->roots->state_dir.len);
}

static void
mark(struct fs_sources *s, const uint8_t *path, size_t len, bool *look)
{
    bool fresh;

    if (fs_remote_silent(path, len)) {
        return;
    }
    int code = fs_fanotify_mark(&s->fanotify, path, len, &fresh);

    if (code < 0 && s->refused == 0) {
        s->refused = code;
    }
    *look = *look || (code == 0 && fresh);
}

static void
mark_places(struct fs_sources *s)
{
    struct fs_places *now = &s->places[s->current];
    bool unused = false;

    s->refused = 0;
    fs_fanotify_unlist(&s->fanotify);
    for (unsigned i = 0; i < now->count; i++) {
        mark(s, fs_places_path(now, &now->place[i]), now->place[i].len, &now->place[i].look);
    }
    if (s->roots->state_dir.len > 0) {
        mark(s, s->roots->state_dir.path, s->roots->state_dir.len, &unused);
    }
}

static void
tell_place(const struct fs_places *p, const struct fs_place *place, const struct fs_hear *hear)
{
    char name[NAME_MAX + 1];
    const uint8_t *path = fs_places_path(p, place);
    int dir_fd = fs_places_parent(path, place->len, name, sizeof(name));
    struct fs_news news = { .dir_fd = dir_fd,
        .name = name,
        .path = path,
        .len = place->len,
        .tree = true,
        .mount = true,
        .pidfd = -1 };

    if (dir_fd < 0 && fs_not_opened(errno, hear)) {
        return;
    }
    hear->entry(hear->to, &news);
    if (dir_fd >= 0) {
        close(dir_fd);
    }
}

static bool
is_below(const struct fs_places *p, const struct fs_place *place, const struct fs_place *top)
{
    const uint8_t *path = fs_places_path(p, place), *above = fs_places_path(p, top);

    return place != top && top->look && baseline_under(path, place->len, above, top->len);
}

/* A look at a place takes all below it, so that the topmost ones are enough. */
static void
tell_places(const struct fs_places *p, const struct fs_hear *hear)
{
    for (unsigned i = 0; i < p->count; i++) {
        bool covered = false;

        for (unsigned n = 0; n < p->count && p->place[i].look && !covered; n++) {
            covered = is_below(p, &p->place[i], &p->place[n]);
        }
        if (p->place[i].look && !covered) {
            tell_place(p, &p->place[i], hear);
        }
    }
}

void
fs_sources_follow(struct fs_sources *s, const struct fs_hear *hear)
{
    struct fs_places *before = &s->places[s->current], *now = &s->places[1 - s->current];

    fs_places_list(now, s->roots, s->mountinfo);
    fs_places_compare(now, before);
    s->current = 1 - s->current;
    s->cut = now->cut;
    if (s->fanotify.fd >= 0) {
        mark_places(s);
    }
    if (s->inotify.fd >= 0) {
        watch_parents(s);
    }
    if (hear != NULL) {
        tell_places(before, hear);
        tell_places(now, hear);
    }
}

static void
open_mountinfo(struct fs_sources *s)
{
    char byte;

    s->mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (s->mountinfo >= 0 && pread(s->mountinfo, &byte, 1, 0) != 1) {
        close(s->mountinfo);
        s->mountinfo = -1;
    }
}

void
fs_sources_open(struct fs_sources *s, const struct fs_roots *roots)
{
    fs_fanotify_close(&s->fanotify);
    fs_inotify_close(&s->inotify);
    if (s->mountinfo >= 0) {
        close(s->mountinfo);
    }
    s->roots = roots;
    s->places[s->current].count = 0;
    open_mountinfo(s);
    s->refused = fs_fanotify_open(&s->fanotify);
    fs_inotify_open(&s->inotify);
    fs_sources_follow(s, NULL);
    if (s->fanotify.mounts == 0) {
        fs_fanotify_close(&s->fanotify);
    }
}

int
fs_sources_fds(const struct fs_sources *s, struct pollfd *fds, int max)
{
    const struct pollfd all[] = { { .fd = s->fanotify.fd, .events = POLLIN },
        { .fd = s->inotify.fd, .events = POLLIN }, { .fd = s->mountinfo, .events = POLLPRI } };
    int n = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].fd >= 0 && n < max) {
            fds[n++] = all[i];
        }
    }
    return n;
}

bool
fs_sources_wait(const struct fs_sources *s)
{
    /* Mounts are left to the loop's own wait, as asking for them takes their event away. */
    struct pollfd fd[] = { { .fd = s->fanotify.fd, .events = POLLIN },
        { .fd = s->inotify.fd, .events = POLLIN } };

    return poll(fd, 2, 0) > 0;
}

void
fs_sources_ready(struct fs_sources *s, const struct pollfd *fds, int count, const struct fs_hear *hear)
{
    for (int i = 0; i < count; i++) {
        if (fds[i].fd < 0 || fds[i].revents == 0) {
            continue;
        }
        if (fds[i].fd == s->mountinfo) {
            fs_sources_follow(s, hear);
        } else if (fds[i].fd == s->fanotify.fd) {
            fs_fanotify_read(&s->fanotify, hear);
        } else if (fds[i].fd == s->inotify.fd) {
            fs_inotify_read(&s->inotify, hear);
        }
    }
}
