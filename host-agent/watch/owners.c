#include "watch/owners.h"
#include "watch/dents.h"
#include "watch/sleepers.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARENA (256u * 1024u)
#define CROWDED_EXES (OWNERS_EXES / 2)
#define DENTS 32768
#define NUMBERS_AT_ONCE 512
#define ENTRY_MOST 64 /* of a descriptor's name: the longest is far shorter */

static struct {
    uint32_t count;
    uint32_t used;
    struct owner_exe exe[OWNERS_EXES];
    char arena[ARENA];
} exes;

static struct {
    bool wanted;
    uint32_t count;
    char name[OWNERS_UNITS][PROCFS_UNIT];
} units;

static int32_t scan_pids[OWNERS_PIDS];
static uint16_t scan_number;

static uint32_t
slot_of(const struct book *b, uint64_t inode)
{
    return (uint32_t)(inode * 0x9E3779B97F4A7C15u >> 40) & (b->index_size - 1);
}

void
book_index(struct book *b)
{
    b->index_size = 16;
    while (b->index_size < 2 * b->sockets.count) {
        b->index_size *= 2;
    }
    memset(b->index, 0, b->index_size * sizeof(b->index[0]));
    for (uint32_t i = 0; i < b->sockets.count; i++) {
        uint32_t slot = slot_of(b, b->sockets.row[i].inode);

        while (b->index[slot] != 0) {
            slot = (slot + 1) & (b->index_size - 1);
        }
        b->index[slot] = (uint16_t)(i + 1);
    }
}

int32_t
book_find(const struct book *b, uint64_t inode)
{
    if (b->sockets.count == 0 || b->index_size == 0 || inode == 0) {
        return -1;
    }
    for (uint32_t slot = slot_of(b, inode); b->index[slot] != 0; slot = (slot + 1) & (b->index_size - 1)) {
        int32_t row = b->index[slot] - 1;

        if (b->sockets.row[row].inode == inode) {
            return row;
        }
    }
    return -1;
}

void
book_inherit(struct book *b, const struct book *before, int64_t now_ms)
{
    for (uint32_t i = 0; i < b->sockets.count; i++) {
        const struct socket_row *row = &b->sockets.row[i];
        int32_t old = book_find(before, row->inode);

        if (old >= 0 && before->sockets.row[old].key == row->key) {
            b->owned[i] = before->owned[old];
        } else {
            b->owned[i] = (struct owned){ .first_ms = now_ms };
        }
    }
}

const struct owner_exe *
owners_exe(uint16_t exe)
{
    return exe < exes.count ? &exes.exe[exe] : NULL;
}

void
owners_want_units(bool wanted)
{
    units.wanted = wanted;
}

bool
owners_wants_units(void)
{
    return units.wanted;
}

const char *
owners_unit(uint16_t unit)
{
    return unit < units.count ? units.name[unit] : NULL;
}

void
owners_forget(void)
{
    exes.count = 0;
    exes.used = 0;
    units.count = 0;
}

bool
owners_crowded(void)
{
    return exes.count > CROWDED_EXES || exes.used > ARENA / 2 || units.count > OWNERS_UNITS / 2;
}

static bool
exe_same(const struct owner_exe *known, const struct procfs_exe *seen)
{
    const struct procfs_file *k = &known->file;
    const struct procfs_file *s = &seen->file;

    return known->len == seen->len && k->deleted == s->deleted && k->identified == s->identified &&
           k->device == s->device && k->inode == s->inode && memcmp(known->path, seen->path, seen->len) == 0;
}

static uint16_t
exe_keep(const struct procfs_exe *seen)
{
    for (uint32_t i = 0; i < exes.count; i++) {
        if (exe_same(&exes.exe[i], seen)) {
            return (uint16_t)i;
        }
    }
    if (exes.count == OWNERS_EXES || seen->len + 1 > ARENA - exes.used) {
        return OWNERS_NO_EXE;
    }
    char *path = exes.arena + exes.used;

    memcpy(path, seen->path, seen->len + 1);
    exes.used += (uint32_t)seen->len + 1;
    exes.exe[exes.count] = (struct owner_exe){ .path = path, .len = (uint32_t)seen->len, .file = seen->file };
    return (uint16_t)exes.count++;
}

/* False when the process is gone. */
static bool
exe_of(int proc, int32_t pid, uint16_t *out)
{
    static struct procfs_exe exe;
    int error = procfs_exe(proc, pid, &exe);

    if (error == -ENOENT || error == -ESRCH) {
        return false;
    }
    *out = error == 0 ? exe_keep(&exe) : OWNERS_NO_EXE;
    return true;
}

static uint16_t
unit_of(int proc, int32_t pid)
{
    char name[PROCFS_UNIT];

    if (!units.wanted || procfs_unit(proc, pid, name) != 0) {
        return OWNERS_NO_UNIT;
    }
    for (uint32_t i = 0; i < units.count; i++) {
        if (strcmp(units.name[i], name) == 0) {
            return (uint16_t)i;
        }
    }
    if (units.count == OWNERS_UNITS) {
        return OWNERS_NO_UNIT;
    }
    memcpy(units.name[units.count], name, sizeof(name));
    return (uint16_t)units.count++;
}

/* The slot for this program: its own, a free one, or that of a holder this scan has not seen. */
static struct owner *
owner_slot(struct owned *o, uint16_t exe, uint16_t unit, uint16_t number)
{
    struct owner *stale = NULL;

    for (uint8_t i = 0; i < o->count; i++) {
        if (o->owner[i].exe == exe && o->owner[i].unit == unit) {
            return &o->owner[i];
        }
        if (o->owner[i].scan != number) {
            stale = &o->owner[i];
        }
    }
    if (o->count < OWNERS_A_SOCKET) {
        o->owner[o->count].scan = (uint16_t)(number - 1);
        return &o->owner[o->count++];
    }
    return stale;
}

static void
owner_add(struct owned *o, const struct owner_scan *s)
{
    struct owner *slot = owner_slot(o, s->exe, s->unit, s->number);

    if (slot == NULL) {
        o->more = true;
        return;
    }
    /* Newest first: a process found later in the same scan is older. */
    if (slot->scan != s->number || slot->exe != s->exe || slot->unit != s->unit) {
        *slot = (struct owner){ .pid = s->pid, .exe = s->exe, .unit = s->unit, .scan = s->number };
    }
}

static void
take_link(struct owner_scan *s, const char *link, size_t len)
{
    uint64_t inode = procfs_socket_link(link, len);

    s->any_socket = s->any_socket || inode != 0;
    for (int i = 0; inode != 0 && i < CONF_PROTOS; i++) {
        int32_t row = s->book[i] != NULL ? book_find(s->book[i], inode) : -1;

        if (row < 0) {
            continue;
        }
        if (!s->exe_known) {
            if (!exe_of(s->proc, s->pid, &s->exe)) {
                return;
            }
            s->unit = unit_of(s->proc, s->pid);
            s->exe_known = true;
        }
        struct owned *o = &s->book[i]->owned[row];

        s->wanted -= !s->all && !o->searched && o->count == 0 && s->wanted > 0;
        owner_add(o, s);
        return;
    }
}

static bool
finished_early(const struct owner_scan *s)
{
    return !s->all && s->wanted == 0;
}

/* False when there is no such descriptor. */
static bool
read_descriptor(struct owner_scan *s, const char *name)
{
    char link[64];
    ssize_t len = readlinkat(s->dir, name, link, sizeof(link));

    if (len > 0) {
        take_link(s, link, (size_t)len);
    }
    s->pid_denied = s->pid_denied || (len < 0 && errno != ENOENT && errno != ESRCH);
    return len > 0;
}

/*
 * Descriptors by their number, from 0 on: most processes have no gaps, and listing names costs as much as
 * reading the links. At the second gap the names are listed after all. How many were read.
 */
static uint32_t
step_numbers(struct owner_scan *s)
{
    uint32_t done = 0;
    unsigned gaps = 0;

    while (s->left > 0 && done < NUMBERS_AT_ONCE && gaps < 2 && !s->pid_denied && !finished_early(s)) {
        char digits[12] = "";
        size_t at = sizeof(digits) - 1;
        uint32_t n = s->tried++;

        do {
            digits[--at] = (char)('0' + n % 10);
            n /= 10;
        } while (n > 0);
        if (read_descriptor(s, digits + at)) {
            s->left--;
        } else {
            gaps++;
        }
        done++;
    }
    s->dir_over = s->left == 0 || s->pid_denied;
    s->left = gaps < 2 ? s->left : -1;
    return done;
}

/*
 * One buffer full of names. How many there were; 0 at the end of the directory. A /proc/PID/fd fills the
 * buffer as far as it goes, so one that left room for another entry is over, and need not be asked again.
 */
static uint32_t
step_names(struct owner_scan *s)
{
    _Alignas(struct dents_entry) static char buffer[DENTS];
    long got = syscall(SYS_getdents64, s->dir, buffer, sizeof(buffer));
    uint32_t names = 0;

    s->dir_over = got <= 0 || (size_t)got + ENTRY_MOST <= sizeof(buffer);
    for (long at = 0; at < got && !s->pid_denied && !finished_early(s);) {
        const struct dents_entry *e = (const void *)(buffer + at);
        const char *name = e->name;
        uint64_t number;

        at += e->length;
        names++;
        if (procfs_decimal(&name, name + strlen(name), UINT32_MAX, &number) && number >= s->tried) {
            (void)read_descriptor(s, e->name);
        }
    }
    s->dir_over = s->dir_over || s->pid_denied;
    return names;
}

static uint32_t
step_descriptors(struct owner_scan *s)
{
    return s->left > 0 ? step_numbers(s) : step_names(s);
}

/*
 * How many descriptors there are, as the directory's size says since Linux 6.2; -1 before that: they must be
 * listed. We have one ourselves, so that 0 for us is no answer.
 */
static int64_t
count_descriptors(const struct owner_scan *s)
{
    static enum { UNASKED, TOLD, UNTOLD } size;
    struct stat st;

    if (size == UNASKED) {
        size = fstatat(s->proc, "self/fd", &st, 0) == 0 && st.st_size > 0 ? TOLD : UNTOLD;
    }
    return size == TOLD && fstat(s->dir, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void
open_table(struct owner_scan *s, int dir)
{
    s->dir = dir;
    s->tried = 0;
    s->left = dir >= 0 ? count_descriptors(s) : -1;
    s->dir_over = s->left == 0;
}

static void
open_process(struct owner_scan *s, int32_t pid)
{
    int dir = proctables_first(&s->tables, s->proc, pid);

    s->pid = pid;
    s->exe_known = false;
    s->pid_denied = s->any_socket = false;
    s->denied += dir < 0 && dir != -ENOENT && dir != -ESRCH;
    open_table(s, dir);
}

/* What had no socket of any kind and did not run since has none. */
static void
open_next(struct owner_scan *s)
{
    int32_t pid = scan_pids[--s->next];
    bool slept = s->all &&
                 (sleepers_has(pid, SLEEPERS_OWNERS) || (s->quick && sleepers_has(pid, SLEEPERS_HOLDERS)));

    if (!slept) {
        open_process(s, pid);
    }
}

/* False behind the process's last one. */
static bool
next_table(struct owner_scan *s)
{
    close(s->dir);
    open_table(s, s->pid_denied ? -EACCES : proctables_next(&s->tables));
    return s->dir >= 0;
}

static void
end_process(struct owner_scan *s)
{
    s->denied += s->pid_denied;
    if (s->all && !s->pid_denied) {
        sleepers_add(s->pid, s->any_socket ? SLEEPERS_HOLDERS : SLEEPERS_OWNERS);
    }
    proctables_end(&s->tables);
}

struct rows {
    int book;
    uint32_t row;
};

/* Each socket of each book in turn; NULL behind the last one. */
static struct owned *
next_row(const struct owner_scan *s, struct rows *at)
{
    for (; at->book < CONF_PROTOS; at->book++, at->row = 0) {
        struct book *b = s->book[at->book];

        if (b != NULL && at->row < b->sockets.count) {
            return &b->owned[at->row++];
        }
    }
    return NULL;
}

static bool
all_known(const struct owner_scan *s)
{
    struct rows at = { .book = 0 };

    for (struct owned *o; (o = next_row(s, &at)) != NULL;) {
        if (o->known != OWNED_KNOWN) {
            return false;
        }
    }
    return true;
}

/* How many sockets have no holder yet. A full scan counts the holders anew. */
static uint32_t
prepare(const struct owner_scan *s)
{
    struct rows at = { .book = 0 };
    uint32_t wanted = 0;

    for (struct owned *o; (o = next_row(s, &at)) != NULL;) {
        wanted += !o->searched && o->count == 0;
        if (s->all && !s->quick) {
            o->more = false;
            o->known = OWNED_ASKED;
        }
    }
    return wanted;
}

/* Did not run, and is still what it was: its file may have been replaced, and it may be in another unit. */
static bool
still_holds(const struct owner_scan *s, const struct owner *held)
{
    uint16_t exe = OWNERS_NO_EXE;

    return sleepers_slept(held->pid, SLEEPERS_HOLDERS) && exe_of(s->proc, held->pid, &exe) &&
           exe == held->exe && unit_of(s->proc, held->pid) == held->unit;
}

/* Those who slept are seen before all others, as one of them may be newer. */
static void
keep_sleepers(const struct owner_scan *s)
{
    struct rows at = { .book = 0 };

    for (struct owned *o; (o = next_row(s, &at)) != NULL;) {
        for (uint8_t i = 0; i < o->count; i++) {
            o->owner[i].scan = still_holds(s, &o->owner[i]) ? s->number : o->owner[i].scan;
        }
    }
}

/* One who held a port does no more: one who was left out may do. */
static bool
any_stale(const struct owner_scan *s)
{
    struct rows at = { .book = 0 };

    for (struct owned *o; (o = next_row(s, &at)) != NULL;) {
        for (uint8_t i = 0; i < o->count; i++) {
            if (o->owner[i].scan != s->number) {
                return true;
            }
        }
    }
    return false;
}

static int
begin_round(struct owner_scan *s)
{
    s->number = ++scan_number;
    s->denied = 0;
    s->wanted = prepare(s);
    if (finished_early(s)) {
        return 0;
    }
    ssize_t pids = procfs_pids(s->proc, scan_pids, OWNERS_PIDS);
    if (pids < 0) {
        return (int)pids;
    }
    s->next = (size_t)pids;
    if (s->quick) {
        keep_sleepers(s);
    }
    return 0;
}

int
owner_scan_begin(struct owner_scan *s, int proc, struct book *const *book, bool all)
{
    *s = (struct owner_scan){ .proc = proc, .book = book, .all = all, .dir = -1 };
    s->quick = all && all_known(s);
    return begin_round(s);
}

/* Holders that a full look did not see again are holders no more. */
static void
drop_stale(struct owned *o, uint16_t number)
{
    uint8_t kept = 0;

    for (uint8_t i = 0; i < o->count; i++) {
        if (o->owner[i].scan == number) {
            o->owner[kept++] = o->owner[i];
        }
    }
    o->count = kept;
}

static void
finish(struct owner_scan *s)
{
    struct rows at = { .book = 0 };

    for (struct owned *o; (o = next_row(s, &at)) != NULL;) {
        if (s->all) {
            drop_stale(o, s->number);
        }
        o->known = s->all && o->known == OWNED_ASKED ? OWNED_KNOWN : o->known;
        o->searched = o->searched || !s->all || o->known == OWNED_KNOWN; /* new ones came in between */
    }
}

bool
owner_scan_step(struct owner_scan *s, uint32_t descriptors)
{
    uint32_t done = 0;

    while ((s->dir >= 0 || s->next > 0) && !finished_early(s)) {
        if (done >= descriptors) {
            return false;
        }
        if (s->dir < 0) {
            open_next(s);
            done++;
            continue;
        }
        done += s->dir_over ? 0 : step_descriptors(s);
        if (s->dir_over && !next_table(s)) {
            end_process(s);
        }
    }
    if (s->dir >= 0) { /* all that was looked for is found */
        close(s->dir);
        s->dir = -1;
        end_process(s);
    }
    if (s->quick && any_stale(s)) {
        s->quick = false;
        return begin_round(s) != 0;
    }
    finish(s);
    return true;
}

bool
owners_ask(int proc, struct book *const *book, int32_t pid)
{
    struct owner_scan s = { .proc = proc, .book = book, .all = true, .dir = -1, .number = scan_number };

    open_process(&s, pid);
    while (s.dir >= 0 && (!s.dir_over || next_table(&s))) {
        if (!s.dir_over) {
            (void)step_descriptors(&s);
        }
    }
    proctables_end(&s.tables);
    return s.exe_known;
}
