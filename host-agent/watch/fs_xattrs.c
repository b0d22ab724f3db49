#include "watch/fs_xattrs.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIST_FIRST 512 /* the kernel allocates as much as it is offered: large only when it must be */
#define NAMES 1024
#define PATH_ROOM (NAME_MAX + 40)

#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#endif
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif

/* What getxattrat(2) takes. */
struct value_room {
    uint64_t value __attribute__((aligned(8)));
    uint32_t size;
    uint32_t flags;
};

/* The name's path by way of the descriptor, for kernels before 6.13. */
static const char *
proc_path(int dir_fd, const char *name, char out[PATH_ROOM])
{
    if (dir_fd == AT_FDCWD) {
        return name;
    }
    snprintf(out, PATH_ROOM, "/proc/self/fd/%d/%s", dir_fd, name);
    return out;
}

static ssize_t
read_list(int dir_fd, const char *name, char *list, size_t size)
{
    char path[PATH_ROOM];
    long n = syscall(SYS_listxattrat, dir_fd, name, AT_SYMLINK_NOFOLLOW, list, size);

    return n >= 0 || errno != ENOSYS ? (ssize_t)n : llistxattr(proc_path(dir_fd, name, path), list, size);
}

static ssize_t
read_value(int dir_fd, const char *name, const char *key, uint8_t *value, size_t size)
{
    char path[PATH_ROOM];
    struct value_room room = { .value = (uintptr_t)value, .size = (uint32_t)size };
    long n = syscall(SYS_getxattrat, dir_fd, name, AT_SYMLINK_NOFOLLOW, key, &room, sizeof(room));

    return n >= 0 || errno != ENOSYS ? (ssize_t)n
                                     : lgetxattr(proc_path(dir_fd, name, path), key, value, size);
}

static bool
append(struct fs_xattrs *x, const char *name, enum fs_xattr_kind kind, const void *value, size_t len)
{
    const void *name_bytes = name;
    size_t name_len = strlen(name);
    uint8_t *at = x->form + x->len;

    if (name_len > UINT8_MAX || 4 + name_len + len > sizeof(x->form) - x->len) {
        return false;
    }
    *at++ = (uint8_t)name_len;
    memcpy(at, name_bytes, name_len);
    at += name_len;
    *at++ = (uint8_t)kind;
    *at++ = (uint8_t)len;
    *at++ = (uint8_t)(len >> 8);
    if (len > 0) {
        memcpy(at, value, len);
    }
    x->len += 4 + name_len + len;
    return true;
}

static void
all_unreadable(struct fs_xattrs *x)
{
    x->len = 0;
    append(x, FS_XATTRS_ALL, FS_XATTR_UNREADABLE, NULL, 0);
}

static bool
append_value(struct fs_xattrs *x, int dir_fd, const char *name, const char *key)
{
    uint8_t digest[WIRE_HASH_SIZE];
    ssize_t n = read_value(dir_fd, name, key, x->value, BASELINE_XATTR_WHOLE);

    if (n < 0 && errno == ERANGE) {
        n = read_value(dir_fd, name, key, x->value, sizeof(x->value));
    }
    if (n < 0) {
        return errno == ENODATA || append(x, key, FS_XATTR_UNREADABLE, NULL, 0);
    }
    if (n <= BASELINE_XATTR_WHOLE) {
        return append(x, key, FS_XATTR_WHOLE, x->value, (size_t)n);
    }
    wire_hash(x->value, (size_t)n, digest);
    return append(x, key, FS_XATTR_DIGEST, digest, sizeof(digest));
}

/*
 * The names in byte order into `order`, each once, whatever a file system hands out; how many, or -1 for more
 * than there is room for.
 */
static int
sort_names(const char *list, size_t len, const char *order[NAMES])
{
    int count = 0;

    for (const char *name = list; name < list + len; name += strlen(name) + 1) {
        int at = count;

        while (at > 0 && strcmp(order[at - 1], name) > 0) {
            at--;
        }
        if (*name == '\0' || (at > 0 && strcmp(order[at - 1], name) == 0)) {
            continue;
        }
        if (count == NAMES) {
            return -1;
        }
        memmove(&order[at + 1], &order[at], (size_t)(count - at) * sizeof(order[0]));
        order[at] = name;
        count++;
    }
    return count;
}

static ssize_t
read_names(struct fs_xattrs *x, int dir_fd, const char *name)
{
    ssize_t n = read_list(dir_fd, name, x->list, LIST_FIRST);

    if (n < 0 && errno == ERANGE) {
        n = read_list(dir_fd, name, x->list, sizeof(x->list));
    }
    return n;
}

void
fs_xattrs_read(struct fs_xattrs *x, int dir_fd, const char *name)
{
    const char *order[NAMES];
    ssize_t len = read_names(x, dir_fd, name);

    x->len = 0;
    if (len == 0) {
        return;
    }
    if (len < 0) {
        if (errno != ENOTSUP && errno != ENOENT && errno != ENODATA) {
            all_unreadable(x);
        }
        return;
    }
    x->list[len - 1] = '\0';
    int count = sort_names(x->list, (size_t)len, order);
    if (count < 0) {
        all_unreadable(x);
        return;
    }
    for (int i = 0; i < count; i++) {
        if (!append_value(x, dir_fd, name, order[i])) {
            all_unreadable(x);
            return;
        }
    }
}

bool
fs_xattr_next(struct fs_bytes *c, struct fs_xattr *out)
{
    struct fs_xattr x;

    if (fs_bytes_left(c) == 0) {
        return false;
    }
    x.name_len = (uint8_t)take_le(c, 1);
    x.name = take_bytes(c, x.name_len);
    x.kind = (uint8_t)take_le(c, 1);
    x.value_len = (uint16_t)take_le(c, 2);
    x.value = take_bytes(c, x.value_len);
    if (c->short_read) {
        return false;
    }
    *out = x;
    return true;
}

static struct fs_bytes
form_of(const struct baseline_entry *e)
{
    static const uint8_t none[1];
    const uint8_t *at = e->xattrs_len > 0 ? e->xattrs : none;

    return (struct fs_bytes){ .at = at, .end = at + e->xattrs_len };
}

void
fs_xattr_merge_begin(
        struct fs_xattr_merge *m, const struct baseline_entry *was, const struct baseline_entry *now)
{
    m->from = form_of(was);
    m->to = form_of(now);
    m->was_valid = fs_xattr_next(&m->from, &m->was);
    m->now_valid = fs_xattr_next(&m->to, &m->now);
}

static int
name_order(const struct fs_xattr *a, const struct fs_xattr *b)
{
    size_t shorter = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, shorter);

    return order != 0 ? order : (int)a->name_len - (int)b->name_len;
}

static bool
same_value(const struct fs_xattr *a, const struct fs_xattr *b)
{
    return a->kind == b->kind && a->value_len == b->value_len &&
           memcmp(a->value, b->value, a->value_len) == 0;
}

bool
fs_xattr_merge_next(struct fs_xattr_merge *m, const struct fs_xattr **was, const struct fs_xattr **now)
{
    while (m->was_valid || m->now_valid) {
        int order = !m->now_valid ? -1 : !m->was_valid ? 1 : name_order(&m->was, &m->now);

        *was = order <= 0 ? &m->told_was : NULL;
        *now = order >= 0 ? &m->told_now : NULL;
        if (order <= 0) {
            m->told_was = m->was;
            m->was_valid = fs_xattr_next(&m->from, &m->was);
        }
        if (order >= 0) {
            m->told_now = m->now;
            m->now_valid = fs_xattr_next(&m->to, &m->now);
        }
        if (order != 0 || !same_value(&m->told_was, &m->told_now)) {
            return true;
        }
    }
    return false;
}
