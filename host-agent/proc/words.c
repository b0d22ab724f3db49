#include "proc/words.h"
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef TOCSIN_CAMOUFLAGE

/* The linker's (words.ld): the seed, 0 when nothing is hidden, and the words behind it. */
extern uint64_t words_begin[] __attribute__((visibility("hidden")));
extern uint64_t words_end[] __attribute__((visibility("hidden")));

void
words_show(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)words_begin & ~(page - 1);
    uintptr_t to = ((uintptr_t)words_end + page - 1) & ~(page - 1);

    /* image_protect() makes them constant again. */
    if (mprotect((void *)from, to - from, PROT_READ | PROT_WRITE) != 0 || words_begin[0] == 0) {
        return;
    }
    uint64_t state = words_begin[0];
    for (uint64_t *at = words_begin + 1; at < words_end; at++) {
        *at ^= words_next(&state);
    }
    words_begin[0] = 0;
}

#else

void
words_show(void)
{
}

#endif
