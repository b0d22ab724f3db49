#include "watch/fs_rotated.h"
#include "alarm/clock.h"
#include "watch/dents.h"
#include "watch/fs_look.h"
#include "watch/fs_stat.h"
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETTLE_MS 500 /* logrotate makes the new file before it gives it owner and mode */
#define SETTLES (FS_MODE | FS_OWNER | FS_ACL)
#define COPIES 8 /* that are read in search of the right one */
#define DENTS 8192

/* What a log was, by which it is known again under another name. */
struct piece {
    uint64_t ino;
    uint64_t size; /* at least */
    uint64_t head; /* bytes that `digest` is of */
    uint8_t digest[WIRE_HASH_SIZE];
};

struct rotated_log {
    uint8_t path[WIRE_HASH_SIZE];
    struct piece now;
    bool gone;        /* it was moved, and no other has come yet */
    bool broken;      /* what is there was not begun by a rotation; until another baseline is in force */
    int64_t since_ms; /* when the one that is there now was first seen */
};

static struct rotated_log logs[FS_ROTATED_LOGS];
static unsigned log_count;
static unsigned log_oldest;
static struct fs_look looked;

/* ---- what is remembered ---- */

static void
hash_path(const struct baseline_entry *e, uint8_t out[WIRE_HASH_SIZE])
{
    struct wire_hasher h;

    wire_hash_init(&h);
    wire_hash_update(&h, e->path, e->path_len);
    wire_hash_final(&h, out);
}

static struct rotated_log *
log_of(const uint8_t path[WIRE_HASH_SIZE])
{
    for (unsigned i = 0; i < log_count; i++) {
        if (memcmp(logs[i].path, path, WIRE_HASH_SIZE) == 0) {
            return &logs[i];
        }
    }
    return NULL;
}

/* With all places taken that of the one that is there longest: it is looked for anew. */
static struct rotated_log *
new_log(const uint8_t path[WIRE_HASH_SIZE])
{
    struct rotated_log *l = &logs[log_count < FS_ROTATED_LOGS ? log_count++ : log_oldest++ % FS_ROTATED_LOGS];

    *l = (struct rotated_log){ .gone = true };
    memcpy(l->path, path, WIRE_HASH_SIZE);
    return l;
}

static void
forget(struct rotated_log *l)
{
    if (l != NULL) {
        *l = logs[--log_count];
    }
}

void
fs_rotated_forget(void)
{
    log_count = 0;
}

/* ---- files ---- */

/* The last part of the path, NUL-terminated; false when it has none that fits. */
static bool
name_of(const struct baseline_entry *e, char name[NAME_MAX + 1])
{
    const uint8_t *slash = memrchr(e->path, '/', e->path_len);
    size_t len = slash != NULL ? (size_t)(e->path + e->path_len - slash) - 1 : 0;

    if (len == 0 || len > NAME_MAX) {
        return false;
    }
    memcpy(name, slash + 1, len);
    name[len] = '\0';
    return true;
}

static int
open_parent(const struct baseline_entry *e)
{
    const uint8_t *slash = memrchr(e->path, '/', e->path_len);
    size_t len = slash != NULL ? (size_t)(slash - e->path) : 0;

    return fs_open_dir(e->path, len > 0 ? len : 1);
}

/* Its first bytes; false when it is no regular file, or shorter than that. */
static bool
read_head(int dir, const char *name, uint64_t head, uint8_t digest[WIRE_HASH_SIZE])
{
    if (!fs_look(&looked, dir, name) || looked.now.type != BASELINE_REGULAR || looked.now.size < head) {
        return false;
    }
    if (head == 0) {
        memset(digest, 0, WIRE_HASH_SIZE);
        return true;
    }
    fs_look_log(&looked, head);
    while (!fs_look_step(&looked)) {
    }
    memcpy(digest, looked.now.digest, WIRE_HASH_SIZE);
    return looked.exists && looked.now.state == BASELINE_READ;
}

static bool
holds(int dir, const char *name, const struct piece *p)
{
    uint8_t digest[WIRE_HASH_SIZE];

    return read_head(dir, name, p->head, digest) &&
           (p->head == 0 || memcmp(digest, p->digest, sizeof(digest)) == 0);
}

/* "app.log.1", "app.log-20261122" and "app-20261122.log" are named after "app.log". */
static bool
is_named_after(const char *name, const char *log)
{
    size_t len = strlen(log);
    const char *dot = strrchr(log, '.');
    size_t stem = dot != NULL && dot != log ? (size_t)(dot - log) : len;

    return (strncmp(name, log, len) == 0 && (name[len] == '.' || name[len] == '-')) ||
           (strncmp(name, log, stem) == 0 && (name[stem] == '.' || name[stem] == '-') &&
                   strcmp(name, log) != 0);
}

static bool
is_piece(int dir, const char *name, const char *log, const struct piece *p, bool moved, unsigned *copies)
{
    struct stat st;
    uint32_t flags;

    if (!fs_stat_kept(dir, name, &st, &flags) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < p->size) {
        return false;
    }
    if (moved) {
        return (uint64_t)st.st_ino == p->ino && strcmp(name, log) != 0 && holds(dir, name, p);
    }
    return (uint64_t)st.st_ino != p->ino && is_named_after(name, log) && ++*copies <= COPIES &&
           holds(dir, name, p);
}

/* Where it is now. `moved`: the very file; else a copy of it. */
static bool
find_piece(int dir, const char *log, const struct piece *p, bool moved, char name[NAME_MAX + 1])
{
    _Alignas(struct dents_entry) char buffer[DENTS];
    int list = fs_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    unsigned copies = 0;
    bool found = false;
    long got;

    while (list >= 0 && !found && (got = syscall(SYS_getdents64, list, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < got && !found;) {
            const struct dents_entry *e = (const void *)(buffer + at);

            found = (!moved || e->inode == p->ino) && is_piece(dir, e->name, log, p, moved, &copies);
            if (found) {
                memcpy(name, e->name, strlen(e->name) + 1);
            }
            at += e->length;
        }
    }
    if (list >= 0) {
        close(list);
    }
    return found;
}

/* ---- judging ---- */

static bool
may_be(const struct baseline_entry *was, const struct baseline_entry *now, unsigned differs, uint32_t attrs)
{
    return (attrs & CONF_ATTR_GROW) != 0 && was != NULL && was->type == BASELINE_REGULAR &&
           was->state == BASELINE_READ && was->size <= FS_ROTATED_MOST &&
           (now == NULL ||
                   (now->type == BASELINE_REGULAR && (differs & ~(FS_SHRUNK | FS_REWRITTEN | SETTLES)) == 0));
}

static struct piece
piece_of(const struct baseline_entry *was)
{
    struct piece p = { .ino = was->ino, .size = was->size, .head = was->size };

    memcpy(p.digest, was->digest, sizeof(p.digest));
    return p;
}

/* What there is of the log that is there now. */
static bool
take_up(struct rotated_log *l, int dir, const char *log, const struct baseline_entry *now)
{
    uint64_t head = now->size < FS_ROTATED_HEAD ? now->size : FS_ROTATED_HEAD;

    l->gone = false;
    l->now = (struct piece){ .ino = now->ino, .size = now->size, .head = head };
    return read_head(dir, log, head, l->now.digest);
}

/* The file that it was when it was last looked at, with more in it. */
static bool
goes_on(struct rotated_log *l, int dir, const char *log, const struct baseline_entry *now)
{
    if (l->gone || now == NULL || now->ino != l->now.ino || now->size < l->now.size ||
            !holds(dir, log, &l->now)) {
        return false;
    }
    return l->now.head == FS_ROTATED_HEAD ? (l->now.size = now->size, true) : take_up(l, dir, log, now);
}

/* The first look at the file that came for it. */
static bool
take_over(struct rotated_log *l, int dir, const char *log, const struct baseline_entry *now)
{
    l->since_ms = clock_boot_ms();
    return take_up(l, dir, log, now);
}

/* What is not as it should be of a new file is told as soon as it must have been made ready. */
static bool
may_settle(const struct rotated_log *l, unsigned differs)
{
    return (differs & SETTLES) == 0 || clock_boot_ms() - l->since_ms < SETTLE_MS;
}

static enum fs_rotated
judge(int dir, const char *log, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs, char name[NAME_MAX + 1])
{
    uint8_t path[WIRE_HASH_SIZE];

    hash_path(was, path);
    struct rotated_log *l = log_of(path);
    if (l != NULL && l->broken) {
        return FS_ROTATED_NOT;
    }
    if (l != NULL && goes_on(l, dir, log, now)) {
        return may_settle(l, differs) ? FS_ROTATED_KNOWN : FS_ROTATED_NOT;
    }
    if (l != NULL && l->gone && now != NULL) {
        return take_over(l, dir, log, now) ? FS_ROTATED_KNOWN : FS_ROTATED_NOT;
    }
    struct piece p = l != NULL ? l->now : piece_of(was);
    bool moved = now == NULL || now->ino != p.ino;
    if (p.head == 0 && p.size == 0 && !moved) {
        return FS_ROTATED_NOT;
    }
    if (!find_piece(dir, log, &p, moved, name)) {
        /* An older piece, which the baseline knows, would explain it at the next look. */
        if (l != NULL) {
            l->broken = true;
        }
        return FS_ROTATED_NOT;
    }
    bool known = l != NULL && l->gone;
    l = l != NULL ? l : new_log(path);
    l->now = p;
    l->gone = now == NULL;
    if (now != NULL && !take_over(l, dir, log, now)) {
        forget(l);
        return FS_ROTATED_NOT;
    }
    return known ? FS_ROTATED_KNOWN : FS_ROTATED_NEWS;
}

enum fs_rotated
fs_rotated_look(const struct baseline_entry *was, const struct baseline_entry *now, unsigned differs,
        uint32_t attrs, char name[NAME_MAX + 1])
{
    char log[NAME_MAX + 1];

    if (!may_be(was, now, differs, attrs) || !name_of(was, log)) {
        return FS_ROTATED_NOT;
    }
    int dir = open_parent(was);
    if (dir < 0) {
        return FS_ROTATED_NOT;
    }
    enum fs_rotated how = judge(dir, log, was, now, differs, name);
    close(dir);
    return how;
}
