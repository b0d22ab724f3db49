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

/* Absolute, no empty, "." or ".." component, no NUL: so that nothing can be found in two places. */
bool
baseline_path_valid(const uint8_t *path, size_t len)
{
    if (len == 0 || path[0] != '/' || memchr(path, 0, len) != NULL) {
        return false;
    }
    for (size_t at = 1, end; at <= len && len > 1; at = end + 1) {
        end = at;
        while (end < len && path[end] != '/') {
            end++;
        }
        if (end == at || (end - at == 1 && path[at] == '.') ||
                (end - at == 2 && path[at] == '.' && path[at + 1] == '.')) {
            return false;
        }
    }
    return true;
}

const char *
baseline_entry_fault(const struct baseline_entry *e)
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
    if (!baseline_path_valid(e->path, e->path_len)) {
        return "path is not absolute and plain";
    }
    return NULL;
}

static bool
take_entry(struct fs_bytes *c, struct baseline_entry *e)
{
    memset(e, 0, sizeof(*e));
    e->path_len = (uint16_t)take_le(c, 2);
    e->link_len = (uint16_t)take_le(c, 2);
    e->type = (uint8_t)take_le(c, 1);
    uint8_t state = (uint8_t)take_le(c, 1);
    e->state = state & (uint8_t)~BASELINE_OWN_BIT;
    e->own = (state & BASELINE_OWN_BIT) != 0;
    e->mode = (uint16_t)take_le(c, 2);
    e->uid = (uint32_t)take_le(c, 4);
    e->gid = (uint32_t)take_le(c, 4);
    e->size = take_le(c, 8);
    e->mtime_ns = (int64_t)take_le(c, 8);
    if (baseline_has_digest(e)) {
        const uint8_t *digest = take_bytes(c, WIRE_HASH_SIZE);

        if (digest != NULL) {
            memcpy(e->digest, digest, WIRE_HASH_SIZE);
        }
    }
    e->path = take_bytes(c, e->path_len);
#ifdef PLANT_BASELINE
    /* The planted bug: a link's target is believed to be there. */
    e->link = c->at;
    c->at += e->link_len;
#else
    e->link = take_bytes(c, e->link_len);
#endif
    return !c->short_read;
}

static bool
fault(struct baseline_error *error, size_t offset, const char *what)
{
    snprintf(error->text, sizeof(error->text), "damaged at offset %zu: %s", offset, what);
    return false;
}

/* Magic, version and digest: enough to believe that the rest is what we wrote. */
static bool
parse_frame(struct baseline *b, const uint8_t *src, size_t len, struct baseline_error *error)
{
    struct fs_bytes c = { .at = src, .end = src + len };
    const uint8_t *magic = take_bytes(&c, sizeof(BASELINE_MAGIC) - 1);
    uint32_t version = (uint32_t)take_le(&c, 4);
    uint32_t zero = (uint32_t)take_le(&c, 4);

    if (magic == NULL || memcmp(magic, BASELINE_MAGIC, sizeof(BASELINE_MAGIC) - 1) != 0) {
        snprintf(error->text, sizeof(error->text), "not a baseline: offset 0 does not hold \"%s\"",
                BASELINE_MAGIC);
        return false;
    }
    if (version != BASELINE_VERSION) {
        snprintf(error->text, sizeof(error->text), "version %u at offset 8; this program reads version %u",
                version, BASELINE_VERSION);
        return false;
    }
    if (len < BASELINE_HEADER + BASELINE_FOOTER) {
        return fault(error, len, "the file ends too early");
    }
    wire_hash(src, len - WIRE_HASH_SIZE, b->root);
    if (memcmp(b->root, src + len - WIRE_HASH_SIZE, WIRE_HASH_SIZE) != 0) {
        return fault(error, len - WIRE_HASH_SIZE, "the digest does not fit what is before it");
    }
    if (zero != 0) {
        return fault(error, 12, "reserved bytes are not zero");
    }
    b->created_s = take_le(&c, 8);
    c = (struct fs_bytes){ .at = src + len - BASELINE_FOOTER, .end = src + len };
    b->count = take_le(&c, 8);
    b->entries_end = take_le(&c, 8);
    uint64_t index_size = len - BASELINE_FOOTER - b->entries_end;
    if (b->entries_end < BASELINE_HEADER || b->entries_end > len - BASELINE_FOOTER || index_size % 8 != 0 ||
            index_size / 8 != b->count / BASELINE_STRIDE + (b->count % BASELINE_STRIDE != 0)) {
        return fault(error, len - BASELINE_FOOTER, "the index does not fit the number of entries");
    }
    b->bytes = src;
    b->len = len;
    return true;
}

static uint64_t
index_at(const struct baseline *b, uint64_t slot)
{
    struct fs_bytes c = { .at = b->bytes + b->entries_end + slot * 8, .end = b->bytes + b->len };

    return take_le(&c, 8);
}

static bool
parse_entries(const struct baseline *b, struct baseline_error *error)
{
    struct fs_bytes c = { .at = b->bytes + BASELINE_HEADER, .end = b->bytes + b->entries_end };
    struct baseline_entry e, last = { .path_len = 0 };

    for (uint64_t n = 0; n < b->count; n++) {
        size_t offset = (size_t)(c.at - b->bytes);

        if (n % BASELINE_STRIDE == 0 && index_at(b, n / BASELINE_STRIDE) != offset) {
            return fault(error, offset, "the index does not name this entry");
        }
        if (!take_entry(&c, &e)) {
            return fault(error, offset, "an entry ends too late");
        }
        const char *what = baseline_entry_fault(&e);
        if (what != NULL) {
            return fault(error, offset, what);
        }
        if (n > 0 && baseline_order(last.path, last.path_len, e.path, e.path_len) >= 0) {
            return fault(error, offset, "entries are not in order");
        }
        last = e;
    }
    if (c.at != c.end) {
        return fault(error, (size_t)(c.at - b->bytes), "bytes behind the last entry");
    }
    return true;
}

bool
baseline_parse(struct baseline *b, const void *src, size_t len, struct baseline_error *error)
{
    struct baseline parsed;

    memset(&parsed, 0, sizeof(parsed));
    if (!parse_frame(&parsed, src, len, error) || !parse_entries(&parsed, error)) {
        return false;
    }
    *b = parsed;
    return true;
}

bool
baseline_loaded(const struct baseline *b)
{
    return b->bytes != NULL;
}

bool
baseline_next(struct baseline_iter *it, struct baseline_entry *e)
{
    if (it->b == NULL || it->at >= it->b->entries_end) {
        return false;
    }
    struct fs_bytes c = { .at = it->b->bytes + it->at, .end = it->b->bytes + it->b->entries_end };
    if (!take_entry(&c, e)) {
        return false;
    }
    it->at = (size_t)(c.at - it->b->bytes);
    return true;
}

/* Compares the entry that index slot `slot` names with a path. */
static int
compare_slot(const struct baseline *b, uint64_t slot, const uint8_t *path, size_t len)
{
    struct baseline_iter it = { .b = b, .at = (size_t)index_at(b, slot) };
    struct baseline_entry e;

    return baseline_next(&it, &e) ? baseline_order(e.path, e.path_len, path, len) : 1;
}

void
baseline_seek(struct baseline_iter *it, const struct baseline *b, const uint8_t *path, size_t len)
{
    uint64_t low = 0, high = (b->count + BASELINE_STRIDE - 1) / BASELINE_STRIDE;
    struct baseline_iter ahead;
    struct baseline_entry e;

    /* The last slot whose entry is not behind the path; what is sought is that one or follows it. */
    while (low + 1 < high) {
        uint64_t middle = low + (high - low) / 2;

        if (compare_slot(b, middle, path, len) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *it = (struct baseline_iter){ .b = b, .at = b->count > 0 ? (size_t)index_at(b, low) : b->entries_end };
    ahead = *it;
    while (baseline_next(&ahead, &e) && baseline_order(e.path, e.path_len, path, len) < 0) {
        *it = ahead;
    }
}

bool
baseline_find(const struct baseline *b, const uint8_t *path, size_t len, struct baseline_entry *e)
{
    struct baseline_iter it;

    baseline_seek(&it, b, path, len);
    return baseline_next(&it, e) && e->path_len == len && memcmp(e->path, path, len) == 0;
}
