/*
 * packed_start - where the static agent begins: relative relocations in their packed form (DT_RELR)
 *
 * The usual form is a twentieth of the program, this one next to nothing. musl's start code knows it
 * from 1.2.4 on. Runs before everything, so nothing here may need a relocation or a thread's canary.
 */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36
#endif

void packed_relocate(void);

/* The linker's, both relative to the program counter. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* The kernel leaves argc at the stack's top, where musl's _start wants it. */
__asm__(".text\n"
        ".global packed_start\n"
        ".type packed_start, @function\n"
        "packed_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rbx\n"
        "    and $-16, %rsp\n"
        "    call packed_relocate\n"
        "    mov %rbx, %rsp\n"
        "    xor %edx, %edx\n"
        "    jmp _start\n"
        ".size packed_start, . - packed_start\n");

/* An even word is an address to relocate; an odd one says by its bits which of the 63 words behind follow. */
static void
apply(const uintptr_t *word, size_t words, uintptr_t base)
{
    uintptr_t *at = NULL;

    for (size_t i = 0; i < words; i++) {
        if ((word[i] & 1) == 0) {
            at = (uintptr_t *)(base + word[i]);
            *at++ += base;
            continue;
        }
        for (unsigned bit = 0; bit < 63; bit++) {
            if ((word[i] >> (bit + 1) & 1) != 0) {
                at[bit] += base;
            }
        }
        at += 63;
    }
}

__attribute__((used)) void
packed_relocate(void)
{
    uintptr_t base = (uintptr_t)__ehdr_start;
    uintptr_t table = 0;

    for (ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_RELR) {
            table = base + d->d_un.d_ptr;
        }
    }
    for (ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_RELRSZ && table != 0) {
            apply((const uintptr_t *)table, d->d_un.d_val / sizeof(uintptr_t), base);
            d->d_un.d_val = 0; /* a start code that knows them as well finds none left */
        }
    }
}
