#include "watch/fs_remote.h"
#include "watch/baseline.h"
#include "watch/mounts_info.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (64u << 10)
#define WAIT_STEP_NS 2000000
#define STEPS (FS_REMOTE_WAIT_MS * 1000000L / WAIT_STEP_NS)
#define STEPS_ALL (6 * STEPS)

enum probe_state { PROBE_FREE, PROBE_ASKS, PROBE_ANSWERED };

/* A thread that asks; it may never come back, and then keeps its place. */
struct probe {
    _Atomic int state; /* enum probe_state */
    char point[PATH_MAX];
};

static struct probe probes[FS_REMOTE_SILENT];
static struct {
    char point[FS_REMOTE_SILENT][PATH_MAX];
    unsigned count;
} silent;

static bool
is_remote(const char *type)
{
    static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "fuse",
        "glusterfs", "lustre", "ocfs2", "gfs2" };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return strncmp(type, "fuse.", 5) == 0;
}

static void *
ask(void *arg)
{
    struct probe *p = arg;
    struct stat st;

    (void)stat(p->point, &st); /* whatever it says: it is an answer */
    atomic_store(&p->state, PROBE_ANSWERED);
    return NULL;
}

/* The thread that asks this mount already, or else a new one; NULL when there is no place for it. */
static struct probe *
begin(const char *point)
{
    struct probe *place = NULL;
    pthread_attr_t attr;
    pthread_t thread;

    for (unsigned i = 0; i < FS_REMOTE_SILENT; i++) {
        if (atomic_load(&probes[i].state) == PROBE_ASKS && strcmp(probes[i].point, point) == 0) {
            return &probes[i];
        }
        if (place == NULL && atomic_load(&probes[i].state) != PROBE_ASKS) {
            place = &probes[i];
        }
    }
    if (place == NULL || strlen(point) >= sizeof(place->point) || pthread_attr_init(&attr) != 0) {
        return NULL;
    }
    memcpy(place->point, point, strlen(point) + 1);
    atomic_store(&place->state, PROBE_ASKS);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    int error = pthread_create(&thread, &attr, ask, place);
    (void)pthread_attr_destroy(&attr);
    if (error != 0) {
        atomic_store(&place->state, PROBE_FREE);
        return NULL;
    }
    return place;
}

static bool
answers(const char *point, long *steps_left)
{
    const struct timespec step = { .tv_nsec = WAIT_STEP_NS };
    struct probe *p = begin(point);

    for (long i = 0; p != NULL && atomic_load(&p->state) == PROBE_ASKS; i++) {
        if (i >= STEPS || *steps_left <= 0) {
            return false;
        }
        (*steps_left)--;
        nanosleep(&step, NULL);
    }
    if (p == NULL) {
        return false;
    }
    atomic_store(&p->state, PROBE_FREE);
    return true;
}

static void
keep(const char *point)
{
    if (silent.count == FS_REMOTE_SILENT || strlen(point) >= PATH_MAX) {
        memcpy(silent.point[silent.count - (silent.count > 0)], "/", 2);
        silent.count += silent.count == 0;
        return;
    }
    memcpy(silent.point[silent.count++], point, strlen(point) + 1);
}

void
fs_remote_look(void)
{
    static struct mounts_table table;
    static char text[MOUNTS_TEXT];
    long steps_left = STEPS_ALL;
    ssize_t len = procfs_read(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text));

    silent.count = 0;
    mounts_table_read(&table, text, len > 0 ? (size_t)len : 0);
    for (unsigned i = 0; i < table.count; i++) {
        if (is_remote(table.row[i].type) && !answers(table.row[i].point, &steps_left)) {
            keep(table.row[i].point);
        }
    }
}

bool
fs_remote_silent(const uint8_t *path, size_t len)
{
    for (unsigned i = 0; i < silent.count; i++) {
        if (baseline_under(path, len, (const uint8_t *)silent.point[i], strlen(silent.point[i]))) {
            return true;
        }
    }
    return false;
}

const char *
fs_remote_at(unsigned i)
{
    return i < silent.count ? silent.point[i] : NULL;
}
