#include "watch/fs_remote.h"
#include "alarm/clock.h"
#include "watch/baseline.h"
#include "watch/mounts_info.h"
#include "watch/procfs.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define STACK_SIZE (64u << 10)

enum probe_state { PROBE_FREE, PROBE_ASKS, PROBE_ANSWERED };

/* A thread that asks, and whom. */
struct probe {
    _Atomic int state; /* enum probe_state */
    unsigned place;    /* its own */
};

/* What is known of a mount. */
enum answer { ANSWER_LOCAL, ANSWER_WANTED, ANSWER_ASKED, ANSWER_CAME, ANSWER_NONE };

/* The mounts of one look. */
struct mounts {
    struct mounts_table table;
    uint8_t answer[MOUNTS_MAX]; /* enum answer */
    unsigned silent;
};

static struct probe probes[FS_REMOTE_THREADS];
static char points[FS_REMOTE_THREADS][PATH_MAX]; /* apart, so that those without a thread cost no memory */
static struct mounts mounts[3];
static unsigned known;     /* what holds */
static unsigned asked = 1; /* what will, at the end of the look */
static unsigned spare = 2; /* what mounts that come are read into */
static int answers = -1;   /* eventfd: somebody has answered */
static int changes = -1;   /* mountinfo: an event when mounts came or went */
static bool stale;         /* some may have come while others were asked */

bool
fs_remote_type(const char *type)
{
    static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "glusterfs",
        "lustre", "ocfs2", "gfs2" };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return strncmp(type, "fuse", 4) == 0;
}

static void *
ask(void *arg)
{
    struct probe *p = arg;
    struct stat st;

    (void)stat(points[p->place], &st); /* whatever it says: it is an answer */
    atomic_store(&p->state, PROBE_ANSWERED);
    (void)eventfd_write(answers, 1);
    return NULL;
}

static bool
start(unsigned place, const char *point)
{
    struct probe *p = &probes[place];
    pthread_attr_t attr;
    pthread_t thread;

    if (strlen(point) >= sizeof(points[place]) || pthread_attr_init(&attr) != 0) {
        return false;
    }
    p->place = place;
    memcpy(points[place], point, strlen(point) + 1);
    atomic_store(&p->state, PROBE_ASKS);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    int error = pthread_create(&thread, &attr, ask, p);
    (void)pthread_attr_destroy(&attr);
    if (error != 0) {
        atomic_store(&p->state, PROBE_FREE);
    }
    return error == 0;
}

/* The thread that asks this mount, answered or not. */
static struct probe *
find(const char *point)
{
    for (unsigned i = 0; i < FS_REMOTE_THREADS; i++) {
        if (atomic_load(&probes[i].state) != PROBE_FREE && strcmp(points[i], point) == 0) {
            return &probes[i];
        }
    }
    return NULL;
}

/* Has it asked, by a thread that still asks since an earlier look, or by a new one when there is a place for
 * it. */
static bool
has_asked(const char *point)
{
    if (find(point) != NULL) {
        return true;
    }
    for (unsigned i = 0; i < FS_REMOTE_THREADS; i++) {
        if (atomic_load(&probes[i].state) == PROBE_FREE) {
            return start(i, point);
        }
    }
    return false;
}

bool
fs_remote_waits(void)
{
    for (unsigned i = 0; i < FS_REMOTE_THREADS; i++) {
        if (atomic_load(&probes[i].state) == PROBE_ASKS) {
            return true;
        }
    }
    return false;
}

static void
free_answered(void)
{
    for (unsigned i = 0; i < FS_REMOTE_THREADS; i++) {
        int answered = PROBE_ANSWERED;

        (void)atomic_compare_exchange_strong(&probes[i].state, &answered, PROBE_FREE);
    }
}

static void
read_table(struct mounts *m)
{
    static char text[MOUNTS_TEXT];
    ssize_t len = procfs_read(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text));

    mounts_table_read(&m->table, text, len > 0 ? (size_t)len : 0);
}

void
fs_remote_begin(void)
{
    struct mounts *m = &mounts[asked];

    if (answers < 0) {
        answers = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    if (changes < 0) {
        changes = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    }
    read_table(m);
    for (unsigned i = 0; i < m->table.count; i++) {
        m->answer[i] = fs_remote_type(m->table.row[i].type) ? ANSWER_WANTED : ANSWER_LOCAL;
    }
    free_answered(); /* an answer of long ago says nothing about now */
}

/* What has come in; the threads that brought it are free again. */
static void
take_answers(struct mounts *m)
{
    for (unsigned i = 0; i < m->table.count; i++) {
        const struct probe *p = m->answer[i] == ANSWER_ASKED ? find(m->table.row[i].point) : NULL;

        if (m->answer[i] == ANSWER_ASKED && (p == NULL || atomic_load(&p->state) == PROBE_ANSWERED)) {
            m->answer[i] = ANSWER_CAME;
        }
    }
    free_answered();
}

bool
fs_remote_poll(void)
{
    struct mounts *m = &mounts[asked];
    bool all = true;
    eventfd_t n;

    (void)eventfd_read(answers, &n); /* before the looks: who answers behind them is an event again */
    take_answers(m);
    for (unsigned i = 0; i < m->table.count; i++) {
        if (m->answer[i] == ANSWER_WANTED && has_asked(m->table.row[i].point)) {
            m->answer[i] = ANSWER_ASKED;
        }
        all = all && m->answer[i] != ANSWER_WANTED && m->answer[i] != ANSWER_ASKED;
    }
    return all;
}

int
fs_remote_fd(void)
{
    return answers;
}

static void
swap(unsigned *a, unsigned *b)
{
    unsigned was = *a;

    *a = *b;
    *b = was;
}

void
fs_remote_end(void)
{
    struct mounts *m = &mounts[asked];

    m->silent = 0;
    for (unsigned i = 0; i < m->table.count; i++) {
        if (m->answer[i] == ANSWER_WANTED || m->answer[i] == ANSWER_ASKED) {
            m->answer[i] = ANSWER_NONE;
            m->silent++;
        }
    }
    swap(&known, &asked);
    stale = true;
}

void
fs_remote_look(void)
{
    int64_t now_ms = clock_boot_ms();
    int64_t until_ms = now_ms + FS_REMOTE_WAIT_MS;

    fs_remote_begin();
    for (; !fs_remote_poll() && now_ms < until_ms; now_ms = clock_boot_ms()) {
        struct pollfd p = { .fd = answers, .events = POLLIN };

        (void)poll(&p, 1, (int)(until_ms - now_ms));
    }
    fs_remote_end();
}

/* What the last look found, as it stands in a table; who was not asked then has not answered. */
static uint8_t
answer_of(const struct mount_line *line)
{
    const struct mounts *m = &mounts[known];

    if (!fs_remote_type(line->type)) {
        return ANSWER_LOCAL;
    }
    for (unsigned i = 0; i < m->table.count; i++) {
        const struct mount_line *old = &m->table.row[i];

        if (old->id == line->id && old->major == line->major && old->minor == line->minor &&
                strcmp(old->point, line->point) == 0 && strcmp(old->type, line->type) == 0) {
            return m->answer[i];
        }
    }
    return ANSWER_NONE;
}

static bool
has_changed(void)
{
    struct pollfd p = { .fd = changes, .events = POLLPRI };
    bool changed = changes >= 0 && (poll(&p, 1, 0) > 0 || stale);

    stale = stale && !changed;
    return changed;
}

/* Takes in what was mounted since the last look. */
static void
renew(void)
{
    struct mounts *m = &mounts[spare];

    if (!has_changed()) {
        return;
    }
    read_table(m);
    m->silent = 0;
    for (unsigned i = 0; i < m->table.count; i++) {
        m->answer[i] = answer_of(&m->table.row[i]);
        m->silent += m->answer[i] == ANSWER_NONE ? 1 : 0;
    }
    swap(&known, &spare);
}

bool
fs_remote_silent(const uint8_t *path, size_t len)
{
    const char *point;

    for (unsigned i = 0; (point = fs_remote_at(i)) != NULL; i++) {
        if (baseline_under(path, len, (const uint8_t *)point, strlen(point))) {
            return true;
        }
    }
    return false;
}

bool
fs_remote_silent_now(const uint8_t *path, size_t len)
{
    renew();
    return fs_remote_silent(path, len);
}

const char *
fs_remote_at(unsigned i)
{
    const struct mounts *m = &mounts[known];

    if (i >= m->silent) {
        return NULL;
    }
    for (unsigned row = 0; row < m->table.count; row++) {
        if (m->answer[row] == ANSWER_NONE && i-- == 0) {
            return m->table.row[row].point;
        }
    }
    return NULL;
}
