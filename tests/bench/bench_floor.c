/*
 * bench_floor MODE THREADS DIR: the least that a check of a tree can cost, as a plain C walker without a
 * baseline.
 *
 * MODE is names (getdents64), stat (and a statx an entry) or full (and open, statx, read, BLAKE3, statx a
 * file). Threads take turns at directories, in no order. Prints files, directories and bytes.
 */
#include "watch/dents.h"
#include "wire/hash.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK 65536
#define DENTS 32768
#define THREADS 64
#define BASIC (STATX_BASIC_STATS | STATX_BTIME)

enum mode { NAMES, STAT, FULL, MODES };

static enum mode mode;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char **stack;
static size_t used, room;
static unsigned busy;
static uint64_t files, dirs, bytes;

struct worker {
    uint8_t chunk[CHUNK] __attribute__((aligned(4096)));
    uint8_t dents[DENTS] __attribute__((aligned(8)));
    uint64_t files, dirs, bytes;
};

static void
push(char *path)
{
    pthread_mutex_lock(&lock);
    if (used == room) {
        room = room > 0 ? 2 * room : 1024;
        stack = realloc(stack, room * sizeof(*stack));
        if (stack == NULL) {
            abort();
        }
    }
    stack[used++] = path;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static char *
pop(void)
{
    char *path = NULL;

    pthread_mutex_lock(&lock);
    while (used == 0 && busy > 0) {
        pthread_cond_wait(&changed, &lock);
    }
    if (used > 0) {
        path = stack[--used];
        busy++;
    }
    pthread_mutex_unlock(&lock);
    return path;
}

static void
finished(void)
{
    pthread_mutex_lock(&lock);
    busy--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void
hash_file(struct worker *w, int dir, const char *name)
{
    struct wire_hasher hash;
    struct statx st;
    uint8_t digest[WIRE_HASH_SIZE];
    uint64_t done = 0;
    ssize_t n;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    statx(fd, "", AT_EMPTY_PATH, BASIC, &st);
    wire_hash_init(&hash);
    while (done < st.stx_size && (n = read(fd, w->chunk, CHUNK)) > 0) {
        wire_hash_update(&hash, w->chunk, (size_t)n);
        done += (uint64_t)n;
    }
    wire_hash_final(&hash, digest);
    statx(fd, "", AT_EMPTY_PATH, BASIC, &st);
    close(fd);
    w->bytes += done;
}

static void
take(struct worker *w, int dir, const char *path, const struct dents_entry *e)
{
    struct statx st;
    char *below;

    if (e->type == DT_DIR) {
        if (asprintf(&below, "%s/%s", path, e->name) > 0) {
            push(below);
        }
    } else {
        w->files++;
    }
    if (mode == FULL && e->type == DT_REG) {
        hash_file(w, dir, e->name);
    } else if (mode != NAMES) {
        statx(dir, e->name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, BASIC, &st);
    }
}

static void
list(struct worker *w, const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
    long n;

    if (dir < 0) {
        return;
    }
    w->dirs++;
    while ((n = syscall(SYS_getdents64, dir, w->dents, DENTS)) > 0) {
        for (long at = 0; at < n;) {
            const struct dents_entry *e = (const void *)(w->dents + at);

            at += e->length;
            if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0) {
                take(w, dir, path, e);
            }
        }
    }
    close(dir);
}

static void *
work(void *unused)
{
    struct worker *w = aligned_alloc(4096, (sizeof(*w) + 4095) / 4096 * 4096);
    char *path;

    (void)unused;
    if (w == NULL) {
        abort();
    }
    w->files = w->dirs = w->bytes = 0;
    while ((path = pop()) != NULL) {
        list(w, path);
        free(path);
        finished();
    }
    pthread_mutex_lock(&lock);
    files += w->files;
    dirs += w->dirs;
    bytes += w->bytes;
    pthread_mutex_unlock(&lock);
    free(w);
    return NULL;
}

int
main(int argc, char **argv)
{
    static const char *const modes[MODES] = { "names", "stat", "full" };
    pthread_t thread[THREADS];
    int threads = argc == 4 ? atoi(argv[2]) : 0;
    char *top = argc == 4 ? strdup(argv[3]) : NULL;

    while (argc == 4 && mode < MODES && strcmp(argv[1], modes[mode]) != 0) {
        mode++;
    }
    if (threads < 1 || threads > THREADS || mode == MODES || top == NULL) {
        fprintf(stderr, "usage: bench_floor names|stat|full THREADS DIR\n");
        return 2;
    }
    push(top);
    for (int i = 1; i < threads; i++) {
        if (pthread_create(&thread[i], NULL, work, NULL) != 0) {
            abort();
        }
    }
    work(NULL);
    for (int i = 1; i < threads; i++) {
        pthread_join(thread[i], NULL);
    }
    printf("%llu files %llu directories %llu bytes\n", (unsigned long long)files, (unsigned long long)dirs,
            (unsigned long long)bytes);
    free(stack);
    return 0;
}
