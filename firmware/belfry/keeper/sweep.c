#include "belfry/keeper/sweep.h"

#include "belfry/keeper/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FILES_MAX 4000000

struct entry {
    char name[CONF_NAME];
    uint64_t base;
    int64_t written_s;
    bool raw;
    bool zst;
    bool index;
    bool gone;
};

struct entries {
    struct entry *at;
    size_t count;
    size_t room;
};

static int
by_line_and_base(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : x->base < y->base ? -1 : x->base > y->base;
}

static int
by_age(const void *a, const void *b)
{
    const struct entry *const *x = a;
    const struct entry *const *y = b;

    return (*x)->written_s < (*y)->written_s ? -1 : (*x)->written_s > (*y)->written_s;
}

static int
add(struct entries *all, const struct entry *e)
{
    if (all->count == all->room) {
        size_t more = all->room > 0 ? 2 * all->room : 256;
        struct entry *grown = more <= FILES_MAX ? realloc(all->at, more * sizeof *grown) : NULL;

        if (grown == NULL) {
            return -ENOMEM;
        }
        all->at = grown;
        all->room = more;
    }
    all->at[all->count++] = *e;
    return 0;
}

/* Files of one part become one entry. */
static void
join(struct entries *all)
{
    size_t kept = 0;

    if (all->count > 0) {
        qsort(all->at, all->count, sizeof *all->at, by_line_and_base);
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct entry *e = &all->at[i];
        struct entry *last = kept > 0 ? &all->at[kept - 1] : NULL;

        if (last == NULL || by_line_and_base(last, e) != 0) {
            all->at[kept++] = *e;
            continue;
        }
        last->raw = last->raw || e->raw;
        last->zst = last->zst || e->zst;
        last->index = last->index || e->index;
        last->written_s = last->written_s > e->written_s ? last->written_s : e->written_s;
    }
    all->count = kept;
}

/* What was being compressed when somebody was killed. */
static bool
is_left_over(const char *file)
{
    char part[PART_FILE];
    char name[CONF_NAME];
    size_t len = strlen(file);
    enum part_kind kind;
    uint64_t base;

    if (len < sizeof PART_NEW || len - (sizeof PART_NEW - 1) >= sizeof part ||
            strcmp(file + len - (sizeof PART_NEW - 1), PART_NEW) != 0) {
        return false;
    }
    memcpy(part, file, len - (sizeof PART_NEW - 1));
    part[len - (sizeof PART_NEW - 1)] = '\0';
    return part_parse(part, name, &kind, &base) && kind == PART_ZST;
}

static int
scan(int dir, struct entries *all)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *file;
    int error = 0;

    if (d == NULL) {
        error = -errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return error;
    }
    while (error == 0 && (file = readdir(d)) != NULL) {
        struct entry e = { .base = 0 };
        enum part_kind kind;
        struct stat st;

        if (is_left_over(file->d_name)) {
            (void)unlinkat(dir, file->d_name, 0);
        }
        if (part_parse(file->d_name, e.name, &kind, &e.base) &&
                fstatat(dir, file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            e.raw = kind == PART_RAW;
            e.zst = kind == PART_ZST;
            e.index = kind == PART_INDEX;
            e.written_s = st.st_mtim.tv_sec;
            error = add(all, &e);
        }
    }
    (void)closedir(d);
    join(all);
    return error;
}

static void
remove_file(int dir, const struct entry *e, enum part_kind kind)
{
    char file[PART_FILE];

    part_name(file, e->name, kind, e->base);
    (void)unlinkat(dir, file, 0);
}

/* Bytes first: an index alone means nothing and goes with the next sweep. */
static void
drop(const struct sweep *s, struct entry *e, struct sweep_result *out)
{
    remove_file(s->dir, e, PART_RAW);
    remove_file(s->dir, e, PART_ZST);
    remove_file(s->dir, e, PART_INDEX);
    e->gone = true;
    out->dropped += e->raw || e->zst;
}

/* A rotation moves the bytes before the index, but while we listed it may have done both. */
static bool
has_bytes(int dir, const struct entry *e)
{
    char file[PART_FILE];
    struct stat st;

    part_name(file, e->name, PART_RAW, e->base);
    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return true;
    }
    part_name(file, e->name, PART_ZST, e->base);
    return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
finish_half_done(const struct sweep *s, struct entries *all, struct sweep_result *out)
{
    for (size_t i = 0; i < all->count; i++) {
        struct entry *e = &all->at[i];

        if (e->raw && e->zst) {
            remove_file(s->dir, e, PART_RAW);
            e->raw = false;
        }
        if (!e->raw && !e->zst) {
            e->gone = true;
            if (!has_bytes(s->dir, e)) {
                drop(s, e, out);
            }
        }
    }
}

static int
by_name(const void *key, const void *line)
{
    return strcmp(key, ((const struct keeper_line *)line)->name);
}

static void
keep_bounds(const struct sweep *s, struct entries *all, int64_t now_s, struct sweep_result *out)
{
    for (size_t first = 0, end; first < all->count; first = end) {
        const struct keeper_line *l =
                s->lines > 0 ? bsearch(all->at[first].name, s->line, s->lines, sizeof *s->line, by_name)
                             : NULL;

        for (end = first + 1; end < all->count && strcmp(all->at[end].name, all->at[first].name) == 0;
                end++) {
        }
        for (size_t i = first; l != NULL && i < end; i++) {
            struct entry *e = &all->at[i];

            if (!e->gone && ((l->keep > 0 && end - i > l->keep) ||
                                    (l->keep_age_s > 0 && now_s - e->written_s > l->keep_age_s))) {
                drop(s, e, out);
            }
        }
    }
}

bool
sweep_is_due(const struct sweep *s)
{
    struct statvfs fs;

    return s->floor > 0 && fstatvfs(s->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < s->floor;
}

static void
keep_floor(const struct sweep *s, struct entries *all, struct sweep_result *out)
{
    struct entry **by = NULL;

    if (!sweep_is_due(s) || all->count == 0) {
        return;
    }
    by = malloc(all->count * sizeof(struct entry *));
    if (by == NULL) {
        return;
    }
    for (size_t i = 0; i < all->count; i++) {
        by[i] = &all->at[i];
    }
    qsort(by, all->count, sizeof(struct entry *), by_age);
    for (size_t i = 0; i < all->count && sweep_is_due(s); i++) {
        if (!by[i]->gone) {
            drop(s, by[i], out);
        }
    }
    free(by);
}

static void
pack_all(const struct sweep *s, const struct entries *all, struct sweep_result *out)
{
    for (size_t i = 0; i < all->count && !s->stop(s->to); i++) {
        const struct entry *e = &all->at[i];

        if (!e->gone && e->raw) {
            int r = pack_part(s->dir, e->name, e->base);

            out->packed += r == 0;
            out->failed += r != 0;
        }
    }
}

int
sweep_run(const struct sweep *s, int64_t now_s, struct sweep_result *out)
{
    struct entries all = { .at = NULL };
    int error = scan(s->dir, &all);

    memset(out, 0, sizeof *out);
    if (error == 0) {
        finish_half_done(s, &all, out);
        keep_bounds(s, &all, now_s, out);
        keep_floor(s, &all, out);
        pack_all(s, &all, out);
    }
    free(all.at);
    return error;
}
