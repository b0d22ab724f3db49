#include "watch/fs_explain.h"
#include "alarm/clock.h"
#include "alarm/order.h"
#include "watch/fs_remote.h"
#include "watch/packages_judge.h"
#include "wire/base32.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS (2u * FS_EXPLAIN_HELD)
#define KEY 16
#define LOOK_MS 500     /* between two looks at the lock of dpkg while findings wait ... */
#define LOOK_IDLE_MS 20 /* ... and while none do and something differs */
#define SLICE_MS 15
#define MARGIN_S 30 /* before the first difference a record may have been written */
#define ROOT_COLUMNS 6

enum phase { IDLE, HOLDING, SCANNING, JUDGING };

struct held {
    uint32_t path; /* offset in the text */
    uint16_t len;
    bool waits; /* a finding; else a place that a link points to */
    bool done;
    bool explained;
    uint8_t verdict; /* when it was held */
    bool fresh;      /* the package's list was written in this transaction */
    struct packages_slot slot;
    uint8_t key[KEY]; /* of the explained state */
};

struct touched {
    uint32_t slot; /* packages_slot.package */
    struct packages_owner owner;
};

static struct {
    const struct detector_env *env;
    const char *root;
    fs_explain_look_fn *look;
    enum phase phase;
    bool spent; /* waited as long as may be: until the lock was free, nothing waits */
    int64_t since_ms;
    int64_t since_s; /* wall clock */
    int64_t busy_ms; /* when the lock was last seen held */
    int64_t changed_ms;
    int64_t looked_ms;
    bool locked;
    pid_t pid; /* who holds it */
    int64_t stamp;
    unsigned helds;
    unsigned at; /* in judging */
    size_t used;
    struct held held[FS_EXPLAIN_HELD];
    uint16_t bucket[BUCKETS]; /* index + 1 */
    char text[FS_EXPLAIN_TEXT];
    unsigned knowns;
    uint8_t known[FS_EXPLAIN_KNOWN * 2][KEY]; /* all zero: free */
    bool failed;                              /* dpkg's records could not be read: nothing is explained */
    bool open;                                /* something is told as package.changed */
    uint32_t last_number;
    unsigned packages; /* that brought held files in this transaction */
    struct touched package[FS_EXPLAIN_SINGLY];
} x;

static void
report(const struct finding *f)
{
    x.env->report(x.env->report_to, f);
}

/* ---- is dpkg at work? ---- */

/* False when nobody answers there. */
static bool
admin_path(const char *name, char out[PACKAGE_PATH])
{
    snprintf(out, PACKAGE_PATH, "%s" PACKAGES_ADMIN "/%s", x.root, name);
    return !fs_remote_silent_now((const uint8_t *)out, strlen(out));
}

/* True when another process has the lock. Asked of the file: /proc/locks makes all of the machine's locks
 * wait, 10 ms. */
static bool
lock_held(const char *name, pid_t *pid)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    char path[PACKAGE_PATH];

    int fd = admin_path(name, path) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
                                    : -1;
    if (fd < 0) {
        return false;
    }
    bool held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    if (held) {
        *pid = lock.l_pid;
    }
    return held;
}

static bool
read_lock(pid_t *pid)
{
    return lock_held("lock-frontend", pid) || lock_held("lock", pid);
}

/* Changes with each step that dpkg takes. `newest` gets the wall clock's time of the last. */
static int64_t
read_stamp(int64_t *newest)
{
    static const char *const names[] = { "status", "updates", "info" };
    int64_t sum = 0;

    *newest = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PACKAGE_PATH];
        struct stat st;

        if (admin_path(names[i], path) && stat(path, &st) == 0) {
            sum = sum * 31 + st.st_mtim.tv_sec * 1000003 + st.st_mtim.tv_nsec;
            *newest = st.st_mtim.tv_sec > *newest ? st.st_mtim.tv_sec : *newest;
        }
    }
    return sum;
}

static int64_t
wall_s(void)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec;
}

static bool
is_recent(int64_t time_s)
{
    int64_t age = wall_s() - time_s;

    return age >= -MARGIN_S && age <= MARGIN_S;
}

static void
look_at_dpkg(int64_t now_ms)
{
    int64_t newest;

    if (x.looked_ms != 0 && now_ms - x.looked_ms < (x.phase == IDLE ? LOOK_IDLE_MS : LOOK_MS)) {
        return;
    }
    x.looked_ms = now_ms;
    x.locked = read_lock(&x.pid);
    int64_t stamp = read_stamp(&newest);
    bool stepped = stamp != x.stamp;
    if (stepped) {
        x.stamp = stamp;
        x.changed_ms = now_ms;
    }
    if (x.locked || (x.phase == IDLE && stepped && is_recent(newest))) {
        x.busy_ms = now_ms;
    }
    if (!x.locked) {
        x.spent = false;
    }
}

/* ---- what waits ---- */

static uint32_t
hash(const uint8_t *path, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ path[i]) * 16777619u;
    }
    return h;
}

static uint16_t *
bucket_of(const uint8_t *path, size_t len)
{
    uint32_t i = hash(path, len) % BUCKETS;

    while (x.bucket[i] != 0) {
        const struct held *h = &x.held[x.bucket[i] - 1];

        if (h->len == len && memcmp(x.text + h->path, path, len) == 0) {
            break;
        }
        i = (i + 1) % BUCKETS;
    }
    return &x.bucket[i];
}

static struct held *
find(const uint8_t *path, size_t len)
{
    uint16_t index = *bucket_of(path, len);

    return index != 0 ? &x.held[index - 1] : NULL;
}

static struct held *
add(const uint8_t *path, size_t len)
{
    uint16_t *bucket = bucket_of(path, len);

    if (*bucket == 0) {
        if (x.helds == FS_EXPLAIN_HELD || len > FS_EXPLAIN_TEXT - x.used) {
            return NULL;
        }
        struct held *h = &x.held[x.helds++];

        memset(h, 0, sizeof(*h));
        h->path = (uint32_t)x.used;
        h->len = (uint16_t)len;
        memcpy(x.text + x.used, path, len);
        x.used += len;
        *bucket = (uint16_t)x.helds;
    }
    return &x.held[*bucket - 1];
}

static void
tell_running(enum finding_op op)
{
    static const char subject[] = "dpkg";
    struct finding f;

    finding_begin(&f, FINDING_PACKAGE_RUNNING, "manager", subject, sizeof(subject) - 1);
    f.op = (uint8_t)op;
    if (x.locked) {
        finding_addf(&f, "pid", "%d", (int)x.pid);
    }
    report(&f);
}

static void
begin_holding(int64_t now_ms)
{
    x.phase = HOLDING;
    x.since_ms = x.changed_ms = now_ms;
    x.since_s = wall_s();
    tell_running(FINDING_OPEN);
}

/* It has the lock, or had it a moment ago: on a busy machine it may be done before its first file is looked
 * at.
 */
static bool
is_busy(int64_t now_ms)
{
    return x.locked || (x.busy_ms != 0 && now_ms - x.busy_ms < FS_EXPLAIN_QUIET_MS);
}

static bool
may_wait(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    return verdict == FS_GONE || now == NULL || packages_rights(was, now, differs);
}

static bool
hold(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    const struct baseline_entry *e = now != NULL ? now : was;
    int64_t now_ms = clock_boot_ms();
    char target[PACKAGE_PATH + 8];

    look_at_dpkg(now_ms);
    if (x.spent || (x.phase == IDLE && !is_busy(now_ms)) || !may_wait(verdict, was, now, differs)) {
        return false;
    }
    struct held *h = add(e->path, e->path_len);
    if (h == NULL) {
        return false;
    }
    if (x.phase == IDLE) {
        begin_holding(now_ms);
    }
    h->waits = true;
    h->verdict = (uint8_t)verdict;
    if (now != NULL && now->type == BASELINE_LINK) {
        size_t len = packages_target(x.root, now, target, sizeof(target));

        if (len > 0) {
            (void)add((const uint8_t *)target, len);
        }
    }
    return true;
}

/* ---- what was explained ---- */

static void
key_of(const struct baseline_entry *e, bool gone, uint8_t key[KEY])
{
    struct wire_hasher h;
    uint8_t digest[WIRE_HASH_SIZE];
    const uint64_t numbers[] = { gone, gone ? 0 : e->type, gone ? 0 : e->mode, gone ? 0 : e->uid,
        gone ? 0 : e->gid };
    /* The content of what is new is not read again: what a change of it cannot leave as it was, instead. */
    const uint64_t traces[] = { e->ino, e->size, (uint64_t)e->mtime_ns, (uint64_t)e->ctime_ns };

    wire_hash_init(&h);
    wire_hash_update(&h, numbers, sizeof(numbers));
    wire_hash_update(&h, e->path, e->path_len);
    if (!gone && baseline_has_digest(e)) {
        wire_hash_update(&h, e->digest, sizeof(e->digest));
    }
    if (!gone && e->type == BASELINE_REGULAR && !baseline_has_digest(e)) {
        wire_hash_update(&h, traces, sizeof(traces));
    }
    if (!gone && e->type == BASELINE_LINK) {
        wire_hash_update(&h, e->link, e->link_len);
    }
    if (!gone && e->xattrs_len > 0) {
        wire_hash_update(&h, e->xattrs, e->xattrs_len);
    }
    wire_hash_final(&h, digest);
    memcpy(key, digest, KEY);
    key[0] |= 1;
}

static uint8_t *
known_of(const uint8_t key[KEY])
{
    static const uint8_t nothing[KEY];
    uint32_t i;

    memcpy(&i, key + 4, sizeof(i));
    for (i %= FS_EXPLAIN_KNOWN * 2; memcmp(x.known[i], nothing, KEY) != 0;
            i = (i + 1) % (FS_EXPLAIN_KNOWN * 2)) {
        if (memcmp(x.known[i], key, KEY) == 0) {
            break;
        }
    }
    return x.known[i];
}

static bool
is_known(const struct baseline_entry *e, bool gone)
{
    uint8_t key[KEY];

    if (x.knowns == 0) {
        return false;
    }
    key_of(e, gone, key);
    return memcmp(known_of(key), key, KEY) == 0;
}

static bool
remember(struct held *h, const struct baseline_entry *e, bool gone)
{
    if (x.knowns == FS_EXPLAIN_KNOWN) {
        return false;
    }
    key_of(e, gone, h->key);
    uint8_t *place = known_of(h->key);
    x.knowns += memcmp(place, h->key, KEY) != 0 ? 1 : 0;
    memcpy(place, h->key, KEY);
    return true;
}

static bool
has(void *unused, const char *path, size_t len)
{
    const struct held *h = find((const uint8_t *)path, len);

    (void)unused;
    return h != NULL && h->slot.package != 0;
}

/* While it is looked at again: true when it is explained. */
static bool
judge(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    const struct baseline_entry *e = now != NULL ? now : was;
    struct held *h = find(e->path, e->path_len);

    if (h == NULL || !h->waits) {
        return false;
    }
    if (h->done) {
        return h->explained;
    }
    h->done = true;
    bool gone = verdict == FS_GONE;
    const struct packages_slot *slot = h->slot.package != 0 ? &h->slot : NULL;
    h->explained =
            !x.failed && (gone ? x.packages > 0 : h->fresh) &&
            packages_judge_slot(slot, x.root, verdict, was, now, differs, has, NULL) == PACKAGES_EXPLAINED &&
            remember(h, e, gone);
    return h->explained;
}

bool
fs_explain_takes(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    const struct baseline_entry *e = now != NULL ? now : was;

    if (x.env == NULL) {
        return false;
    }
    if (is_known(e, verdict == FS_GONE)) {
        return true;
    }
    const struct held *h;

    switch (x.phase) {
    case IDLE:
    case HOLDING:
        return hold(verdict, was, now, differs);
    case SCANNING:
        /* What comes now and did not wait is told: it was not there when dpkg had done. */
        h = find(e->path, e->path_len);
        return h != NULL && h->waits && may_wait(verdict, was, now, differs);
    case JUDGING:
        return judge(verdict, was, now, differs);
    }
    return false;
}

/* ---- dpkg's records ---- */

/* Records come package by package. */
static void
note_package(const struct package *package)
{
    if (x.packages > 0 && x.last_number == package->number) {
        return;
    }
    if (x.packages < FS_EXPLAIN_SINGLY) {
        struct touched *t = &x.package[x.packages];

        t->slot = package->number + 1;
        memcpy(t->owner.name, package->name, sizeof(t->owner.name));
        memcpy(t->owner.version, package->version, sizeof(t->owner.version));
    }
    x.packages++;
    x.last_number = package->number;
}

static void
take_list(struct held *h, const struct package *package, bool mine)
{
    h->slot.summed = h->slot.summed && mine && h->slot.conffile;
    h->slot.conffile = h->slot.summed;
    h->slot.package = package->number + 1;
    h->slot.listed = true;
    h->fresh = package->listed_s >= x.since_s - MARGIN_S;
    if (h->fresh && h->waits) {
        note_package(package);
    }
}

static void
take_record(void *unused, enum package_record record, const struct package *package, const char *path,
        size_t len, const uint8_t md5[MD5_SIZE])
{
    struct held *h = find((const uint8_t *)path, len);

    (void)unused;
    if (h == NULL) {
        return;
    }
    bool mine = h->slot.package == package->number + 1;
    if (record == PACKAGE_LISTS) {
        take_list(h, package, mine);
        return;
    }
    if (record == PACKAGE_SUM && (!mine || h->slot.conffile)) {
        return;
    }
    h->slot.package = package->number + 1;
    h->slot.conffile = record == PACKAGE_CONFFILE;
    memcpy(h->slot.md5, md5, MD5_SIZE);
    h->slot.summed = true;
}

static void
no_package(void *unused, const struct package *package)
{
    (void)unused;
    (void)package;
}

static const struct packages_ops ops = { .record = take_record, .package = no_package, .to = NULL };

/* ---- what is told ---- */

static bool
key_before(const void *unused, uint16_t a, uint16_t b)
{
    (void)unused;
    return memcmp(x.held[a].key, x.held[b].key, KEY) < 0;
}

/* The explained files of a package, or of all with `slot` 0. Those that are gone belong to none. Returns
 * how many they are. */
static unsigned
add_files(struct finding *f, uint32_t slot, bool with_gone)
{
    static uint16_t index[FS_EXPLAIN_HELD];
    struct wire_hasher h;
    uint8_t digest[WIRE_HASH_SIZE];
    char root[ROOT_COLUMNS + 1];
    unsigned count = 0, gone = 0;

    for (unsigned i = 0; i < x.helds; i++) {
        bool is_gone = x.held[i].slot.package == 0;

        if (x.held[i].explained && (is_gone ? with_gone : slot == 0 || x.held[i].slot.package == slot)) {
            index[count++] = (uint16_t)i;
            gone += is_gone ? 1 : 0;
        }
    }
    order_sort(index, count, key_before, NULL);
    wire_hash_init(&h);
    for (unsigned i = 0; i < count; i++) {
        wire_hash_update(&h, x.held[index[i]].key, KEY);
    }
    wire_hash_final(&h, digest);
    wire_base32(digest, ROOT_COLUMNS, root);
    root[ROOT_COLUMNS] = '\0';
    finding_addf(f, "files", "%u", count);
    finding_addf(f, "root", "%s", root);
    if (gone > 0) {
        finding_addf(f, "gone", "%u", gone);
    }
    return count;
}

static void
tell_changed(void)
{
    bool together = x.packages > FS_EXPLAIN_SINGLY;
    struct finding f;
    char number[16];

    snprintf(number, sizeof(number), "%u", x.packages);
    for (unsigned i = 0; i < (together ? 1 : x.packages); i++) {
        const struct packages_owner *o = &x.package[i].owner;
        const char *subject = together ? number : o->name;

        finding_begin(&f, FINDING_PACKAGE_CHANGED, together ? "packages" : "pkg", subject, strlen(subject));
        if (add_files(&f, together ? 0 : x.package[i].slot, i == 0) == 0) {
            continue;
        }
        if (!together) {
            finding_add(&f, "version", o->version, strlen(o->version));
        }
        report(&f);
        x.open = true;
    }
}

/* dpkg's own names for a file that it is about to put in place. */
static bool
is_step(const char *path, size_t len)
{
    static const char *const ends[] = { ".dpkg-new", ".dpkg-tmp", ".dpkg-old" };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t n = strlen(ends[i]);

        if (len > n && memcmp(path + len - n, ends[i], n) == 0) {
            return true;
        }
    }
    return false;
}

/* It was different while it waited, and is as the baseline says again, or not there. */
static void
tell_brief(const struct held *h)
{
    static const enum finding_code codes[] = { [FS_SAME] = FINDING_INTEGRITY_CHANGED,
        [FS_CHANGED] = FINDING_INTEGRITY_CHANGED,
        [FS_ADDED] = FINDING_INTEGRITY_ADDED,
        [FS_GONE] = FINDING_INTEGRITY_GONE };
    struct finding f;

    if (is_step(x.text + h->path, h->len)) {
        return;
    }
    finding_begin(&f, codes[h->verdict], "path", x.text + h->path, h->len);
    f.op = FINDING_BRIEF;
    report(&f);
}

/* ---- the way of a transaction ---- */

static void
forget_held(void)
{
    memset(x.bucket, 0, sizeof(x.bucket));
    x.helds = x.at = 0;
    x.used = 0;
    x.packages = 0;
    x.failed = false;
    x.busy_ms = 0;
    x.phase = IDLE;
}

static void
scan_begin(void)
{
    x.failed = packages_scan_begin(x.root, &ops) < 0;
    x.phase = x.failed ? JUDGING : SCANNING;
}

static void
scan_slice(int64_t end_ms)
{
    while (clock_boot_ms() < end_ms) {
        int step = packages_scan_step();

        if (step != 1) {
            x.failed = step < 0;
            x.phase = JUDGING;
            return;
        }
    }
}

static void
judge_slice(int64_t end_ms)
{
    for (; x.at < x.helds && clock_boot_ms() < end_ms; x.at++) {
        struct held *h = &x.held[x.at];

        if (h->waits && !h->done) {
            x.look((const uint8_t *)x.text + h->path, h->len);
            if (!h->done) {
                tell_brief(h);
            }
        }
    }
    if (x.at == x.helds) {
        tell_changed();
        tell_running(FINDING_CLOSE);
        forget_held();
    }
}

static int64_t
hold_on(int64_t now_ms)
{
    look_at_dpkg(now_ms);
    bool quiet = !is_busy(now_ms);
    bool still = now_ms - x.changed_ms >= FS_EXPLAIN_STILL_MS;

    if (!quiet && !still && now_ms - x.since_ms < FS_EXPLAIN_LONGEST_MS) {
        return now_ms + LOOK_MS;
    }
    x.spent = x.locked;
    scan_begin();
    return now_ms;
}

int64_t
fs_explain_work(int64_t now_ms)
{
    switch (x.phase) {
    case IDLE:
        break;
    case HOLDING:
        return hold_on(now_ms);
    case SCANNING:
        scan_slice(now_ms + SLICE_MS);
        return now_ms;
    case JUDGING:
        judge_slice(now_ms + SLICE_MS);
        return x.phase == IDLE ? INT64_MAX : now_ms;
    }
    return INT64_MAX;
}

bool
fs_explain_waits(void)
{
    return x.phase != IDLE;
}

static void
close_all(void)
{
    struct finding f;

    finding_pass(&f, FINDING_PACKAGES, FINDING_PASS_BEGIN);
    report(&f);
    finding_pass(&f, FINDING_PACKAGES, FINDING_PASS_END);
    report(&f);
    x.open = false;
}

void
fs_explain_forget(void)
{
    memset(x.known, 0, x.knowns > 0 ? sizeof(x.known) : 0);
    x.knowns = 0;
    if (x.open && x.phase == IDLE) {
        close_all();
    }
}

void
fs_explain_open(const struct detector_env *env, const char *root, fs_explain_look_fn *look)
{
    int64_t newest;

    if (x.phase == SCANNING) {
        packages_scan_abort();
    }
    forget_held();
    memset(x.known, 0, x.knowns > 0 ? sizeof(x.known) : 0);
    x.knowns = 0;
    x.env = env;
    x.root = root;
    x.look = look;
    x.spent = x.locked = false;
    x.looked_ms = x.busy_ms = x.changed_ms = 0;
    x.stamp = read_stamp(&newest);
    close_all();
}
