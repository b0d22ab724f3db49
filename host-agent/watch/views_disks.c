#include "watch/views_disks.h"
#include "conf/pattern.h"
#include "watch/fs_remote.h"
#include "watch/mounts_info.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/*
 * Which file systems they are follows from the text of mountinfo, as far as it differs from the last one:
 * nobody is asked for that. Network and user-space file systems, and what lies below one, are left out: to
 * ask them may take for ever.
 */
#define DISKS_MAX 32
#define STEP_MIDDLE 98

struct disk {
    char point[PATH_MAX];
    uint32_t major;
    uint32_t minor;
    bool told;
};

static struct {
    int mountinfo;
    bool unreadable;
    bool cut;
    size_t len; /* of the text that `disk` follows from */
    unsigned count;
} disks = { .mountinfo = -1 };

/* Apart from the rest: memory that is never touched costs nothing. */
static struct disk disk[DISKS_MAX];
static char text[2][MOUNTS_TEXT];
static struct mounts_table table;

unsigned
disks_percent(uint64_t total, uint64_t unused, uint64_t available)
{
    uint64_t used = total > unused ? total - unused : 0;

    if (total == 0 || used + available == 0) {
        return 0;
    }
    return (unsigned)((double)used * 100 / (double)(used + available) + 0.999);
}

static bool
is_below_remote(const char *path)
{
    for (unsigned i = 0; i < table.count; i++) {
        if (fs_remote_type(table.row[i].type) && mounts_path_below(path, table.row[i].point)) {
            return true;
        }
    }
    return false;
}

/* A file system of which one is known already is the same through another mount. */
static void
add(const char *path)
{
    const struct mount_line *m = mounts_table_at(&table, path);

    if (m == NULL || (m->options & MOUNT_RO) != 0 || is_below_remote(m->point) ||
            strlen(m->point) >= PATH_MAX) {
        return;
    }
    for (unsigned i = 0; i < disks.count; i++) {
        if (disk[i].major == m->major && disk[i].minor == m->minor) {
            return;
        }
    }
    if (disks.count == DISKS_MAX) {
        disks.cut = true;
        return;
    }
    struct disk *d = &disk[disks.count++];
    d->major = m->major;
    d->minor = m->minor;
    d->told = false;
    memcpy(d->point, m->point, strlen(m->point) + 1);
}

static void
list(const struct conf *conf)
{
    char plain[CONF_PATH];

    disks.count = 0;
    disks.cut = false;
    add(conf->state_dir);
    for (unsigned i = 0; i < conf->watches; i++) {
        pattern_plain(conf->watch[i].path, plain);
        add(plain);
    }
}

/* Reads it anew; the list follows from it when it is another. 0 or -errno. */
static int
take_text(const struct conf *conf)
{
    struct pollfd changed = { .fd = disks.mountinfo, .events = POLLPRI };
    size_t len = 0;
    ssize_t n = 1;

    /* What was mounted or unmounted since is told; what is not (options) changes nothing here. */
    if (disks.len > 0 && poll(&changed, 1, 0) == 0) {
        return 0;
    }
    while (n > 0 && len < MOUNTS_TEXT) {
        n = pread(disks.mountinfo, text[1] + len, MOUNTS_TEXT - len, (off_t)len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        return -errno;
    }
    if (len != disks.len || memcmp(text[0], text[1], len) != 0) {
        disks.len = len;
        memcpy(text[0], text[1], len);
        mounts_table_read(&table, text[0], len);
        list(conf);
    }
    return 0;
}

/* In steps, so that one which goes on filling is not told at each of its blocks. */
static unsigned
step_of(unsigned percent)
{
    return percent >= 100 ? 100 : percent >= STEP_MIDDLE ? STEP_MIDDLE : DISKS_PERCENT;
}

static void
judge(struct views *v, struct disk *d)
{
    struct statvfs st;
    struct finding f;

    if (statvfs(d->point, &st) != 0 ||
            conf_allows(v->env.conf, CONF_VIEW_FULL_DISKS, d->point, strlen(d->point))) {
        return;
    }
    unsigned blocks = disks_percent(st.f_blocks, st.f_bfree, st.f_bavail);
    unsigned inodes = disks_percent(st.f_files, st.f_ffree, st.f_favail);
    unsigned percent = blocks >= inodes ? blocks : inodes;

    d->told = percent >= (d->told ? DISKS_OVER : DISKS_PERCENT);
    if (d->told) {
        finding_begin(&f, FINDING_DISK_FULL, "mount", d->point, strlen(d->point));
        finding_addf(&f, "what", "%s", blocks >= inodes ? "blocks" : "inodes");
        finding_addf(&f, "percent", "%u", step_of(percent));
        f.severity = percent >= STEP_MIDDLE ? WIRE_ERRO : WIRE_WARN;
        view_found(v, CONF_VIEW_FULL_DISKS, &f);
    }
}

static int64_t
disks_look(struct views *v, int64_t now_ms)
{
    int error = take_text(v->env.conf);

    (void)now_ms;
    view_self(v, &disks.unreadable, error != 0 || disks.cut, "disks", error != 0 ? "unreadable" : "too_many");
    if (error != 0) {
        return VIEW_DONE;
    }
    view_begin(v, CONF_VIEW_FULL_DISKS);
    for (unsigned i = 0; i < disks.count; i++) {
        judge(v, &disk[i]);
    }
    view_end(v, CONF_VIEW_FULL_DISKS);
    return VIEW_DONE;
}

static int
disks_open(struct views *v)
{
    (void)v;
    if (disks.mountinfo >= 0) {
        close(disks.mountinfo);
    }
    disks.mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    disks.unreadable = false;
    disks.len = 0;
    disks.count = 0;
    return disks.mountinfo < 0 ? -errno : 0;
}

const struct view_ops views_disks_ops = {
    .view = CONF_VIEW_FULL_DISKS,
    .open = disks_open,
    .look = disks_look,
};
