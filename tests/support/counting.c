/*
 * counting - an allocator for a whole agent, its libraries too: who asks it for memory behind the start dies
 * of SIGILL
 *
 * The start ends as a role says CONTROL_READY, and the warden's as it says READY=1. To be linked with
 * --wrap=role_tell_warden and --wrap=notify_send.
 */
#include "proc/notify.h"
#include "proc/role.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ARENA ((size_t)512 << 10)
#define ALIGNED ((size_t)16)

void __real_role_tell_warden(const struct role_self *self, enum control_kind kind);
void __wrap_role_tell_warden(const struct role_self *self, enum control_kind kind);
void __real_notify_send(const char *state);
void __wrap_notify_send(const char *state);

static _Alignas(4096) unsigned char arena[ARENA];
static atomic_size_t used;
static atomic_bool begun;

void
__wrap_role_tell_warden(const struct role_self *self, enum control_kind kind)
{
    __real_role_tell_warden(self, kind);
    if (kind == CONTROL_READY) {
        atomic_store(&begun, true);
    }
}

void
__wrap_notify_send(const char *state)
{
    __real_notify_send(state);
    if (strcmp(state, "READY=1") == 0) {
        atomic_store(&begun, true);
    }
#ifdef PLANT_ALLOCATION
    if (strcmp(state, "STOPPING=1") == 0) {
        void *volatile block = malloc(1);

        free(block);
    }
#endif
}

/* A block has its size before it, and is never used again. */
static void *
take(size_t alignment, size_t size)
{
    alignment = alignment > ALIGNED ? alignment : ALIGNED;
    if (atomic_load(&begun)) {
        __builtin_trap();
    }
    if (size > ARENA || alignment > ARENA) {
        errno = ENOMEM;
        return NULL;
    }
    size_t from = atomic_fetch_add(&used, size + 2 * alignment);
    size_t at = (from + ALIGNED + alignment - 1) / alignment * alignment;

    if (from + size + 2 * alignment > ARENA) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(arena + at - sizeof(size), &size, sizeof(size));
    return arena + at;
}

void *
malloc(size_t size)
{
    return take(ALIGNED, size);
}

void *
calloc(size_t count, size_t size)
{
    return count == 0 || size <= ARENA / count ? take(ALIGNED, count * size) : NULL;
}

void
free(void *block)
{
    (void)block;
}

void *
realloc(void *block, size_t size)
{
    size_t had = 0;
    void *to = take(ALIGNED, size);

    if (block != NULL && to != NULL) {
        memcpy(&had, (unsigned char *)block - sizeof(had), sizeof(had));
        memcpy(to, block, had < size ? had : size);
    }
    return to;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
    return take(alignment, size);
}

int
posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = take(alignment, size);
    return *out != NULL ? 0 : ENOMEM;
}
