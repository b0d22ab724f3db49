/*
 * bench_tree make DIR FILES BYTES: a tree of seeded content, the same at each run
 *     sizes spread as on an installed system: median 1.7 KB, nine in ten below 36 KB, one in a hundred above
 *     458 KB, then stretched to BYTES; ten files a directory, a link to each thirteenth file
 * bench_tree cached DIR: how many pages of its files are in the page cache
 * bench_tree drop DIR: takes them out
 * bench_tree run COMMAND...: runs it without its output; wall and CPU milliseconds, peak RSS in KiB, exit
 * status
 */
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IN_DIR 10 /* files */
#define BRANCH 6  /* directories in a directory */
#define LINK_EACH 13
#define MEDIAN 1700.0
#define SPREAD 2.39 /* of the sizes' logarithm */
#define SIZE_MOST 117e6
#define LARGE 458e3
#define PATH 512
#define CHUNK 65536

static uint64_t seed;
static uint64_t pages;

static uint64_t
number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double
fraction(void)
{
    return (double)((number(&seed) >> 11) + 1) / (double)(1ull << 53);
}

static double
size_drawn(void)
{
    double normal = sqrt(-2 * log(fraction())) * cos(2 * M_PI * fraction());
    double size = MEDIAN * exp(SPREAD * normal);

    return size < SIZE_MOST ? size : SIZE_MOST;
}

static void
fail(const char *what)
{
    perror(what);
    exit(2);
}

static void
dir_path(char *out, const char *top, uint64_t dir)
{
    char below[PATH] = "", grown[2 * PATH];

    for (; dir > 0; dir = (dir - 1) / BRANCH) {
        snprintf(grown, sizeof(grown), "/dir-%llu%s", (unsigned long long)((dir - 1) % BRANCH), below);
        snprintf(below, sizeof(below), "%.*s", PATH - 1, grown);
    }
    snprintf(out, PATH, "%.200s%.300s", top, below);
}

static void
fill(const char *path, uint64_t size, uint64_t state)
{
    static uint64_t words[CHUNK / 8];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    if (fd < 0) {
        fail(path);
    }
    while (size > 0) {
        size_t part = size < CHUNK ? (size_t)size : CHUNK;

        for (size_t i = 0; i < (part + 7) / 8; i++) {
            words[i] = number(&state);
        }
        if (write(fd, words, part) != (ssize_t)part) {
            fail(path);
        }
        size -= part;
    }
    close(fd);
}

/* Small files keep their share of the shape: what is missing goes to the large ones, what is too much comes
 * off all. */
static void
stretch(double *size, uint64_t files, double wanted)
{
    double sum = 0, large = 0;

    for (uint64_t i = 0; i < files; i++) {
        sum += size[i];
        large += size[i] >= LARGE ? size[i] : 0;
    }
    double factor = wanted < sum || large == 0 ? wanted / sum : (wanted - sum + large) / large;
    for (uint64_t i = 0; i < files; i++) {
        size[i] *= wanted < sum || large == 0 || size[i] >= LARGE ? factor : 1;
    }
}

static int
make(const char *top, uint64_t files, double bytes)
{
    double *size = calloc(files, sizeof(*size));
    char dir[PATH], path[PATH + 64], to[64];

    if (size == NULL || files == 0) {
        return 2;
    }
    seed = 0x9E3779B97F4A7C15u;
    for (uint64_t i = 0; i < files; i++) {
        size[i] = size_drawn();
    }
    stretch(size, files, bytes);
    for (uint64_t i = 0; i < files; i++) {
        dir_path(dir, top, i / IN_DIR);
        if (i % IN_DIR == 0 && mkdir(dir, 0755) < 0) {
            fail(dir);
        }
        snprintf(to, sizeof(to), "file-%llu.dat", (unsigned long long)i);
        snprintf(path, sizeof(path), "%s/%s", dir, to);
        fill(path, (uint64_t)size[i], i + 1);
        if (i % LINK_EACH == 0) {
            snprintf(path, sizeof(path), "%s/link-%llu", dir, (unsigned long long)i);
            if (symlink(to, path) < 0) {
                fail(path);
            }
        }
    }
    free(size);
    return 0;
}

static int
count_cached(const char *path, const struct stat *st, int type, struct FTW *at)
{
    static uint8_t there[65536];
    size_t window = sizeof(there) * 4096;
    int fd = type == FTW_F && S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_NOATIME | O_CLOEXEC) : -1;

    (void)at;
    for (off_t from = 0; fd >= 0 && from < st->st_size; from += (off_t)window) {
        size_t len = st->st_size - from < (off_t)window ? (size_t)(st->st_size - from) : window;
        void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, from);

        if (map == MAP_FAILED || mincore(map, len, there) < 0) {
            fail(path);
        }
        munmap(map, len);
        for (size_t i = 0; i < (len + 4095) / 4096; i++) {
            pages += there[i] & 1;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return 0;
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
    int fd = type == FTW_F && S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_NOATIME | O_CLOEXEC) : -1;

    (void)at;
    if (fd >= 0) {
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    return 0;
}

static double
ms_of(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static int
run(char **command)
{
    struct timespec from, to;
    struct rusage used;
    int status, nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    clock_gettime(CLOCK_MONOTONIC, &from);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(nothing, 0);
        dup2(nothing, 1);
        dup2(nothing, 2);
        execvp(command[0], command);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
        fail(command[0]);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    close(nothing);
    printf("%.2f %.2f %ld %d\n",
            (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6,
            ms_of(used.ru_utime) + ms_of(used.ru_stime), used.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 255);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "make") == 0) {
        return make(argv[2], strtoull(argv[3], NULL, 10), strtod(argv[4], NULL));
    }
    if (argc == 3 && strcmp(argv[1], "cached") == 0) {
        int code = nftw(argv[2], count_cached, 64, FTW_PHYS);

        printf("%llu\n", (unsigned long long)pages);
        return code == 0 ? 0 : 2;
    }
    if (argc == 3 && strcmp(argv[1], "drop") == 0) {
        sync();
        return nftw(argv[2], drop, 64, FTW_PHYS) == 0 ? 0 : 2;
    }
    if (argc > 2 && strcmp(argv[1], "run") == 0) {
        return run(argv + 2);
    }
    fprintf(stderr, "usage: bench_tree make DIR FILES BYTES | cached DIR | drop DIR | run COMMAND...\n");
    return 2;
}
