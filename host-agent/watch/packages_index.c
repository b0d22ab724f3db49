#include "watch/packages_index.h"
#include "wire/hash.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_AT_FIRST ((size_t)1 << 16)
#define OWNERS 65536 /* packages; address space only until they are there */

static void *
map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p != MAP_FAILED ? p : NULL;
}

static void
key_of(const void *path, size_t len, uint8_t key[16])
{
    struct wire_hasher h;
    uint8_t digest[WIRE_HASH_SIZE];

    wire_hash_init(&h);
    wire_hash_update(&h, path, len);
    wire_hash_final(&h, digest);
    memcpy(key, digest, 16);
}

/* The slot of a key, or the free one where it belongs. */
static struct packages_slot *
slot_of(struct packages_slot *slot, size_t slots, const uint8_t key[16])
{
    uint64_t begin;

    memcpy(&begin, key, sizeof(begin));
    for (size_t i = (size_t)begin & (slots - 1);; i = (i + 1) & (slots - 1)) {
        if (slot[i].package == 0 || memcmp(slot[i].key, key, sizeof(slot[i].key)) == 0) {
            return &slot[i];
        }
    }
}

static bool
grow(struct packages_index *ix)
{
    size_t slots = 2 * ix->slots;
    struct packages_slot *slot = map(slots * sizeof(*slot));

    if (slot == NULL) {
        ix->error = -ENOMEM;
        return false;
    }
    for (size_t i = 0; i < ix->slots; i++) {
        if (ix->slot[i].package != 0) {
            *slot_of(slot, slots, ix->slot[i].key) = ix->slot[i];
        }
    }
    munmap(ix->slot, ix->slots * sizeof(*slot));
    ix->slot = slot;
    ix->slots = slots;
    return true;
}

static struct packages_slot *
add(struct packages_index *ix, const char *path, size_t len)
{
    uint8_t key[16];

    if (ix->used >= ix->slots / 2 && !grow(ix)) {
        return NULL;
    }
    key_of(path, len, key);
    struct packages_slot *s = slot_of(ix->slot, ix->slots, key);
    if (s->package == 0) {
        memcpy(s->key, key, sizeof(s->key));
        ix->used++;
    }
    return s;
}

/* A sum counts for who lists the path last: a package whose file another has taken over still has its sum. */
static void
take_record(void *to, enum package_record record, const struct package *package, const char *path, size_t len,
        const uint8_t md5[MD5_SIZE])
{
    struct packages_index *ix = to;
    struct packages_slot *s = add(ix, path, len);

    if (s == NULL) {
        return;
    }
    bool mine = s->package == package->number + 1;
    switch (record) {
    case PACKAGE_LISTS:
        s->summed = s->summed && mine && s->conffile;
        s->conffile = s->summed;
        s->listed = true;
        s->package = package->number + 1;
        return;
    case PACKAGE_SUM:
        if (!mine || !s->listed || s->conffile) {
            return;
        }
        break;
    case PACKAGE_CONFFILE:
        s->package = package->number + 1;
        s->conffile = true;
        break;
    }
    memcpy(s->md5, md5, MD5_SIZE);
    s->summed = true;
}

static void
take_package(void *to, const struct package *package)
{
    struct packages_index *ix = to;

    if (package->number >= OWNERS) {
        ix->error = -E2BIG;
        return;
    }
    struct packages_owner *o = &ix->owner[package->number];
    memcpy(o->name, package->name, sizeof(o->name));
    memcpy(o->version, package->version, sizeof(o->version));
    ix->owners = package->number + 1;
}

int
packages_index_build(struct packages_index *ix, const char *root)
{
    const struct packages_ops ops = { .record = take_record, .package = take_package, .to = ix };

    memset(ix, 0, sizeof(*ix));
    ix->slots = SLOTS_AT_FIRST;
    ix->slot = map(ix->slots * sizeof(*ix->slot));
    ix->owner = map(OWNERS * sizeof(*ix->owner));
    if (ix->slot == NULL || ix->owner == NULL) {
        return -ENOMEM;
    }
    int code = packages_scan(root, &ops);
    return code < 0 ? code : ix->error;
}

const struct packages_slot *
packages_index_find(const struct packages_index *ix, const void *path, size_t len)
{
    uint8_t key[16];

    key_of(path, len, key);
    const struct packages_slot *s = slot_of(ix->slot, ix->slots, key);
    return s->package != 0 && s->package <= ix->owners ? s : NULL;
}

const struct packages_owner *
packages_index_owner(const struct packages_index *ix, const struct packages_slot *slot)
{
    return &ix->owner[slot->package - 1];
}
