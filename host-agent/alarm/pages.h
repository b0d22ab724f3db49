#ifndef ALARM_PAGES_H
#define ALARM_PAGES_H
/*
 * pages - gives memory back to the kernel until it is used again
 *
 * Memory of our own whose contents nobody needs any more (what is left of it is undefined: part of it may
 * read as zero), or a mapping of sealed memory, which comes back as it was.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Only whole pages go: a few bytes at both ends stay. */
static inline void
pages_rest(const void *at, size_t len)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)at + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)at + len) & ~(page - 1);

    if (from < to) {
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
    }
}

#endif
