#include "proc/image.h"
#include "conf/name.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3: asked for where memory is not executable by default */
#endif

static int
create(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    return fd < 0 ? -errno : fd;
}

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int
seal(int fd)
{
    return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : 0;
}

bool
image_is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & SEALS) == SEALS;
}

static int
finish(int fd, int error)
{
    if (error == 0) {
        error = seal(fd);
    }
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

static int
append(int fd, const uint8_t *src, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, src, len);
        if (n < 0) {
            return -errno;
        }
        src += n;
        len -= (size_t)n;
    }
    return 0;
}

static int
copy(int from, int to)
{
    uint8_t block[16384];

    for (;;) {
        ssize_t n = read(from, block, sizeof(block));
        if (n <= 0) {
            return n < 0 ? -errno : 0;
        }
        int error = append(to, block, (size_t)n);
        if (error < 0) {
            return error;
        }
    }
}

int
image_of_self(void)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int fd = from < 0 ? -errno : create(name_program());

    if (fd >= 0) {
        fd = finish(fd, copy(from, fd));
    }
    if (from >= 0) {
        close(from);
    }
    return fd;
}

/* What is all zero stays a hole: no memory holds it, and none of it is mapped beside what is read. */
static int
append_sparse(int fd, const uint8_t *src, size_t len)
{
    static const uint8_t zeros[4096];
    int error = ftruncate(fd, (off_t)len) < 0 ? -errno : 0;

    for (size_t at = 0; error == 0 && at < len; at += sizeof(zeros)) {
        size_t n = len - at < sizeof(zeros) ? len - at : sizeof(zeros);

        if (memcmp(src + at, zeros, n) != 0) {
            error = lseek(fd, (off_t)at, SEEK_SET) < 0 ? -errno : append(fd, src + at, n);
        }
    }
    return error;
}

int
image_of(const char *name, const void *src, size_t len)
{
    int fd = create(name);

    return fd < 0 ? fd : finish(fd, append_sparse(fd, src, len));
}

const void *
image_map(int fd, size_t len)
{
    const void *at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

    return at == MAP_FAILED ? NULL : at;
}

#define FIRST_REST_MS 1000
#define DIVISION ((uintptr_t)16 << 10)

/* The linker's: where the program begins in memory. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

void
image_protect(void)
{
    const ElfW(Phdr) *part = (const void *)getauxval(AT_PHDR);
    size_t parts = getauxval(AT_PHNUM);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; part != NULL && i < parts; i++) {
        if (part[i].p_type == PT_GNU_RELRO) {
            uintptr_t from = (uintptr_t)__ehdr_start + part[i].p_vaddr;
            uintptr_t to = (from + part[i].p_memsz) & ~(page - 1);

            from &= ~(page - 1);
            (void)mprotect((void *)from, to - from, PROT_READ);
        }
    }
}

static void
give_back(uintptr_t from, uintptr_t to)
{
    (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

/*
 * Around each page that is needed the kernel maps 64 KiB (fault_around_bytes), all of which is resident then,
 * but none of another mapping: and parts of which it was told different things are mappings apart.
 */
static void
divide(uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = from; at + DIVISION < to; at += 2 * DIVISION) {
        (void)madvise((void *)at, DIVISION, MADV_RANDOM);
    }
}

/* With each part of the program that nobody may write: what may be written holds what was written. */
static void
each_constant_part(void (*act)(uintptr_t from, uintptr_t to))
{
    const ElfW(Phdr) *part = (const void *)getauxval(AT_PHDR);
    size_t parts = getauxval(AT_PHNUM);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; part != NULL && i < parts; i++) {
        if (part[i].p_type == PT_LOAD && (part[i].p_flags & PF_W) == 0) {
            uintptr_t from = (uintptr_t)__ehdr_start + part[i].p_vaddr;

            act(from & ~(page - 1), (from + part[i].p_memsz + page - 1) & ~(page - 1));
        }
    }
}

bool
image_rest(int64_t *rested_ms, int64_t now_ms)
{
    if (*rested_ms == 0) {
        *rested_ms = now_ms - IMAGE_REST_MS + FIRST_REST_MS;
        each_constant_part(divide);
    }
    if (now_ms - *rested_ms < IMAGE_REST_MS) {
        return false;
    }
    *rested_ms = now_ms;
    each_constant_part(give_back);
    return true;
}
