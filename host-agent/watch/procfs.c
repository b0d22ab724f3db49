#include "watch/procfs.h"
#include "watch/dents.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DELETED " (deleted)"
#define FLAG_KERNEL_THREAD 0x00200000u /* PF_KTHREAD */

int
procfs_open(void)
{
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 ? fd : -errno;
}

bool
procfs_decimal(const char **at, const char *end, uint64_t max, uint64_t *out)
{
    const char *c = *at;
    uint64_t n = 0;

    for (; c < end && *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');

        if (n > (max - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    if (c == *at) {
        return false;
    }
    *at = c;
    *out = n;
    return true;
}

/* The numbers among the names of a directory, behind `count` others. */
static size_t
take_numbers(const char *entries, long len, int32_t *out, size_t count, size_t max)
{
    for (long at = 0; at < len;) {
        const struct dents_entry *e = (const void *)(entries + at);
        const char *name = e->name;
        uint64_t number;

        at += e->length;
        if (count < max && procfs_decimal(&name, name + strlen(name), INT32_MAX, &number) && *name == '\0') {
            out[count++] = (int32_t)number;
        }
    }
    return count;
}

ssize_t
procfs_pids(int proc, int32_t *out, size_t max)
{
    _Alignas(struct dents_entry) char buffer[8192];
    size_t count = 0;

    if (lseek(proc, 0, SEEK_SET) < 0) {
        return -errno;
    }
    for (;;) {
        long got = syscall(SYS_getdents64, proc, buffer, sizeof(buffer));

        if (got < 0) {
            return -errno;
        }
        if (got == 0) {
            return (ssize_t)count;
        }
        count = take_numbers(buffer, got, out, count, max);
    }
}

int
procfs_tasks_open(struct procfs_tasks *t, int proc, int32_t pid)
{
    char name[32];

    snprintf(name, sizeof(name), "%d/task", pid);
    t->count = t->next = 0;
    t->dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return t->dir >= 0 ? 0 : -errno;
}

void
procfs_tasks_close(struct procfs_tasks *t)
{
    if (t->dir >= 0) {
        close(t->dir);
        t->dir = -1;
    }
}

int32_t
procfs_tasks_next(struct procfs_tasks *t)
{
    _Alignas(struct dents_entry) char buffer[PROCFS_TASKS * sizeof(struct dents_entry)];
    long got;

    while (t->next == t->count) {
        got = syscall(SYS_getdents64, t->dir, buffer, sizeof(buffer));
        if (got <= 0) {
            return 0;
        }
        t->count = (unsigned)take_numbers(buffer, got, t->tid, 0, PROCFS_TASKS);
        t->next = 0;
    }
    return t->tid[t->next++];
}

/* A field that may be negative, and the blank before it. */
static bool
take_field(const char **at, const char *end, int64_t *out)
{
    uint64_t n;
    bool negative;

    if (*at == end || **at != ' ') {
        return false;
    }
    (*at)++;
    negative = *at < end && **at == '-';
    *at += negative;
    if (!procfs_decimal(at, end, INT64_MAX, &n)) {
        return false;
    }
    *out = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

bool
procfs_stat_parse(const char *src, size_t len, struct procfs_stat *out)
{
    const char *end = src + len;
    const char *close = len > 0 ? memrchr(src, ')', len) : NULL;
    const char *at = src;
    uint64_t pid;
    int64_t field[23] = { 0 }; /* numbered as in proc(5) */

    if (close == NULL || !procfs_decimal(&at, close, INT32_MAX, &pid) || close - at < 2 || at[0] != ' ' ||
            at[1] != '(') {
        return false;
    }
    const char *name = at + 2;
#ifdef PLANT_PROCFS
    at = close + 3;
#else
    if (end - close < 3 || close[1] != ' ') {
        return false;
    }
    at = close + 3;
#endif
    for (int i = 4; i <= 22; i++) {
        if (!take_field(&at, end, &field[i])) {
            return false;
        }
    }
    size_t name_len = (size_t)(close - name);

    name_len = name_len < PROCFS_NAME ? name_len : PROCFS_NAME - 1;
    if (field[4] < 0 || field[4] > INT32_MAX || field[20] < 0 || field[20] > INT32_MAX || field[22] < 0) {
        return false;
    }
    out->pid = (int32_t)pid;
    out->parent = (int32_t)field[4];
    out->state = close[2];
    out->kernel_thread = ((uint64_t)field[9] & FLAG_KERNEL_THREAD) != 0;
    out->threads = (uint32_t)field[20];
    out->start = (uint64_t)field[22];
    memcpy(out->name, name, name_len);
    out->name[name_len] = '\0';
    return true;
}

ssize_t
procfs_read(int dir, const char *name, char *out, size_t size)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t got = 0;
    ssize_t n = -1;

    if (fd < 0) {
        return -errno;
    }
    while (got < size - 1 && (n = read(fd, out + got, size - 1 - got)) > 0) {
        got += (size_t)n;
    }
    int error = n < 0 ? errno : 0;

    close(fd);
    out[got] = '\0';
    return error != 0 && got == 0 ? -error : (ssize_t)got;
}

void
procfs_keep(struct procfs_kept *f, int fd)
{
    if (f->open) {
        close(f->fd);
    }
    *f = (struct procfs_kept){ .open = fd >= 0, .fd = fd };
}

ssize_t
procfs_kept_read(const struct procfs_kept *f, char *out, size_t size)
{
    return f->open ? pread(f->fd, out, size, 0) : -1;
}

int
procfs_stat(int proc, int32_t pid, struct procfs_stat *out)
{
    char name[32];
    char text[1024];

    snprintf(name, sizeof(name), "%d/stat", pid);
    ssize_t len = procfs_read(proc, name, text, sizeof(text));
    if (len < 0) {
        return (int)len;
    }
    return procfs_stat_parse(text, (size_t)len, out) ? 0 : -EPROTO;
}

static void
identify(struct procfs_file *file, const struct stat *st)
{
    file->identified = true;
    file->device = (uint64_t)st->st_dev;
    file->inode = (uint64_t)st->st_ino;
    file->uid = st->st_uid;
}

int
procfs_exe_path(int proc, int32_t pid, struct procfs_exe *out)
{
    char name[32];

    snprintf(name, sizeof(name), "%d/exe", pid);
    ssize_t len = readlinkat(proc, name, out->path, sizeof(out->path) - 1);
    if (len < 0 && errno == ENAMETOOLONG) {
        out->path[0] = '?';
        len = 1;
    }
    if (len < 0) {
        return errno == EPERM ? -EACCES : -errno;
    }
    size_t tail = strlen(DELETED);

    out->len = (size_t)len;
    out->file = (struct procfs_file){ .deleted = out->len > tail &&
                                                 memcmp(out->path + out->len - tail, DELETED, tail) == 0 };
    out->len -= out->file.deleted ? tail : 0;
    out->path[out->len] = '\0';
    return 0;
}

void
procfs_exe_identify(int proc, int32_t pid, struct procfs_file *file)
{
    char name[32];
    struct stat st;

    snprintf(name, sizeof(name), "%d/exe", pid);
    if (fstatat(proc, name, &st, 0) == 0) {
        identify(file, &st);
    }
}

uint32_t
procfs_threads(int proc, int32_t pid)
{
    char name[32];
    struct stat st;

    snprintf(name, sizeof(name), "%d/task", pid);
    return fstatat(proc, name, &st, 0) == 0 && st.st_nlink > 2 ? (uint32_t)st.st_nlink - 2 : 0;
}

static int
exe_of_task(int proc, int32_t pid, struct procfs_exe *out)
{
    int error = procfs_exe_path(proc, pid, out);

    if (error == 0) {
        procfs_exe_identify(proc, pid, &out->file);
    }
    return error;
}

int
procfs_exe_thread(int proc, int32_t pid, struct procfs_exe *out)
{
    struct procfs_tasks tasks;
    int error = -ENOENT;
    int32_t tid;

    /* A kernel thread has no others, nor has a process that ended. */
    if (procfs_threads(proc, pid) < 2 || procfs_tasks_open(&tasks, proc, pid) != 0) {
        return -ENOENT;
    }
    while (error == -ENOENT && (tid = procfs_tasks_next(&tasks)) > 0) {
        error = exe_of_task(tasks.dir, tid, out);
    }
    procfs_tasks_close(&tasks);
    return error;
}

int
procfs_exe(int proc, int32_t pid, struct procfs_exe *out)
{
    int error = exe_of_task(proc, pid, out);

    return error == -ENOENT ? procfs_exe_thread(proc, pid, out) : error;
}

static struct procfs_file
file_on_disk(const char *path)
{
    struct procfs_file disk = { .identified = false };
    struct stat st;

    if (stat(path, &st) == 0) {
        identify(&disk, &st);
    }
    return disk;
}

static bool
is_file(const struct procfs_file *file, const struct procfs_file *disk)
{
    return disk->identified && disk->device == file->device && disk->inode == file->inode;
}

/* A file may be called "sshd (deleted)", and be there. */
static bool
is_named_deleted(const struct procfs_file *file, const char *path)
{
    char name[PROCFS_EXE + sizeof(DELETED)];

    snprintf(name, sizeof(name), "%s" DELETED, path);
    struct procfs_file disk = file_on_disk(name);

    return is_file(file, &disk);
}

bool
procfs_file_at(const struct procfs_file *file, const char *path)
{
    if (!file->identified) {
        return true;
    }
    struct procfs_file disk = file_on_disk(path);

    if (file->deleted) {
        return (!disk.identified || (disk.device == file->device && disk.uid == file->uid)) &&
               !is_named_deleted(file, path);
    }
    return is_file(file, &disk);
}

const char *
procfs_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Of a line "N:name=systemd:/path"; NULL for another one. The path, too, can hold any of these words. */
static const char *
own_path(const char *line, const char *end)
{
    static const char v1[] = ":name=systemd:";
    size_t len = sizeof(v1) - 1;
    const char *colon = memchr(line, ':', (size_t)(end - line));

    return colon != NULL && (size_t)(end - colon) >= len && memcmp(colon, v1, len) == 0 ? colon + len : NULL;
}

/* The path in the line of the service manager's own hierarchy (cgroup v1), or in that of cgroup v2. */
static const char *
unit_path(const char *src, const char *end, const char **path_end)
{
    static const char v2[] = "0::";
    const char *path = NULL;

    while (src < end) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));
        const char *line_end = newline != NULL ? newline : end;
        const char *own = own_path(src, line_end);
        bool second = (size_t)(line_end - src) >= sizeof(v2) - 1 && memcmp(src, v2, sizeof(v2) - 1) == 0;

        if (own != NULL || (second && path == NULL)) {
            path = own != NULL ? own : src + sizeof(v2) - 1;
            *path_end = line_end;
        }
        if (own != NULL) {
            return path;
        }
        src = newline != NULL ? newline + 1 : end;
    }
    return path;
}

static bool
is_slice(const char *part, size_t len)
{
    static const char tail[] = ".slice";
    size_t tail_len = sizeof(tail) - 1;

    return len == 0 || (len > tail_len && memcmp(part + len - tail_len, tail, tail_len) == 0);
}

void
procfs_unit_parse(const char *src, size_t len, char out[PROCFS_UNIT])
{
    const char *end = NULL;
    const char *at = unit_path(src, src + len, &end);

    out[0] = '\0';
    while (at != NULL && at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *part_end = slash != NULL ? slash : end;
        size_t part = (size_t)(part_end - at);

        if (!is_slice(at, part)) {
#ifndef PLANT_PROCUNIT
            part = part < PROCFS_UNIT ? part : PROCFS_UNIT - 1;
#endif
            memcpy(out, at, part);
            out[part] = '\0';
            return;
        }
        at = slash != NULL ? slash + 1 : end;
    }
}

int
procfs_unit(int proc, int32_t pid, char out[PROCFS_UNIT])
{
    char name[32];
    char text[4096];

    snprintf(name, sizeof(name), "%d/cgroup", pid);
    ssize_t len = procfs_read(proc, name, text, sizeof(text));
    if (len < 0) {
        return (int)len;
    }
    procfs_unit_parse(text, (size_t)len, out);
    return 0;
}

uint64_t
procfs_socket_link(const char *src, size_t len)
{
    static const char head[] = "socket:[";
    const char *at = src + sizeof(head) - 1;
    uint64_t inode;

    if (len < sizeof(head) + 1 || memcmp(src, head, sizeof(head) - 1) != 0) {
        return 0;
    }
    if (!procfs_decimal(&at, src + len, UINT64_MAX, &inode) || at + 1 != src + len || *at != ']') {
        return 0;
    }
    return inode;
}
