/*
 * The keeper's compression, killed at each of its steps. The linker leads its system calls to the functions
 * below.
 */
#include "support/check.h"

#include "belfry/keeper/pack.h"
#include "belfry/keeper/sweep.h"
#include "belfry/transcript/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 700000 /* three frames */

static char dir[] = "/tmp/belfry-pack-XXXXXX";
static int dir_fd;
static uint8_t bytes[BYTES];
static int kill_at = -1; /* this system call is not made, and nothing after it */
static int calls;
static char order[256]; /* the first letters of those that were made */

int __real_openat(int fd, const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *src, size_t len);
int __real_fsync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_unlinkat(int fd, const char *path, int flags);
int __wrap_openat(int fd, const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *src, size_t len);
int __wrap_fsync(int fd);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_unlinkat(int fd, const char *path, int flags);

static void
step(char what)
{
    if (calls == kill_at) {
        _exit(1);
    }
    if (calls < (int)sizeof order - 1) {
        order[calls] = what;
    }
    calls++;
}

int
__wrap_openat(int fd, const char *path, int flags, ...)
{
    va_list args;
    int mode;

    va_start(args, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    step('o');
    return __real_openat(fd, path, flags, mode);
}

/* Half of it first: a kill can come within a write. */
ssize_t
__wrap_write(int fd, const void *src, size_t len)
{
    step('w');
    return __real_write(fd, src, len > 1 ? len / 2 : len);
}

int
__wrap_fsync(int fd)
{
    struct stat st;

    step(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 'd' : 'f');
    return __real_fsync(fd);
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    step('r');
    return __real_renameat(from_dir, from, to_dir, to);
}

int
__wrap_unlinkat(int fd, const char *path, int flags)
{
    step('u');
    return __real_unlinkat(fd, path, flags);
}

static bool
there(const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, 0) == 0;
}

static void
make(const char *name, const void *src, size_t len)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    while (len > 0) {
        ssize_t n = write(fd, src, len);

        if (n <= 0) {
            abort();
        }
        src = (const uint8_t *)src + n;
        len -= (size_t)n;
    }
    (void)close(fd);
}

static bool
reads_whole(void)
{
    static struct reader r;
    struct reader_piece p;
    size_t at = 0;
    bool same = reader_open(&r, dir_fd, "a") == 0;

    for (;;) {
        reader_next(&r, &p);
        if (p.what != READER_BYTES_CAME) {
            break;
        }
        same = same && at + p.len <= BYTES && memcmp(p.bytes, bytes + at, p.len) == 0;
        at += p.len;
    }
    reader_close(&r);
    return same && at == BYTES && p.what == READER_END;
}

static void
start_over(void)
{
    static const char *const gone[] = { "a.zst.0000000000000000", "a.zst.0000000000000000.new" };

    for (unsigned i = 0; i < 2; i++) {
        (void)__real_unlinkat(dir_fd, gone[i], 0);
    }
    make("a.raw.0000000000000000", bytes, BYTES);
    make("a.raw", "", 0);
    calls = 0;
    memset(order, 0, sizeof order);
}

static bool
never(void *to)
{
    (void)to;
    return false;
}

static void
a_part_is_on_the_disk_compressed_before_the_plain_one_goes(void)
{
    const char *at;

    start_over();
    CHECK_INT(pack_part(dir_fd, "a", 0), 0);
    /* Everything written, then synced, renamed, the name synced, and the plain file last. */
    at = strstr(order, "frdu");
    CHECK(at != NULL && at[4] == '\0');
    CHECK(strrchr(order, 'w') < at);
    CHECK(reads_whole());
}

static void
killed_at_any_step_it_loses_nothing_and_the_next_one_finishes(void)
{
    int status = 0;
    int steps = 0;

    do {
        struct sweep s = { .dir = dir_fd, .stop = never };
        struct sweep_result result;
        pid_t pid;

        start_over();
        pid = fork();
        if (pid == 0) {
            calls = 0;
            kill_at = steps;
            _exit(pack_part(dir_fd, "a", 0) == 0 ? 0 : 2);
        }
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) < 2);
        CHECK(reads_whole());
        CHECK_INT(sweep_run(&s, 0, &result), 0);
        CHECK_INT(result.failed, 0);
        CHECK(reads_whole());
        CHECK(there("a.zst.0000000000000000") && !there("a.raw.0000000000000000"));
        CHECK(!there("a.zst.0000000000000000.new"));
        steps++;
    } while (WEXITSTATUS(status) == 1);
    CHECK(steps > 10);
}

static void
a_part_that_cannot_be_compressed_stays_as_it_is(void)
{
    start_over();
    CHECK_INT(__real_unlinkat(dir_fd, "a.raw.0000000000000000", 0), 0);
    CHECK_INT(symlinkat("/etc/passwd", dir_fd, "a.raw.0000000000000000"), 0);
    CHECK_INT(pack_part(dir_fd, "a", 0), -ELOOP);
    CHECK(!there("a.zst.0000000000000000"));
    CHECK_INT(__real_unlinkat(dir_fd, "a.raw.0000000000000000", 0), 0);
    CHECK_INT(pack_part(dir_fd, "a", 0), -ENOENT);
    CHECK(!there("a.zst.0000000000000000.new"));
}

static void
a_damaged_part_is_told_with_its_length_and_the_rest_is_read(void)
{
    static struct reader r;
    struct reader_piece p;
    uint64_t got = 0;
    uint64_t lacks = 0;
    int fd;

    start_over();
    CHECK_INT(pack_part(dir_fd, "a", 0), 0);
    fd = __real_openat(dir_fd, "a.zst.0000000000000000", O_RDWR);
    CHECK_INT(pwrite(fd, "garbage garbage", 15, 60000), 15);
    (void)close(fd);
    CHECK_INT(reader_open(&r, dir_fd, "a"), 0);
    do {
        reader_next(&r, &p);
        got += p.what == READER_BYTES_CAME ? p.len : 0;
        lacks += p.what == READER_DAMAGED ? p.count : 0;
    } while (p.what != READER_END && p.what != READER_OVER);
    CHECK(p.what == READER_END);
    CHECK_INT(got + lacks, BYTES);
    CHECK(lacks > 0);
    reader_close(&r);
}

int
main(void)
{
    static const char *const left[] = { "a.raw", "a.zst.0000000000000000" };
    unsigned seed = 1;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (uint8_t)(' ' + rand_r(&seed) % 64);
    }
    CHECK_RUN(a_part_is_on_the_disk_compressed_before_the_plain_one_goes);
    CHECK_RUN(killed_at_any_step_it_loses_nothing_and_the_next_one_finishes);
    CHECK_RUN(a_part_that_cannot_be_compressed_stays_as_it_is);
    CHECK_RUN(a_damaged_part_is_told_with_its_length_and_the_rest_is_read);
    for (unsigned i = 0; i < 2; i++) {
        (void)__real_unlinkat(dir_fd, left[i], 0);
    }
    (void)rmdir(dir);
    return check_result();
}
