#include "watch/baseline.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(struct baseline_error *error, int code, const char *doing)
{
    snprintf(error->text, sizeof(error->text), "%s: %s", doing, strerror(-code));
    return code;
}

/* The file's bytes into the memory file, as many as there are. */
static int
copy_in(int from, int to, size_t *len)
{
    uint8_t buffer[16384];

    *len = 0;
    for (;;) {
        ssize_t n = read(from, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : 0;
        }
        for (ssize_t done = 0; done < n;) {
            ssize_t put = write(to, buffer + done, (size_t)(n - done));

            if (put < 0) {
                return -errno;
            }
            done += put;
        }
        *len += (size_t)n;
    }
}

static int
map_sealed(int fd, int copy, struct baseline *b, struct baseline_error *error)
{
    size_t len;
    int code = copy_in(fd, copy, &len);

    if (code < 0) {
        return fail(error, code, "reading");
    }
    if (len == 0) {
        snprintf(error->text, sizeof(error->text), "not a baseline: the file is empty");
        return -EBADMSG;
    }
    if (fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        return fail(error, -errno, "sealing the copy in memory");
    }
    void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, copy, 0);
    if (map == MAP_FAILED) {
        return fail(error, -errno, "mapping the copy in memory");
    }
    if (!baseline_parse(b, map, len, error)) {
        munmap(map, len);
        return -EBADMSG;
    }
    return 0;
}

int
baseline_load(struct baseline *b, const char *path, struct baseline_error *error)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT) {
        snprintf(error->text, sizeof(error->text), "is not there; `tocsin baseline build` makes it");
        return -ENOENT;
    }
    if (fd < 0) {
        return fail(error, -errno, "cannot be opened");
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        snprintf(error->text, sizeof(error->text), "not a baseline: not a regular file");
        return -EBADMSG;
    }
    int copy = memfd_create("baseline", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0) {
        int code = fail(error, -errno, "no memory for a copy");

        close(fd);
        return code;
    }
    int code = map_sealed(fd, copy, b, error);
    close(copy);
    close(fd);
    return code;
}

void
baseline_unload(struct baseline *b)
{
    if (b->bytes != NULL) {
        /* The mapping is ours and was made in map_sealed(); the type says const for everyone else. */
        munmap((void *)(uintptr_t)b->bytes, b->len);
    }
    memset(b, 0, sizeof(*b));
}

void
baseline_rest(const struct baseline *b)
{
    if (b->bytes != NULL) {
        madvise((void *)(uintptr_t)b->bytes, b->len, MADV_DONTNEED);
    }
}
