#include "belfry/transcript/part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIGITS 16
#define DIGITS_MAX 18
#define PARTS_MAX 1000000

static const char *const suffix[] = { [PART_RAW] = ".raw", [PART_INDEX] = ".idx", [PART_ZST] = ".zst" };

void
part_head(char out[PART_FILE], const char *name, enum part_kind kind)
{
    (void)snprintf(out, PART_FILE, "%s%s", name, suffix[kind]);
}

void
part_name(char out[PART_FILE], const char *name, enum part_kind kind, uint64_t base)
{
    (void)snprintf(out, PART_FILE, "%s%s.%0*llu", name, suffix[kind], DIGITS, (unsigned long long)base);
}

bool
part_parse(const char *file, char name[CONF_NAME], enum part_kind *kind, uint64_t *base)
{
    const char *dot = strrchr(file, '.');
    size_t digits = dot != NULL ? strspn(dot + 1, "0123456789") : 0;
    size_t len;

    if (digits < DIGITS || digits > DIGITS_MAX || dot[1 + digits] != '\0' ||
            (digits > DIGITS && dot[1] == '0') || dot - file < 5) {
        return false;
    }
    len = (size_t)(dot - file) - 4;
#ifdef PLANT_TRANSCRIPT_NAMES
    if (len > CONF_NAME + 4) {
#else
    if (len >= CONF_NAME) {
#endif
        return false;
    }
    for (int k = PART_RAW; k <= PART_ZST; k++) {
        if (memcmp(dot - 4, suffix[k], 4) == 0) {
            *kind = (enum part_kind)k;
            *base = strtoull(dot + 1, NULL, 10);
            memcpy(name, file, len);
            name[len] = '\0';
            return true;
        }
    }
    return false;
}

static int
by_base(const void *a, const void *b)
{
    const struct part *x = a;
    const struct part *y = b;

    return x->base < y->base ? -1 : x->base > y->base;
}

static int
add(struct part_list *list, unsigned *room, enum part_kind kind, uint64_t base)
{
    if (list->count == *room) {
        unsigned more = *room > 0 ? 2 * *room : 16;
        struct part *grown = more <= PARTS_MAX ? realloc(list->part, more * sizeof *grown) : NULL;

        if (grown == NULL) {
            return -ENOMEM;
        }
        list->part = grown;
        *room = more;
    }
    list->part[list->count++] = (struct part){
        .base = base,
        .raw = kind == PART_RAW,
        .zst = kind == PART_ZST,
        .index = kind == PART_INDEX,
    };
    return 0;
}

/* Files of one part become one entry; an index without bytes none. */
static void
join(struct part_list *list)
{
    unsigned kept = 0;

    if (list->count > 0) {
        qsort(list->part, list->count, sizeof *list->part, by_base);
    }
    for (unsigned i = 0; i < list->count;) {
        struct part whole = list->part[i];

        for (i++; i < list->count && list->part[i].base == whole.base; i++) {
            whole.raw = whole.raw || list->part[i].raw;
            whole.zst = whole.zst || list->part[i].zst;
            whole.index = whole.index || list->part[i].index;
        }
        if (whole.raw || whole.zst) {
            list->part[kept++] = whole;
        }
    }
    list->count = kept;
}

/* Calls take() for each part's file until it returns an error. 0 or -errno. */
static int
each_file(int dir, int (*take)(void *to, const char *name, enum part_kind kind, uint64_t base), void *to)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    int error = 0;

    if (d == NULL) {
        error = -errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return error;
    }
    while (error == 0 && (e = readdir(d)) != NULL) {
        char name[CONF_NAME];
        enum part_kind kind;
        uint64_t base;

        if (part_parse(e->d_name, name, &kind, &base)) {
            error = take(to, name, kind, base);
        }
    }
    (void)closedir(d);
    return error;
}

struct listing {
    const char *name;
    struct part_list *list;
    unsigned room;
};

static int
list_one(void *to, const char *name, enum part_kind kind, uint64_t base)
{
    struct listing *l = to;

    return strcmp(name, l->name) == 0 ? add(l->list, &l->room, kind, base) : 0;
}

int
part_list(int dir, const char *name, struct part_list *out)
{
    struct listing l = { .name = name, .list = out };
    int error;

    memset(out, 0, sizeof *out);
    error = each_file(dir, list_one, &l);
    if (error != 0) {
        part_list_free(out);
        return error;
    }
    join(out);
    return 0;
}

void
part_list_free(struct part_list *list)
{
    free(list->part);
    memset(list, 0, sizeof *list);
}

/* ---- the newest of each line */

struct newest {
    char name[CONF_NAME]; /* first: what is searched for is a name */
    struct part part;
};

struct part_newest {
    void *tree;
};

static int
by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The line's entry, made when it has none yet; NULL when there is no memory. */
static struct newest *
newest_of(struct part_newest *all, const char *name)
{
    void *found = tfind(name, &all->tree, by_name);
    struct newest *n = found != NULL ? *(struct newest **)found : NULL;

    if (n != NULL) {
        return n;
    }
    n = calloc(1, sizeof *n);
    if (n != NULL) {
        memcpy(n->name, name, strlen(name) + 1);
        if (tsearch(n, &all->tree, by_name) == NULL) {
            free(n);
            n = NULL;
        }
    }
    return n;
}

static int
keep_newest(void *to, const char *name, enum part_kind kind, uint64_t base)
{
    struct newest *n;

    if (kind == PART_INDEX) {
        return 0; /* without bytes it is no part */
    }
    n = newest_of(to, name);
    if (n == NULL) {
        return -ENOMEM;
    }
    if ((!n->part.raw && !n->part.zst) || base > n->part.base) {
        n->part = (struct part){ .base = base };
    }
    if (base == n->part.base) {
        *(kind == PART_RAW ? &n->part.raw : &n->part.zst) = true;
    }
    return 0;
}

int
part_newest_read(int dir, struct part_newest **out)
{
    struct part_newest *all = calloc(1, sizeof *all);
    int error = all != NULL ? each_file(dir, keep_newest, all) : -ENOMEM;

    if (error != 0) {
        part_newest_free(all);
        return error;
    }
    *out = all;
    return 0;
}

const struct part *
part_newest_find(const struct part_newest *all, const char *name)
{
    void *found = tfind(name, &all->tree, by_name);

    return found != NULL ? &(*(struct newest **)found)->part : NULL;
}

void
part_newest_free(struct part_newest *all)
{
    if (all != NULL) {
        tdestroy(all->tree, free);
        free(all);
    }
}
