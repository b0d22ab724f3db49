#include "watch/freezer.h"
#include "wire/hash.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define GROUPS_TEXT 8192
#define COUNTS_TEXT 2048
#define GROUP_PATH 4096

struct cursor {
    const char *at;
    const char *end;
};

/* Up to `stop`, which is consumed. False without one. */
static bool
take_until(struct cursor *c, char stop, struct cursor *out)
{
    const char *found = c->at < c->end ? memchr(c->at, stop, (size_t)(c->end - c->at)) : NULL;

    if (found == NULL) {
        return false;
    }
    *out = (struct cursor){ .at = c->at, .end = found };
#ifdef PLANT_FREEZER
    c->at = found + 1 + (found == out->at && stop == ':');
#else
    c->at = found + 1;
#endif
    return true;
}

static bool
is_text(const struct cursor *c, const char *text)
{
    size_t len = (size_t)(c->end - c->at);

    return len == strlen(text) && memcmp(c->at, text, len) == 0;
}

/* One of the names between commas. */
static bool
has_name(struct cursor list, const char *name)
{
    struct cursor one;

    while (take_until(&list, ',', &one)) {
        if (is_text(&one, name)) {
            return true;
        }
    }
    return is_text(&list, name);
}

bool
freezer_groups_parse(const char *src, size_t len, struct freezer_groups *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct freezer_groups groups = { .path = { NULL, NULL } };
    struct cursor line;

    while (take_until(&c, '\n', &line)) {
        struct cursor id;
        struct cursor names;

        if (!take_until(&line, ':', &id) || !take_until(&line, ':', &names) || line.at >= line.end ||
                *line.at != '/') {
            return false;
        }
        bool second = names.at == names.end && is_text(&id, "0");

        if (second || has_name(names, "freezer")) {
            enum freezer_version version = second ? FREEZER_V2 : FREEZER_V1;

            groups.path[version] = line.at;
            groups.len[version] = (size_t)(line.end - line.at);
        }
    }
    if (c.at != c.end) {
        return false;
    }
    *out = groups;
    return true;
}

bool
freezer_state_parse(enum freezer_version version, const char *src, size_t len)
{
    struct cursor c = { .at = src, .end = src + len };
    struct cursor line;

    while (take_until(&c, '\n', &line)) {
        /* FREEZING: told to, and not every process of the group has obeyed yet. */
        if (version == FREEZER_V2 ? is_text(&line, "frozen 1")
                                  : is_text(&line, "FROZEN") || is_text(&line, "FREEZING")) {
            return true;
        }
    }
    return false;
}

/* Its name, the number of its hierarchy (0: not mounted as version 1), and how many groups that has. */
bool
freezer_counts_parse(const char *src, size_t len)
{
    struct cursor c = { .at = src, .end = src + len };
    struct cursor line;

    while (take_until(&c, '\n', &line)) {
        struct cursor name;
        struct cursor hierarchy;
        struct cursor groups;

        if (take_until(&line, '\t', &name) && is_text(&name, "freezer")) {
            return !take_until(&line, '\t', &hierarchy) || !take_until(&line, '\t', &groups) ||
                   (!is_text(&hierarchy, "0") && !is_text(&groups, "1"));
        }
    }
    return false;
}

static int
open_hierarchy(const char *path, long magic)
{
    struct statfs fs;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && (fstatfs(fd, &fs) != 0 || (long)fs.f_type != magic)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void
freezer_open(struct freezer *f)
{
    f->dir[FREEZER_V1] = open_hierarchy("/sys/fs/cgroup/freezer", CGROUP_SUPER_MAGIC);
    f->dir[FREEZER_V2] = open_hierarchy("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC);
    if (f->dir[FREEZER_V2] < 0) {
        f->dir[FREEZER_V2] = open_hierarchy("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC);
    }
    f->counts = open("/proc/cgroups", O_RDONLY | O_CLOEXEC);
    f->in_place = true;
}

void
freezer_refresh(struct freezer *f)
{
    char text[COUNTS_TEXT];
    ssize_t len = f->counts >= 0 ? pread(f->counts, text, sizeof(text), 0) : -1;

    f->in_place = len <= 0 || freezer_counts_parse(text, (size_t)len);
}

void
freezer_close(struct freezer *f)
{
    for (int version = 0; version < FREEZER_VERSIONS; version++) {
        if (f->dir[version] >= 0) {
            close(f->dir[version]);
        }
        f->dir[version] = -1;
    }
    if (f->counts >= 0) {
        close(f->counts);
    }
    f->counts = -1;
}

static void
close_states(struct freezer_watch *w)
{
    for (int version = 0; version < FREEZER_VERSIONS; version++) {
        if (w->state[version] >= 0) {
            close(w->state[version]);
        }
        w->state[version] = -1;
    }
}

void
freezer_forget(struct freezer_watch *w)
{
    close_states(w);
    if (w->groups >= 0) {
        close(w->groups);
    }
    *w = (struct freezer_watch)FREEZER_WATCH_NONE;
}

/* The root of a hierarchy cannot be frozen. False when the group is another one and cannot be looked at. */
static bool
open_state(
        const struct freezer *f, const struct freezer_groups *groups, enum freezer_version version, int *fd)
{
    static const char *const file[FREEZER_VERSIONS] = { "freezer.state", "cgroup.events" };
    static char path[GROUP_PATH];
    size_t len = groups->len[version];

    if (groups->path[version] == NULL || len == 1) {
        return true;
    }
    /* "/../x" is a group outside of our control-group namespace: another directory than its path names here.
     */
    bool outside = len >= 3 && memcmp(groups->path[version], "/..", 3) == 0 &&
                   (len == 3 || groups->path[version][3] == '/');
    if (f->dir[version] < 0 || outside) {
        return false;
    }
    int n = snprintf(path, sizeof(path), "%.*s/%s", (int)len - 1, groups->path[version] + 1, file[version]);

    if (n < 0 || (size_t)n >= sizeof(path)) {
        return false;
    }
    *fd = openat(f->dir[version], path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd >= 0;
}

static void
open_states(const struct freezer *f, const char *text, size_t len, struct freezer_watch *w)
{
    struct freezer_groups groups;

    close_states(w);
    w->unknown = !freezer_groups_parse(text, len, &groups);
    for (unsigned version = 0; version < FREEZER_VERSIONS && !w->unknown; version++) {
        w->unknown = !open_state(f, &groups, (enum freezer_version)version, &w->state[version]);
    }
}

/* A group that was removed can be read no more, even when a new one has its name: then it is not certain. */
static enum freezer_state
read_state(const struct freezer_watch *w, enum freezer_version version)
{
    char text[256];

    if (w->state[version] < 0) {
        return FREEZER_THAWED;
    }
    ssize_t len = pread(w->state[version], text, sizeof(text), 0);
    if (len <= 0) {
        return FREEZER_UNKNOWN;
    }
    return freezer_state_parse(version, text, (size_t)len) ? FREEZER_FROZEN : FREEZER_THAWED;
}

static enum freezer_state
read_states(const struct freezer_watch *w)
{
    enum freezer_state state = w->unknown ? FREEZER_UNKNOWN : FREEZER_THAWED;

    for (unsigned version = 0; version < FREEZER_VERSIONS; version++) {
        enum freezer_state one = read_state(w, (enum freezer_version)version);

        if (one == FREEZER_UNKNOWN) {
            return one;
        }
        state = one == FREEZER_FROZEN ? one : state;
    }
    return state;
}

enum freezer_state
freezer_look_again(const struct freezer_watch *w)
{
    return w->unknown || w->groups < 0 ? FREEZER_UNKNOWN : read_state(w, FREEZER_V2);
}

enum freezer_state
freezer_look(const struct freezer *f, int proc, int32_t pid, struct freezer_watch *w)
{
    static char text[GROUPS_TEXT];
    uint8_t digest[WIRE_HASH_SIZE];
    char name[32];

    if (w->groups < 0) {
        snprintf(name, sizeof(name), "%d/cgroup", pid);
        w->groups = openat(proc, name, O_RDONLY | O_CLOEXEC);
    }
    ssize_t len = w->groups >= 0 ? pread(w->groups, text, sizeof(text), 0) : -1;

    if (len <= 0) {
        freezer_forget(w);
        return FREEZER_UNKNOWN;
    }
    wire_hash(text, (size_t)len, digest);
    bool same = memcmp(digest, w->digest, sizeof(w->digest)) == 0;
    enum freezer_state state = same ? read_states(w) : FREEZER_UNKNOWN;

    if (state == FREEZER_UNKNOWN) {
        memcpy(w->digest, digest, sizeof(w->digest));
        open_states(f, text, (size_t)len, w);
        state = read_states(w);
    }
    return state;
}
