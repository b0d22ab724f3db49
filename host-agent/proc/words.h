#ifndef PROC_WORDS_H
#define PROC_WORDS_H
/*
 * words - what the program says, kept unreadable in its file (TOCSIN_CAMOUFLAGE)
 *
 * The linker puts all constants of ours side by side (boards/toolchain/words.ld); words_hide.c changes them
 * in the linked file, words_show() changes them back in memory. In other builds there is nothing to do.
 * Against strings(1) only: the key stands beside them.
 */
#include <stdint.h>

/* First in main(): before it, no string of ours may be used. */
void words_show(void);

/* The next 64 bits that go over them; both sides begin with the seed that stands before the words. */
static inline uint64_t
words_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

#endif
