#include "alarm/pages.h"
#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <stdio.h>
#include <string.h>

/* Seven bits a byte, the lowest first. */
static uint64_t
take_varint(struct fs_bytes *c)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take_le(c, 1);

        v |= (byte & 0x7F) << shift;
        if (byte < 0x80) {
            return v;
        }
    }
    c->short_read = true;
    return 0;
}

/* A number that has to fit; what does not is as wrong as an entry that ends too late. */
static uint64_t
take_number(struct fs_bytes *c, uint64_t max)
{
    uint64_t v = take_varint(c);

    if (v > max) {
        c->short_read = true;
        return 0;
    }
    return v;
}

static void
place_reset(struct baseline_place *p)
{
    p->ino = 0;
    p->mtime_ns = p->ctime_ns = 0;
    p->path_len = 0;
    p->classes = 0;
}

/* The path before, cut, and bytes behind it. */
static const char *
take_path(struct fs_bytes *c, struct baseline_place *p)
{
    size_t shared = (size_t)take_number(c, p->path_len);
    size_t len = (size_t)take_number(c, BASELINE_PATH_MAX - shared);
    const uint8_t *rest = take_bytes(c, len);

    if (rest == NULL) {
        return "an entry ends too late";
    }
    if (p->path_len > 0 && baseline_order(p->path + shared, p->path_len - shared, rest, len) >= 0) {
        return "entries are not in order";
    }
    memcpy(p->path + shared, rest, len);
    p->path_len = shared + len;
    return baseline_path_valid_from(p->path, p->path_len, shared) ? NULL : "path is not absolute and plain";
}

static const char *
take_new_class(struct fs_bytes *c, struct baseline_class *k)
{
    k->type = (uint8_t)take_le(c, 1);
    uint8_t state = (uint8_t)take_le(c, 1);
    k->state = state & (uint8_t)~BASELINE_OWN_BIT;
    k->own = (state & BASELINE_OWN_BIT) != 0;
    k->mode = (uint16_t)take_number(c, UINT16_MAX);
    k->uid = (uint32_t)take_number(c, UINT32_MAX);
    k->gid = (uint32_t)take_number(c, UINT32_MAX);
    k->nlink = (uint32_t)take_number(c, UINT32_MAX);
    k->flags = (uint32_t)take_number(c, UINT32_MAX);
    k->xattrs_len = (uint16_t)take_number(c, BASELINE_XATTRS_MAX);
    k->xattrs = take_bytes(c, k->xattrs_len);
    if (c->short_read) {
        return "an entry ends too late";
    }
    return baseline_xattrs_valid(k->xattrs, k->xattrs_len) ? NULL
                                                           : "extended attributes are not in their one form";
}

static const char *
take_class(struct fs_bytes *c, struct baseline_place *p, struct baseline_entry *e)
{
    struct baseline_class *k;
    size_t number = (size_t)take_le(c, 1);

    if (number > p->classes) {
        return "a class that is not defined";
    }
    if (number == 0) {
        /* A class too many is used once, in the last one's place. */
        number = p->classes < BASELINE_CLASSES ? ++p->classes : BASELINE_CLASSES;
        const char *what = take_new_class(c, &p->class[number - 1]);

        if (what != NULL) {
            return what;
        }
    }
    k = &p->class[number - 1];
    e->type = k->type;
    e->state = k->state;
    e->own = k->own;
    e->mode = k->mode;
    e->uid = k->uid;
    e->gid = k->gid;
    e->nlink = k->nlink;
    e->flags = k->flags;
    e->xattrs = k->xattrs;
    e->xattrs_len = k->xattrs_len;
    return NULL;
}

static int64_t
take_delta(struct fs_bytes *c, int64_t from, uint64_t unit)
{
    return (int64_t)((uint64_t)from + baseline_unzigzag(take_varint(c)) * unit);
}

static const char *
take_times(struct fs_bytes *c, struct baseline_place *p, uint8_t shape)
{
    unsigned mtime = shape & BASELINE_MTIME, ctime = shape & BASELINE_CTIME, ino = shape & BASELINE_INO;

    if ((shape & ~BASELINE_SHAPE) != 0 || mtime == BASELINE_MTIME || ctime == BASELINE_CTIME ||
            ino == BASELINE_INO) {
        return "unknown shape of entry";
    }
    if (mtime != BASELINE_MTIME_SAME) {
        p->mtime_ns = take_delta(c, p->mtime_ns, mtime == BASELINE_MTIME_SECONDS ? 1000000000u : 1);
    }
    if (ctime == BASELINE_CTIME_MTIME) {
        p->ctime_ns = p->mtime_ns;
    } else if (ctime == BASELINE_CTIME_NS) {
        p->ctime_ns = take_delta(c, p->ctime_ns, 1);
    }
    if (ino == BASELINE_INO_NEXT) {
        p->ino++;
    } else if (ino == BASELINE_INO_DELTA) {
        p->ino += baseline_unzigzag(take_varint(c));
    }
    return NULL;
}

/* NULL, or what is wrong with the entry. */
static const char *
take_entry(struct fs_bytes *c, struct baseline_place *p, struct baseline_entry *e)
{
    memset(e, 0, sizeof(*e));
    const char *what = take_path(c, p);
    what = what == NULL ? take_class(c, p, e) : what;
    what = what == NULL ? take_times(c, p, (uint8_t)take_le(c, 1)) : what;
    if (what != NULL) {
        return what;
    }
    e->path = p->path;
    e->path_len = (uint16_t)p->path_len;
    e->mtime_ns = p->mtime_ns;
    e->ctime_ns = p->ctime_ns;
    e->ino = p->ino;
    e->size = baseline_has_size(e) ? take_varint(c) : 0;
    if (baseline_has_digest(e)) {
        const uint8_t *digest = take_bytes(c, WIRE_HASH_SIZE);

        if (digest != NULL) {
            memcpy(e->digest, digest, WIRE_HASH_SIZE);
        }
    }
    if (e->type == BASELINE_LINK) {
        e->link_len = (uint16_t)take_number(c, BASELINE_LINK_MAX);
#ifdef PLANT_BASELINE
        /* The planted bug: a link's target is believed to be there. */
        e->link = c->at;
        c->at += e->link_len;
#else
        e->link = take_bytes(c, e->link_len);
#endif
    }
    return c->short_read ? "an entry ends too late" : baseline_plain_fault(e);
}

/* ---- the iterator ---- */

/* Nothing more is known of the iterator's block. */
static enum baseline_step
give_up_block(struct baseline_iter *it, struct baseline_entry *e)
{
    it->left = 0;
    it->serial = 0; /* read it again if it is wanted again */
    memset(e, 0, sizeof(*e));
    return BASELINE_GAP;
}

static enum baseline_step
wrong_entry(struct baseline_iter *it, const char *what, struct baseline_entry *e)
{
    uint64_t offset = baseline_block_at(it->b, it->block).offset + (uint64_t)(it->in.at - it->bytes);

    snprintf(it->gap.error.text, sizeof(it->gap.error.text), "damaged at offset %llu: %s",
            (unsigned long long)offset, what);
    return give_up_block(it, e);
}

/* Places the iterator before the first entry of a block; the block that it has is not read again. */
static bool
enter_block(struct baseline_iter *it, const struct baseline *b, uint32_t block)
{
    struct baseline_block r = baseline_block_at(b, block), next = { .first = NULL };
    bool had = it->serial == b->serial && it->block == block;

    if (block + 1 < b->blocks) {
        next = baseline_block_at(b, block + 1);
    }
    it->b = b;
    it->block = block;
    it->serial = b->serial;
    it->left = r.entries;
    it->in = (struct fs_bytes){ .at = it->bytes, .end = it->bytes + r.length };
    it->gap.from = r.first;
    it->gap.from_len = r.first_len;
    it->gap.until = next.first;
    it->gap.until_len = next.first_len;
    it->gap.entries = r.entries;
    place_reset(&it->place);
    return had || baseline_read_block(b, block, it->bytes, &it->gap.error) == 0;
}

/* The entry is in its place: the index names a block's first, and the next block begins behind its last. */
static bool
in_place(const struct baseline_iter *it, const struct baseline_entry *e)
{
    const struct baseline_gap *whole = &it->gap;

    if (it->left == whole->entries &&
            (e->path_len != whole->from_len || memcmp(e->path, whole->from, whole->from_len) != 0)) {
        return false;
    }
    return whole->until == NULL || baseline_order(e->path, e->path_len, whole->until, whole->until_len) < 0;
}

static enum baseline_step
step(struct baseline_iter *it, struct baseline_entry *e)
{
    if (it->b == NULL || !baseline_loaded(it->b)) {
        return BASELINE_END;
    }
    if (it->left == 0) {
        if (it->block + 1 >= it->b->blocks) {
            return BASELINE_END;
        }
        if (!enter_block(it, it->b, it->block + 1)) {
            return give_up_block(it, e);
        }
    }
    const char *what = take_entry(&it->in, &it->place, e);
    if (what == NULL && !in_place(it, e)) {
        what = "an entry is not where the index says";
    }
    if (what == NULL && it->left == 1 && fs_bytes_left(&it->in) > 0) {
        what = "bytes behind a block's last entry";
    }
    if (what != NULL) {
        return wrong_entry(it, what, e);
    }
    it->left--;
    return BASELINE_ENTRY;
}

enum baseline_step
baseline_peek(struct baseline_iter *it, struct baseline_entry *e)
{
    if (!it->held) {
        it->step = step(it, &it->entry);
        it->held = true;
    }
    *e = it->entry;
    return it->step;
}

enum baseline_step
baseline_next(struct baseline_iter *it, struct baseline_entry *e)
{
    if (!it->held) {
        return step(it, e);
    }
    it->held = false;
    *e = it->entry;
    return it->step;
}

enum baseline_step
baseline_next_own(struct baseline_iter *it, struct baseline_entry *e)
{
    for (;;) {
        while (!it->held && it->b != NULL && it->left == 0 && it->block + 1 < it->b->blocks &&
                (baseline_block_at(it->b, it->block + 1).flags & BASELINE_HAS_OWN) == 0) {
            it->block++;
            it->serial = 0; /* the bytes are not this block's */
        }
        enum baseline_step found = baseline_next(it, e);
        if (found != BASELINE_ENTRY || e->own) {
            return found;
        }
    }
}

/* The last block whose first path is not behind this one; the first when all are. */
static uint32_t
block_of(const struct baseline *b, const uint8_t *path, size_t len)
{
    uint32_t low = 0, high = b->blocks;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        struct baseline_block r = baseline_block_at(b, middle);

        if (baseline_order(r.first, r.first_len, path, len) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void
baseline_seek(struct baseline_iter *it, const struct baseline *b, const uint8_t *path, size_t len)
{
    it->b = b;
    it->left = 0;
    it->held = true;
    it->step = BASELINE_END;
    if (!baseline_loaded(b) || b->blocks == 0) {
        return;
    }
    if (!enter_block(it, b, block_of(b, path, len))) {
        it->step = give_up_block(it, &it->entry);
        return;
    }
    do {
        it->step = step(it, &it->entry);
    } while (it->step == BASELINE_ENTRY && baseline_order(it->entry.path, it->entry.path_len, path, len) < 0);
}

enum baseline_step
baseline_find(struct baseline_iter *it, const struct baseline *b, const uint8_t *path, size_t len,
        struct baseline_entry *e)
{
    baseline_seek(it, b, path, len);
    enum baseline_step found = baseline_next(it, e);

    if (found == BASELINE_GAP && baseline_order(it->gap.from, it->gap.from_len, path, len) > 0) {
        return BASELINE_END;
    }
    if (found == BASELINE_ENTRY && (e->path_len != len || memcmp(e->path, path, len) != 0)) {
        return BASELINE_END;
    }
    return found;
}

void
baseline_iter_rest(struct baseline_iter *it)
{
    it->serial = 0;
    it->left = 0;
    it->held = false;
    pages_rest(it->bytes, sizeof(it->bytes));
}
