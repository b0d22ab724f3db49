#include "watch/fs_names.h"
#include "watch/dents.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Names grow from the bottom of the memory, their places from its top downwards, until they meet. */
struct fs_name {
    uint64_t key; /* the first eight bytes, so that most comparisons need not look at the name */
    uint32_t at;
    uint16_t len;
    bool is_dir;
};

struct pile {
    uint8_t *text;
    size_t used;
    struct fs_name *order; /* the lowest place */
    struct fs_name *top;
    const uint8_t *bound; /* names behind this one did not fit */
    size_t bound_len;
};

static uint64_t
key_of(const uint8_t *name, size_t len)
{
    uint64_t key = 0;

    for (size_t i = 0; i < 8; i++) {
        key = key << 8 | (i < len ? name[i] : 0);
    }
    return key;
}

static int
compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

static bool
before(const uint8_t *text, const struct fs_name *a, const struct fs_name *b)
{
    if (a->key != b->key) {
        return a->key < b->key;
    }
    return compare_bytes(text + a->at, a->len, text + b->at, b->len) < 0;
}

static bool
placed_before(const uint8_t *text, const struct fs_name *a, const struct fs_name *b)
{
    (void)text;
    return a->at < b->at;
}

typedef bool before_fn(const uint8_t *text, const struct fs_name *a, const struct fs_name *b);

static void
sift(const uint8_t *text, struct fs_name *v, size_t at, size_t n, before_fn *is_before)
{
    struct fs_name moving = v[at];

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_before(text, &v[child], &v[child + 1])) {
            child++;
        }
        if (!is_before(text, &moving, &v[child])) {
            break;
        }
        v[at] = v[child];
    }
    v[at] = moving;
}

/* Heap sort: needs no memory, and no list of names makes it slow. */
static void
sort(const uint8_t *text, struct fs_name *v, size_t n, before_fn *is_before)
{
    for (size_t i = n / 2; i > 0; i--) {
        sift(text, v, i - 1, n, is_before);
    }
    for (size_t end = n; end > 1; end--) {
        struct fs_name last = v[end - 1];

        v[end - 1] = v[0];
        v[0] = last;
        sift(text, v, 0, end - 1, is_before);
    }
}

static size_t
pile_count(const struct pile *p)
{
    return (size_t)(p->top - p->order);
}

/* Makes room: keeps the lower half of the names and gives the rest up for another round. */
static bool
halve(struct pile *p)
{
    size_t n = pile_count(p), keep = n / 2, used = 0;

    if (keep == 0) {
        errno = ENOMEM;
        return false;
    }
    sort(p->text, p->order, n, before);
    uint32_t bound_at = p->order[keep - 1].at;
    p->order = memmove(p->top - keep, p->order, keep * sizeof(*p->order));
    sort(p->text, p->order, keep, placed_before);
    for (size_t i = 0; i < keep; i++) {
        struct fs_name *name = &p->order[i];

        memmove(p->text + used, p->text + name->at, name->len + 1);
        if (name->at == bound_at) {
            p->bound = p->text + used;
            p->bound_len = name->len;
        }
        name->at = (uint32_t)used;
        used += name->len + 1;
    }
    p->used = used;
    return true;
}

static bool
add(struct pile *p, const struct fs_names_source *src, const struct dents_entry *d)
{
    const char *name = d->name;
    const uint8_t *bytes = (const uint8_t *)name;
    size_t len = strlen(name);

    if (len == 0 || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))) {
        return true;
    }
    if (src->after != NULL && compare_bytes(bytes, len, src->after, src->after_len) <= 0) {
        return true;
    }
    while ((size_t)((uint8_t *)p->order - (p->text + p->used)) < len + 1 + sizeof(struct fs_name)) {
        if (!halve(p)) {
            return false;
        }
    }
    if (p->bound != NULL && compare_bytes(bytes, len, p->bound, p->bound_len) > 0) {
        return true;
    }
    memcpy(p->text + p->used, name, len + 1);
    p->order--;
    *p->order = (struct fs_name){
        .key = key_of(bytes, len), .at = (uint32_t)p->used, .len = (uint16_t)len, .is_dir = d->type == DT_DIR
    };
    p->used += len + 1;
    return true;
}

static bool
read_all(struct pile *p, const struct fs_names_source *src, int fd)
{
    if (src->after != NULL && lseek(fd, 0, SEEK_SET) < 0) {
        return false;
    }
    for (;;) {
        long n = syscall(SYS_getdents64, fd, src->dents, src->dents_size);

        if (n <= 0) {
            return n == 0;
        }
        for (long at = 0; at < n;) {
            const struct dents_entry *d = (const void *)(src->dents + at);

            if (!add(p, src, d)) {
                return false;
            }
            at += d->length;
        }
        if (src->alive != NULL) {
            src->alive(src->alive_to);
        }
    }
}

bool
fs_names_read(struct fs_names *names, const struct fs_names_source *src, int fd, uint8_t *memory, size_t size)
{
    struct fs_name *top = (struct fs_name *)(void *)(memory + size / 8 * 8);
    struct pile p = { .text = memory, .order = top, .top = top };

    memset(names, 0, sizeof(*names));
    if (!read_all(&p, src, fd)) {
        return false;
    }
    size_t n = pile_count(&p), text_size = (p.used + 7) / 8 * 8;
    names->more = p.bound != NULL;
    sort(p.text, p.order, n, before);
    names->order = memmove(memory + text_size, p.order, n * sizeof(*p.order));
    names->text = memory;
    names->count = (uint32_t)n;
    names->size = text_size + n * sizeof(*p.order);
    return true;
}

const char *
fs_names_next(struct fs_names *names, size_t *len, bool *is_dir)
{
    const struct fs_name *name = &names->order[names->next++];

    *len = name->len;
    *is_dir = name->is_dir;
    return (const char *)names->text + name->at;
}
