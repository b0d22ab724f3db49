#include "alarm/clock.h"
#include "conf/name.h"
#include "conf/pattern.h"
#include "watch/detector.h"
#include "watch/mounts_judge.h"
#include "watch/mounts_stat.h"
#include "wire/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Mounts: the kernel tells of each mount, unmount and remount in our mount namespace by POLLPRI on mountinfo.
 * A look each second is behind it, for what it does not tell: a superblock that was made writable from
 * another namespace, a block device that was set writable, errors of a file system. Nothing is told while the
 * text and the devices are as they were. Of the text it is enough to ask for the mounts that are judged,
 * where the kernel can be asked; all of it is read each TEXT_EVERY_MS.
 *
 * A new mount is one that was not there at the start, by what is mounted and where; the same disk that is
 * mounted again is not new.
 */
#define LOOK_EVERY_MS 1000
#define TEXT_EVERY_MS 10000
#define PASS_EVERY_MS 60000
#define KNOWN_MAX 1024
#define FRESH_MAX 256
#define IDENTITY 16

struct known {
    uint8_t identity[IDENTITY];
    unsigned count; /* how many of them are accepted */
    unsigned seen;  /* in this look */
};

/*
 * Do single mounts stand for the text? They do when it was the same before they were taken and after. When
 * they cannot be taken, nothing is tried until it is another one.
 */
enum standing { STANDS_NOT, STANDS_SOON, STANDS, STANDS_NEVER };

static struct mounts_state {
    struct detector_env env;
    bool unreadable;
    bool cut; /* there are more mounts than fit: told, and the rest is not looked at */
    int64_t next_pass_ms;
    int64_t next_elsewhere_ms; /* when other namespaces are looked at */
    int64_t next_text_ms;      /* when the text is read in any case */
    enum standing standing;
    bool event;        /* the kernel told of a change */
    int64_t looked_ms; /* when the text was read last */
    unsigned current;  /* which of the two texts */
    size_t len[2];
    const struct mount_line *visible[CONF_MOUNTS]; /* at each listed path */
    struct mounts_device device[CONF_MOUNTS];
    struct mounts_device_files device_files[CONF_MOUNTS];
    struct mounts_disk disk[CONF_MOUNTS];           /* of those that name one */
    struct mounts_elsewhere elsewhere[CONF_MOUNTS]; /* as was seen at the last pass */
    int space_error;                                /* why not all other namespaces were looked at */
    bool space_told;
    int64_t rw_since_ms[CONF_MOUNTS]; /* of those with a window: writable since; 0: is not */
    int64_t window_ms;                /* when the next window ends */
    bool met[CONF_MOUNTS];            /* something was mounted there at the start or since */
    unsigned knowns;
    unsigned freshes;
} watched;

static int mountinfo = -1; /* apart: with it, all of the above would stand in the program's file */

/* Apart from the rest, so that a reset does not touch them: memory that is never touched costs nothing. */
static char text[2][MOUNTS_TEXT];
static struct mounts_table table;
static struct mounts_stats stats;
static struct known known[KNOWN_MAX];
static const struct mount_line *fresh[FRESH_MAX];
static char places[CONF_WATCHES * PATH_MAX]; /* one behind the other, so that few pages are touched */
static const char *place[CONF_WATCHES];      /* the watched paths without symbolic links */

static void
report(const struct finding *f)
{
    watched.env.report(watched.env.report_to, f);
}

static void
tell_pass(enum finding_op op)
{
    struct finding f;

    finding_pass(&f, FINDING_MOUNTS, op);
    report(&f);
}

/* Tells when it is different from what was told last. */
static void
tell_self(bool *told, bool now, const char *source, const char *state)
{
    struct finding f;

    if (*told == now) {
        return;
    }
    *told = now;
    finding_begin(&f, FINDING_AGENT_SELF, "source", source, strlen(source));
    f.severity = WIRE_WARN;
    f.op = now ? FINDING_OPEN : FINDING_CLOSE;
    finding_addf(&f, "state", "%s", now ? state : "back");
    report(&f);
}

static int
read_text(char *out, size_t *len)
{
    *len = 0;
    while (*len < MOUNTS_TEXT) {
        ssize_t n = pread(mountinfo, out + *len, MOUNTS_TEXT - *len, (off_t)*len);

        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        *len += (size_t)n;
    }
    return 0;
}

/* Reads anew. True when it is not as it was; the table and what is visible follow from it then. */
static bool
take_text(void)
{
    unsigned next = 1 - watched.current;
    int error = read_text(text[next], &watched.len[next]);

    tell_self(&watched.unreadable, error != 0, "mountinfo", "unreadable");
    if (error != 0 || (watched.len[next] == watched.len[watched.current] &&
                              memcmp(text[next], text[watched.current], watched.len[next]) == 0)) {
        return false;
    }
    watched.current = next;
    mounts_table_read(&table, text[next], watched.len[next]);
    for (unsigned i = 0; i < watched.env.conf->mounts; i++) {
        const struct conf_mount *want = &watched.env.conf->mount[i];

        watched.visible[i] = conf_mount_is_disk(want) ? NULL : mounts_table_at(&table, want->path);
    }
    return true;
}

static bool
is_mounted(const struct mounts_disk *disk)
{
    for (unsigned i = 0; i < table.count; i++) {
        if (mounts_disk_holds(disk, &table.row[i])) {
            return true;
        }
    }
    return false;
}

/*
 * The disk of a listed name, and its state; a disk that comes or goes makes a difference. Its name may be
 * taken away or led elsewhere, which changes nothing while it is mounted.
 */
static struct mounts_device
take_disk(unsigned i, bool *different)
{
    struct mounts_device now = { .state = DEVICE_UNKNOWN, .errors = 0 };
    struct mounts_disk disk = mounts_disk_find(watched.env.conf->mount[i].path);
    const struct mounts_disk *was = &watched.disk[i];

    bool other = disk.there != was->there || disk.major != was->major || disk.minor != was->minor;

    if (other && was->there && is_mounted(was)) {
        disk = *was;
        other = false;
    }
    *different = *different || other;
    watched.disk[i] = disk;
    return disk.there ? mounts_device_read(&watched.device_files[i], disk.major, disk.minor, true) : now;
}

static bool
take_devices(void)
{
    bool different = false;

    for (unsigned i = 0; i < watched.env.conf->mounts; i++) {
        const struct mount_line *m = watched.visible[i];
        struct mounts_device now = { .state = DEVICE_UNKNOWN, .errors = 0 };

        if (conf_mount_is_disk(&watched.env.conf->mount[i])) {
            now = take_disk(i, &different);
        } else if (m != NULL && strcmp(m->point, watched.env.conf->mount[i].path) == 0) {
            now = mounts_device_read(
                    &watched.device_files[i], m->major, m->minor, strcmp(m->type, "ext4") == 0);
        }
        different =
                different || now.state != watched.device[i].state || now.errors != watched.device[i].errors;
        watched.device[i] = now;
    }
    return different;
}

/* Would a mount there add to, or hide, what is guarded? */
static bool
matters(const char *point)
{
    const struct conf *conf = watched.env.conf;
    struct pattern ignore;

    for (unsigned i = 0; i < conf->mounts; i++) {
        if (!conf_mount_is_disk(&conf->mount[i]) && mounts_path_below(conf->mount[i].path, point)) {
            return true;
        }
    }
    for (unsigned i = 0; i < conf->ignores; i++) {
        if (pattern_parse(&ignore, conf->ignore[i], strlen(conf->ignore[i])) == NULL &&
                pattern_covers(&ignore, point, strlen(point))) {
            return false;
        }
    }
    for (unsigned i = 0; i < conf->watches; i++) {
        char plain[CONF_PATH];

        pattern_plain(conf->watch[i].path, plain);
        if (mounts_path_below(point, plain) || mounts_path_below(plain, point) ||
                mounts_path_below(point, place[i]) || mounts_path_below(place[i], point)) {
            return true;
        }
    }
    return false;
}

/* File systems without a block device get another minor number each time. */
static void
identify(const struct mount_line *m, uint8_t out[IDENTITY])
{
    const uint32_t device[2] = { m->major, m->major != 0 ? m->minor : 0 };
    const char *const part[] = { m->root, m->point, m->type, m->source };
    struct wire_hasher h;
    uint8_t digest[WIRE_HASH_SIZE];

    wire_hash_init(&h);
    wire_hash_update(&h, device, sizeof(device));
    for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
        wire_hash_update(&h, part[i], strlen(part[i]) + 1);
    }
    wire_hash_final(&h, digest);
    memcpy(out, digest, IDENTITY);
}

/* NULL when there is no more room for one that is not there yet. */
static struct known *
known_of(const struct mount_line *m)
{
    uint8_t identity[IDENTITY];

    identify(m, identity);
    for (unsigned i = 0; i < watched.knowns; i++) {
        if (memcmp(known[i].identity, identity, IDENTITY) == 0) {
            return &known[i];
        }
    }
    if (watched.knowns == KNOWN_MAX) {
        return NULL;
    }
    struct known *k = &known[watched.knowns++];

    *k = (struct known){ .count = 0 };
    memcpy(k->identity, identity, IDENTITY);
    return k;
}

/* A listed path at which nothing was mounted so far: what comes there first is what was waited for. */
static bool
waited_for(const char *point)
{
    for (unsigned i = 0; i < watched.env.conf->mounts; i++) {
        if (!watched.met[i] && strcmp(watched.env.conf->mount[i].path, point) == 0) {
            watched.met[i] = true;
            return true;
        }
    }
    return false;
}

/* One of two on the same point is told, the later: a finding is about its path. */
static void
add_fresh(const struct mount_line *m, bool *cut)
{
    for (unsigned i = 0; i < watched.freshes; i++) {
        if (strcmp(fresh[i]->point, m->point) == 0) {
            fresh[i] = m;
            return;
        }
    }
    if (watched.freshes == FRESH_MAX) {
        *cut = true;
        return;
    }
    fresh[watched.freshes++] = m;
}

/* Those that went without having been accepted need no place. */
static void
drop_gone(void)
{
    for (unsigned i = watched.knowns; i-- > 0;) {
        if (known[i].count == 0 && known[i].seen == 0) {
            known[i] = known[--watched.knowns];
        }
    }
}

/* Lists the mounts that are new; at the `start` none is. */
static void
find_fresh(bool start)
{
    bool cut = table.left_out > 0;

    watched.freshes = 0;
    for (unsigned i = 0; i < watched.knowns; i++) {
        known[i].seen = 0;
    }
    for (unsigned i = 0; i < table.count; i++) {
        const struct mount_line *m = &table.row[i];
        struct known *k = matters(m->point) ? known_of(m) : NULL;

        if (k == NULL) {
            cut = cut || matters(m->point);
            continue;
        }
        k->seen++;
        if (k->seen > k->count && (waited_for(m->point) || start)) {
            k->count = k->seen;
        }
        if (k->seen > k->count) {
            add_fresh(m, &cut);
        }
    }
    drop_gone();
    tell_self(&watched.cut, cut, "mountinfo", "too_many");
}

/* Other namespaces, for disks that must be read-only wherever they are. */
static void
look_elsewhere(void)
{
    const struct conf *conf = watched.env.conf;
    struct mounts_disk disk[CONF_MOUNTS];
    bool any = false;

    for (unsigned i = 0; i < conf->mounts; i++) {
        disk[i] = watched.disk[i];
        disk[i].there = disk[i].there && conf->mount[i].read_only && conf_mount_is_disk(&conf->mount[i]);
        any = any || disk[i].there;
    }
    memset(watched.elsewhere, 0, sizeof(watched.elsewhere));
    watched.space_error = any ? mounts_disk_elsewhere(disk, watched.elsewhere, conf->mounts,
                                        watched.env.alive, watched.env.alive_to)
                              : 0;
    tell_self(&watched.space_told, watched.space_error != 0, "mount_namespaces", "reduced");
}

/* A mount with a window: since when it is writable, and what that makes of the finding. */
static void
judge_window(unsigned i, bool rw, int64_t now_ms, struct finding *f)
{
    const struct conf_mount *want = &watched.env.conf->mount[i];
    int64_t *since_ms = &watched.rw_since_ms[i];

    *since_ms = !rw ? 0 : *since_ms == 0 ? now_ms : *since_ms;
    if (rw) {
        int64_t end_ms = *since_ms + (int64_t)want->window_s * 1000;

        mounts_judge_window(want, now_ms - *since_ms, f);
        watched.window_ms = end_ms > now_ms && end_ms < watched.window_ms ? end_ms : watched.window_ms;
    }
}

static bool
judge_listed(unsigned i, int64_t now_ms, struct finding *f)
{
    const struct conf_mount *want = &watched.env.conf->mount[i];
    bool wrong = conf_mount_is_disk(want) ? mounts_judge_disk(&table, want, &watched.disk[i],
                                                    &watched.device[i], &watched.elsewhere[i], f)
                                          : mounts_judge(&table, want, &watched.device[i], f);

    if (want->window_s != 0) {
        judge_window(i, wrong && f->code == FINDING_MOUNT_RW, now_ms, f);
    }
    return wrong;
}

/* A path has one finding, the gravest. */
static void
judge(int64_t now_ms)
{
    const struct conf *conf = watched.env.conf;
    bool told[CONF_MOUNTS] = { false };
    struct finding f;

    watched.window_ms = INT64_MAX;
    tell_pass(FINDING_PASS_BEGIN);
    for (unsigned i = 0; i < conf->mounts; i++) {
        told[i] = judge_listed(i, now_ms, &f);
        if (told[i]) {
            report(&f);
        }
    }
    for (unsigned n = 0; n < watched.freshes; n++) {
        bool again = false;

        for (unsigned i = 0; i < conf->mounts; i++) {
            again = again || (told[i] && strcmp(conf->mount[i].path, fresh[n]->point) == 0);
        }
        if (!again) {
            mounts_judge_added(fresh[n], &f);
            report(&f);
        }
    }
    tell_pass(FINDING_PASS_END);
}

/* The mounts that are judged, by their numbers; more than MOUNTS_STATS when there are too many. */
static unsigned
list_judged(uint32_t numbers[MOUNTS_STATS])
{
    const struct conf *conf = watched.env.conf;
    unsigned count = 0;

    for (unsigned i = 0; i < conf->mounts; i++) {
        for (unsigned n = 0; n < table.count && count <= MOUNTS_STATS; n++) {
            bool judged = conf_mount_is_disk(&conf->mount[i])
                                  ? mounts_disk_holds(&watched.disk[i], &table.row[n])
                                  : watched.visible[i] == &table.row[n];

            if (judged && count < MOUNTS_STATS) {
                numbers[count] = table.row[n].id;
            }
            count += judged;
        }
    }
    return count;
}

/* After a text that was as the one before. */
static void
stand(void)
{
    uint32_t numbers[MOUNTS_STATS];

    if (watched.standing == STANDS_SOON) {
        watched.standing = STANDS;
    } else if (watched.standing == STANDS_NOT) {
        watched.standing =
                mounts_stats_take(&stats, numbers, list_judged(numbers)) == 0 ? STANDS_SOON : STANDS_NEVER;
    }
}

static bool
text_is_due(int64_t now_ms)
{
    struct pollfd changed = { .fd = mountinfo, .events = POLLPRI };
    bool told = poll(&changed, 1, 0) > 0 || watched.event;

    watched.event = false;
    if (watched.standing == STANDS && !mounts_stats_same(&stats)) {
        watched.standing = STANDS_NOT;
    }
    return told || watched.standing != STANDS || now_ms >= watched.next_text_ms;
}

/* True when the text is not as it was. */
static bool
look_at_text(int64_t now_ms)
{
    bool differs = take_text();

    watched.next_text_ms = clock_next_ms(now_ms, TEXT_EVERY_MS);
    if (differs || watched.unreadable) {
        watched.standing = STANDS_NOT;
    } else {
        stand();
    }
    return differs;
}

static int64_t
mounts_work(int64_t now_ms)
{
    if (mountinfo < 0) {
        return INT64_MAX;
    }
    bool text_read = text_is_due(now_ms);
    bool mounts_differ = text_read && look_at_text(now_ms);
    bool devices_differ = take_devices();

    if (devices_differ) {
        watched.standing = STANDS_NOT; /* other mounts may be judged now */
        mounts_differ = mounts_differ || (!text_read && look_at_text(now_ms));
    }
    watched.looked_ms = now_ms;
    if (mounts_differ) {
        find_fresh(false);
    }
    if (now_ms >= watched.next_elsewhere_ms) {
        look_elsewhere();
        watched.next_elsewhere_ms = clock_next_ms(now_ms, PASS_EVERY_MS);
        watched.next_pass_ms = now_ms;
    }
    if (mounts_differ || devices_differ || now_ms >= watched.next_pass_ms || now_ms >= watched.window_ms) {
        judge(now_ms);
        watched.next_pass_ms = clock_next_ms(now_ms, PASS_EVERY_MS);
    }
    /* Where none is listed, only new ones count, and the kernel tells of each. */
    int64_t look_ms =
            watched.env.conf->mounts > 0 ? clock_next_ms(now_ms, LOOK_EVERY_MS) : watched.next_pass_ms;

    return watched.window_ms < look_ms ? watched.window_ms : look_ms;
}

/* The first look. 0 or -errno. */
static int
begin(const struct detector_env *env)
{
    if (mountinfo >= 0) {
        close(mountinfo);
    }
    for (unsigned i = 0; i < CONF_MOUNTS; i++) {
        mounts_device_close(&watched.device_files[i]);
    }
    watched = (struct mounts_state){ .env = *env };
    table.count = 0;
    mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (mountinfo < 0) {
        return -errno;
    }
    ssize_t n = pread(mountinfo, text[0], 1, 0);

    if (n <= 0) {
        return n < 0 ? -errno : -ENODATA;
    }
    (void)take_text();
    (void)take_devices();
    return 0;
}

static void
find_places(const struct conf *conf)
{
    char *at = places;

    for (unsigned i = 0; i < conf->watches; i++) {
        char plain[CONF_PATH];

        pattern_plain(conf->watch[i].path, plain);
        if (realpath(plain, at) == NULL) {
            memcpy(at, plain, strlen(plain) + 1);
        }
        place[i] = at;
        at += strlen(at) + 1;
    }
}

static int
mounts_open(const struct detector_env *env)
{
    const struct conf *conf = env->conf;

    if (conf->mounts + conf->watches == 0) {
        return 0;
    }
    int error = begin(env);

    if (error != 0) {
        return error;
    }
    find_places(conf);
    find_fresh(true);
    return 0;
}

static int
mounts_fds(struct pollfd *fds, int max)
{
    if (max < 1 || mountinfo < 0) {
        return 0;
    }
    fds[0] = (struct pollfd){ .fd = mountinfo, .events = POLLPRI };
    return 1;
}

/* The poll itself has taken the event; the look follows. */
static void
mounts_ready(const struct pollfd *fds, int count)
{
    (void)fds;
    (void)count;
    watched.event = true;
}

static int
mounts_check(const struct detector_env *env)
{
    int error = env->conf->mounts > 0 ? begin(env) : 0;

    if (error != 0) {
        fprintf(stderr, "%s: mounts: cannot read /proc/self/mountinfo: %s\n", name_program(),
                strerror(-error));
        return error;
    }
    if (env->conf->mounts > 0) {
        look_elsewhere();
        judge(clock_boot_ms());
    }
    return 0;
}

static void
mounts_status(struct detector_status *out)
{
    if (mountinfo < 0) {
        status_note(out, "nothing is listed to be guarded");
        return;
    }
    status_source_or(out, "mountinfo", watched.unreadable ? EIO : 0, "nothing is seen");
    if (watched.env.conf->mounts > 0) {
        status_source(out, "super options and devices each second");
    }
    if (watched.cut) {
        status_lower(out, STATUS_REDUCED);
        status_note(out, "more mounts than are looked at");
    }
    if (watched.space_error != 0) {
        status_lower(out, STATUS_REDUCED);
        status_note(out, "other mount namespaces: %s", strerror(-watched.space_error));
    }
    out->pass_ms = watched.looked_ms;
    out->looked = table.count;
}

const struct detector_ops detector_mounts_ops = {
    .name = "mounts",
    .source = FINDING_MOUNTS,
    .open = mounts_open,
    .fds = mounts_fds,
    .ready = mounts_ready,
    .work = mounts_work,
    .check = mounts_check,
    .status = mounts_status,
};
