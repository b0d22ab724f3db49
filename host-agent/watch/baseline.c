#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include "watch/fs_bytes.h"
#include <stdio.h>

const char *
baseline_type_name(unsigned type)
{
    static const char *const names[BASELINE_TYPES] = { "file", "dir", "link", "fifo", "socket", "char",
        "block" };

    return type < BASELINE_TYPES ? names[type] : "?";
}

const char *
baseline_state_name(unsigned state)
{
    static const char *const names[BASELINE_STATES] = { "read", "unreadable", "unstable", "unread" };

    return state < BASELINE_STATES ? names[state] : "?";
}

bool
baseline_has_digest(const struct baseline_entry *e)
{
    return e->type == BASELINE_REGULAR && e->state == BASELINE_READ;
}

/* A byte's place in tree order: '/' first, then as it is. Zero never is in a path. */
static int
rank(uint8_t byte)
{
    return byte == '/' ? 0 : byte;
}

int
baseline_order(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    size_t i = 0;

    /* What two paths begin with alike is most of them: eight bytes at a time. */
    while (common - i >= 8 && memcmp(a + i, b + i, 8) == 0) {
        i += 8;
    }
    while (i < common && a[i] == b[i]) {
        i++;
    }
    if (i < common) {
        return rank(a[i]) - rank(b[i]);
    }
    return (a_len > b_len) - (a_len < b_len);
}

bool
baseline_under(const uint8_t *path, size_t path_len, const uint8_t *top, size_t top_len)
{
    if (path_len < top_len || memcmp(path, top, top_len) != 0) {
        return false;
    }
    return path_len == top_len || path[top_len] == '/' || (top_len == 1 && top[0] == '/');
}

/* No empty, "." or ".." component, no NUL: so that nothing can be found in two places. */
bool
baseline_path_valid_from(const uint8_t *path, size_t len, size_t from)
{
    /* Back to where the component begins that the known bytes end in. */
    from -= from > 0;
    while (from > 0 && path[from] != '/') {
        from--;
    }
    if (len == 0 || path[0] != '/' || memchr(path + from, 0, len - from) != NULL) {
        return false;
    }
    for (size_t at = from + 1, end; at <= len && len > 1; at = end + 1) {
        const uint8_t *slash = memchr(path + at, '/', len - at);

        end = slash != NULL ? (size_t)(slash - path) : len;
        if (end == at || (end - at == 1 && path[at] == '.') ||
                (end - at == 2 && path[at] == '.' && path[at + 1] == '.')) {
            return false;
        }
    }
    return true;
}

bool
baseline_path_valid(const uint8_t *path, size_t len)
{
    return baseline_path_valid_from(path, len, 0);
}

bool
baseline_xattrs_valid(const uint8_t *xattrs, size_t len)
{
    struct fs_bytes c = { .at = xattrs, .end = len > 0 ? xattrs + len : xattrs };
    const uint8_t *last = NULL;
    size_t last_len = 0;

    while (len > 0 && fs_bytes_left(&c) > 0) {
        size_t name_len = (size_t)take_le(&c, 1);
        const uint8_t *name = take_bytes(&c, name_len);
        uint64_t kind = take_le(&c, 1), size = take_le(&c, 2);

        take_bytes(&c, size);
        if (c.short_read || name_len == 0 || memchr(name, 0, name_len) != NULL || kind > 2 ||
                (kind == 0 ? size > BASELINE_XATTR_WHOLE : size != (kind == 1 ? WIRE_HASH_SIZE : 0))) {
            return false;
        }
        size_t common = last_len < name_len ? last_len : name_len;
        int order = last != NULL ? memcmp(last, name, common) : -1;
        if (order > 0 || (order == 0 && last_len >= name_len)) {
            return false;
        }
        last = name;
        last_len = name_len;
    }
    return true;
}

bool
baseline_has_size(const struct baseline_entry *e)
{
    return e->type == BASELINE_REGULAR || e->type == BASELINE_CHAR || e->type == BASELINE_BLOCK;
}

const char *
baseline_plain_fault(const struct baseline_entry *e)
{
    if (e->type >= BASELINE_TYPES) {
        return "unknown type of entry";
    }
    if (e->state >= BASELINE_STATES) {
        return "unknown state of entry";
    }
    if (e->mode > 07777) {
        return "mode out of range";
    }
    if (e->link_len > 0 && e->type != BASELINE_LINK) {
        return "link target at an entry that is no link";
    }
    if (e->size > 0 && !baseline_has_size(e)) {
        return "size at an entry that has none";
    }
    return NULL;
}

const char *
baseline_entry_fault(const struct baseline_entry *e)
{
    if (!baseline_path_valid(e->path, e->path_len)) {
        return "path is not absolute and plain";
    }
    if (!baseline_xattrs_valid(e->xattrs, e->xattrs_len)) {
        return "extended attributes are not in their one form";
    }
    return baseline_plain_fault(e);
}
