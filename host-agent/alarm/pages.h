#ifndef ALARM_PAGES_H
#define ALARM_PAGES_H
/*
 * pages - takes memory before it is used, and gives it back to the kernel until it is used again
 *
 * What is given back is memory of our own whose contents nobody needs any more (what is left of it is
 * undefined: part of it may read as zero), or a mapping of sealed memory, which comes back as it was.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Is in memory from now on: its first use, whenever that is, takes none. Before it holds anything: a byte
 * of each page becomes zero. */
static inline void
pages_touch(void *at, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    volatile uint8_t *bytes = at;

    for (size_t i = 0; i < len; i += page) {
        bytes[i] = 0;
    }
    if (len > 0) {
        bytes[len - 1] = 0;
    }
}

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
