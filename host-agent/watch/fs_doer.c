#include "watch/fs_doer.h"
#include "watch/freezer.h"
#include "watch/pidinfo.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STATUS_TEXT 4096

#define NAME_KEY "Name:\t"
#define UID_KEY "Uid:\t"

void
fs_doers_open(struct fs_doers *d)
{
    if (d->proc < 0) {
        d->proc = procfs_open();
    }
    d->used = 0;
}

void
fs_doers_forget(struct fs_doers *d)
{
    d->used = 0;
}

/* ---- texts of the kernel ---- */

static bool
begins(const char *line, size_t len, const char *key)
{
    return len >= strlen(key) && memcmp(line, key, strlen(key)) == 0;
}

static bool
take_name(const char *at, size_t len, struct fs_doer_status *out)
{
#ifndef PLANT_DOER
    if (len >= sizeof(out->name)) {
        return false;
    }
#endif
    memcpy(out->name, at, len);
    out->name[len] = '\0';
    return true;
}

/* "real\teffective\t...": the effective one is who the kernel took it for. */
static bool
take_uid(const char *at, const char *end, struct fs_doer_status *out)
{
    uint64_t real, effective;

    if (!procfs_decimal(&at, end, UINT32_MAX, &real) || at == end || *at++ != '\t' ||
            !procfs_decimal(&at, end, UINT32_MAX, &effective)) {
        return false;
    }
    out->uid = (uint32_t)effective;
    return true;
}

bool
fs_doer_status_parse(const char *src, size_t len, struct fs_doer_status *out)
{
    struct fs_doer_status s = { .uid = 0 };
    const char *end = src + len;
    bool name = false, uid = false;

    while (src < end && !(name && uid)) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));

        if (newline == NULL) {
            return false;
        }
        size_t n = (size_t)(newline - src);
        if (!name && begins(src, n, NAME_KEY)) {
            name = take_name(src + strlen(NAME_KEY), n - strlen(NAME_KEY), &s);
        } else if (begins(src, n, UID_KEY)) {
            uid = take_uid(src + strlen(UID_KEY), newline, &s);
        }
        src = newline + 1;
    }
    if (!name || !uid) {
        return false;
    }
    *out = s;
    return true;
}

static bool
ends(const char *text, size_t len, const char *tail)
{
    size_t n = strlen(tail);

    return len > n && memcmp(text + len - n, tail, n) == 0;
}

size_t
fs_doer_unit(const char *path, size_t len, const char **unit)
{
    while (len > 0) {
        size_t at = len;

        while (at > 0 && path[at - 1] != '/') {
            at--;
        }
        size_t n = len - at;
        if (ends(path + at, n, ".service") || ends(path + at, n, ".scope")) {
            *unit = path + at;
            return n;
        }
        len = at > 0 ? at - 1 : 0;
    }
    return 0;
}

/* ---- one process ---- */

static ssize_t
read_of(const struct fs_doers *d, int32_t pid, const char *file, char *out, size_t size)
{
    char name[40];

    snprintf(name, sizeof(name), "%d/%s", pid, file);
    return procfs_read(d->proc, name, out, size);
}

static uint32_t
read_login(const struct fs_doers *d, int32_t pid)
{
    char text[16];
    const char *at = text;
    uint64_t uid;
    ssize_t len = read_of(d, pid, "loginuid", text, sizeof(text));

    return len > 0 && procfs_decimal(&at, text + len, UINT32_MAX, &uid) ? (uint32_t)uid : FS_DOER_NO_LOGIN;
}

static void
read_unit(const struct fs_doers *d, int32_t pid, char out[FS_DOER_UNIT])
{
    static char text[STATUS_TEXT];
    struct freezer_groups groups;
    const char *unit;
    ssize_t len = read_of(d, pid, "cgroup", text, sizeof(text));

    out[0] = '\0';
    if (len <= 0 || !freezer_groups_parse(text, (size_t)len, &groups) || groups.path[FREEZER_V2] == NULL) {
        return;
    }
    size_t n = fs_doer_unit(groups.path[FREEZER_V2], groups.len[FREEZER_V2], &unit);
    if (n > 0 && n < FS_DOER_UNIT) {
        memcpy(out, unit, n);
        out[n] = '\0';
    }
}

/* Only the text: who is told knows the file by its path. */
static void
read_exe(const struct fs_doers *d, struct fs_doer *doer)
{
    static const char deleted[] = " (deleted)";
    const size_t tail = sizeof(deleted) - 1;
    struct procfs_stat st;
    char name[32];

    snprintf(name, sizeof(name), "%d/exe", doer->pid);
    ssize_t len = readlinkat(d->proc, name, doer->exe, sizeof(doer->exe) - 1);
    if (len < 0) {
        len = 0;
        doer->kernel_thread = procfs_stat(d->proc, doer->pid, &st) == 0 && st.kernel_thread;
        doer->ended = !doer->kernel_thread;
    }
    doer->exe_len = (size_t)len;
    doer->image_deleted =
            doer->exe_len > tail && memcmp(doer->exe + doer->exe_len - tail, deleted, tail) == 0;
    doer->exe_len -= doer->image_deleted ? tail : 0;
    doer->exe[doer->exe_len] = '\0';
}

/* Since Linux 6.13: cheaper than the kernel's texts. */
static bool
read_info(int pidfd, struct fs_doer *doer, uint64_t *group)
{
    struct pidinfo info;

    if (!pidinfo_read(pidfd, &info)) {
        return false;
    }
    doer->status.uid = info.uid;
    *group = info.group;
    return true;
}

static bool
read_name(const struct fs_doers *d, struct fs_doer *doer)
{
    char *name = doer->status.name;
    ssize_t len = read_of(d, doer->pid, "comm", name, sizeof(doer->status.name));

    if (len <= 0 || name[len - 1] != '\n') {
        return false;
    }
    name[len - 1] = '\0';
    return true;
}

static bool
read_status(const struct fs_doers *d, struct fs_doer *doer)
{
    static char text[STATUS_TEXT];
    ssize_t len = read_of(d, doer->pid, "status", text, sizeof(text));

    return len > 0 && fs_doer_status_parse(text, (size_t)len, &doer->status);
}

static bool
unit_kept(const struct fs_doers *d, uint64_t group, struct fs_doer *doer)
{
    for (unsigned i = 0; i < FS_DOERS && group != 0; i++) {
        if (d->unit[i].group == group) {
            memcpy(doer->unit, d->unit[i].unit, sizeof(doer->unit));
            return true;
        }
    }
    return false;
}

static void
keep_unit(struct fs_doers *d, uint64_t group, const struct fs_doer *doer)
{
    struct fs_doer_group *slot = &d->unit[d->units++ % FS_DOERS];

    slot->group = group;
    memcpy(slot->unit, doer->unit, sizeof(slot->unit));
}

/* A signal that is none: a process that was not reaped has its number for itself. */
static bool
still_there(int pidfd)
{
    return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM;
}

static void
look(struct fs_doers *d, struct fs_doer *doer, int pidfd)
{
    uint64_t group = 0, then = 0;

    if (pidfd < 0) {
        return;
    }
    read_exe(d, doer);
    bool read = read_info(pidfd, doer, &group) ? read_name(d, doer) : read_status(d, doer);
    doer->login = read_login(d, doer->pid);
    bool kept = unit_kept(d, group, doer);
    if (!kept) {
        read_unit(d, doer->pid, doer->unit);
    }
    doer->known = read && still_there(pidfd);
    /* It may have moved between the number and the text. */
    if (doer->known && !kept && group != 0 && read_info(pidfd, doer, &then) && then == group) {
        keep_unit(d, group, doer);
    }
}

const struct fs_doer *
fs_doers_look(struct fs_doers *d, int32_t pid, int pidfd)
{
    static struct fs_doer nobody; /* not const: 4 KiB of zeros would stand in the program's file */

    if (pid <= 0 || d->proc < 0) {
        return &nobody;
    }
    for (unsigned i = 0; i < d->used && i < FS_DOERS; i++) {
        if (d->doer[i].pid == pid) {
            return &d->doer[i];
        }
    }
    struct fs_doer *doer = &d->doer[d->used++ % FS_DOERS];

    doer->pid = pid;
    doer->known = doer->ended = doer->kernel_thread = false;
    look(d, doer, pidfd);
    return doer;
}

/* ---- in words ---- */

static void
tell_program(const struct fs_doer *doer, struct finding *f)
{
    if (doer->kernel_thread) {
        char name[FS_DOER_NAME + 2];

        snprintf(name, sizeof(name), "[%s]", doer->status.name);
        finding_add(f, "by", name, strlen(name));
        return;
    }
    if (doer->ended) {
        finding_addf(f, "by", "gone");
    } else {
        finding_add(f, "by", doer->exe, doer->exe_len);
        if (doer->image_deleted) {
            finding_addf(f, "image", "deleted");
        }
    }
    /* The kernel keeps 15 bytes of a name: a script's, or one that the process gave itself. */
    if (doer->ended || strncmp(procfs_base(doer->exe), doer->status.name, 15) != 0) {
        finding_add(f, "comm", doer->status.name, strlen(doer->status.name));
    }
}

void
fs_doer_tell(const struct fs_doer *doer, struct finding *f)
{
    if (doer->pid == 0) {
        return;
    }
    finding_aside(f);
    if (!doer->known) {
        finding_addf(f, "by", "gone");
        finding_addf(f, "pid", "%d", doer->pid);
        return;
    }
    tell_program(doer, f);
    finding_addf(f, "pid", "%d", doer->pid);
    finding_addf(f, "uid", "%u", doer->status.uid);
    if (doer->login != FS_DOER_NO_LOGIN) {
        finding_addf(f, "auid", "%u", doer->login);
    }
    if (doer->unit[0] != '\0') {
        finding_add(f, "unit", doer->unit, strlen(doer->unit));
    }
}
