/*
 * words_hide FILE - makes the words in a linked program unreadable (host-agent/proc/words.h)
 *
 * Run once by the build, behind strip. The seed comes from the words: the same program is built twice alike.
 */
#include "proc/words.h"
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTION ".words"

static bool
hide(uint64_t *words, size_t count)
{
    uint64_t seed = 0xcbf29ce484222325u;

    if (count < 2 || words[0] != 0) {
        return false;
    }
    for (size_t i = 1; i < count; i++) {
        seed = (seed ^ words[i]) * 0x100000001b3u;
    }
    words[0] = seed | 1;
    uint64_t state = words[0];
    for (size_t i = 1; i < count; i++) {
        words[i] ^= words_next(&state);
    }
    return true;
}

/* The file was made by our own linker a moment ago: its tables are believed. */
static bool
find_and_hide(uint8_t *file)
{
    const Elf64_Ehdr *head = (const void *)file;
    const Elf64_Shdr *part = (const void *)(file + head->e_shoff);
    const char *names = (const char *)file + part[head->e_shstrndx].sh_offset;

    for (unsigned i = 0; i < head->e_shnum; i++) {
        if (strcmp(names + part[i].sh_name, SECTION) == 0) {
            return hide((void *)(file + part[i].sh_offset), part[i].sh_size / sizeof(uint64_t));
        }
    }
    return false;
}

int
main(int argc, char **argv)
{
    struct stat st;
    int fd = argc == 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "words_hide: cannot open the program\n");
        return 1;
    }
    uint8_t *file = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED || !find_and_hide(file)) {
        fprintf(stderr, "words_hide: %s: no words to hide\n", argv[1]);
        return 1;
    }
    return munmap(file, (size_t)st.st_size) == 0 && close(fd) == 0 ? 0 : 1;
}
