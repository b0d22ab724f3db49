#include "watch/netspaces.h"
#include "watch/dents.h"
#include "watch/procfs.h"
#include "watch/sleepers.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIDS 131072

struct netspace {
    uint64_t inode; /* 0: the slot is free */
    int32_t pid;    /* a process or thread that was seen in it, or 0 */
    uint8_t folder; /* which of folders[] its name is in */
    bool seen;      /* by this search */
    bool asked;     /* for its name */
    bool named;     /* its name was seen by this search */
    char name[CONF_NETNS];
};

static const char *const folders[] = { "/run/netns", "/run/docker/netns" };

#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

static struct {
    int proc;
    dev_t device; /* of all namespaces: what is elsewhere is a file left behind */
    bool all;
    bool more;
    bool denied;
    bool entered;
    size_t next; /* pids left */
    struct netspace space[1 + NETSPACES_MAX];
} netspaces;

/* To come back; -1 before netspaces_open(). Apart: all of the above would stand in the program's file. */
static int own_space = -1;

static int32_t pids[PIDS];

/* 0 when there is no namespace, or none that may be looked at. */
static uint64_t
inode_at(int dir, const char *path)
{
    struct stat st;

    return fstatat(dir, path, &st, 0) == 0 && st.st_dev == netspaces.device ? (uint64_t)st.st_ino : 0;
}

void
netspaces_close(void)
{
    if (own_space >= 0) {
        close(own_space);
        own_space = -1;
    }
}

void
netspaces_open(int proc, bool all)
{
    struct stat st;

    netspaces_close();
    memset(&netspaces, 0, sizeof(netspaces));
    netspaces.proc = proc;
    own_space = openat(proc, "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own_space >= 0 && fstat(own_space, &st) == 0) {
        netspaces.device = st.st_dev;
        netspaces.space[0].inode = (uint64_t)st.st_ino;
        netspaces.all = all;
    }
}

/* The number of that namespace, perhaps a new one. */
static uint8_t
take(uint64_t inode)
{
    unsigned room = NETSPACES_OUT;

    for (unsigned i = 0; i <= NETSPACES_MAX; i++) {
        if (netspaces.space[i].inode == inode) {
            netspaces.space[i].seen = true;
            return (uint8_t)i;
        }
        if (netspaces.space[i].inode == 0 && room == NETSPACES_OUT) {
            room = i;
        }
    }
    if (!netspaces.all || room == NETSPACES_OUT) {
        netspaces.more = netspaces.all;
        return NETSPACES_OUT;
    }
    netspaces.space[room] = (struct netspace){ .inode = inode, .seen = true };
    return (uint8_t)room;
}

/* Of a process or a thread. */
static uint64_t
inode_of(int32_t id)
{
    char name[32];

    snprintf(name, sizeof(name), "%d/ns/net", id);
    return inode_at(netspaces.proc, name);
}

static uint8_t
note(int32_t pid)
{
    uint64_t inode = inode_of(pid);

    if (inode == 0) {
        return NETSPACES_GONE;
    }
    uint8_t net = take(inode);

    if (net <= NETSPACES_MAX) {
        netspaces.space[net].pid = pid;
    }
    return net;
}

static void
take_name(int dir, uint8_t folder, const char *name)
{
    uint64_t inode = name[0] != '.' && strlen(name) < CONF_NETNS ? inode_at(dir, name) : 0;
    uint8_t net = inode != 0 ? take(inode) : 0;

    if (net != 0 && net <= NETSPACES_MAX && !netspaces.space[net].named) {
        netspaces.space[net].named = true;
        netspaces.space[net].folder = folder;
        snprintf(netspaces.space[net].name, CONF_NETNS, "%s", name);
    }
}

static void
take_folder(uint8_t folder)
{
    _Alignas(struct dents_entry) char buffer[8192];
    int dir = open(folders[folder], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long got;

    while (dir >= 0 && (got = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < got;) {
            const struct dents_entry *e = (const void *)(buffer + at);

            at += e->length;
            take_name(dir, folder, e->name);
        }
    }
    if (dir >= 0) {
        close(dir);
    }
}

static void
take_names(void)
{
    for (unsigned i = 1; i <= NETSPACES_MAX; i++) {
        netspaces.space[i].named = false;
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        take_folder((uint8_t)i);
    }
    for (unsigned i = 1; i <= NETSPACES_MAX; i++) {
        if (!netspaces.space[i].named) {
            netspaces.space[i].name[0] = '\0';
        }
    }
}

uint8_t
netspaces_of(int32_t pid)
{
    uint8_t net = note(pid);

    if (net != 0 && net <= NETSPACES_MAX && !netspaces.space[net].asked) {
        netspaces.space[net].asked = true;
        take_names();
    }
    return net;
}

void
netspaces_search(void)
{
    ssize_t count = netspaces.all ? procfs_pids(netspaces.proc, pids, PIDS) : 0;

    netspaces.next = count > 0 ? (size_t)count : 0;
    netspaces.more = false;
    for (unsigned i = 1; i <= NETSPACES_MAX; i++) {
        netspaces.space[i].seen = false;
    }
}

/* To go into another namespace a thread must run: one that did has been looked at, unless it is new. */
static bool
slept(int32_t pid)
{
    return sleepers_slept(pid, SLEEPERS_OWNERS) || sleepers_slept(pid, SLEEPERS_HOLDERS);
}

/* Threads that are elsewhere than the first one. How many were looked at. */
static uint32_t
note_threads(int32_t pid, uint8_t net)
{
    uint64_t inode = net <= NETSPACES_MAX ? netspaces.space[net].inode : 0;
    struct procfs_tasks tasks;
    uint32_t count = 0;
    int32_t tid;

    if (slept(pid) || procfs_threads(netspaces.proc, pid) < 2 ||
            procfs_tasks_open(&tasks, netspaces.proc, pid) != 0) {
        return 0;
    }
    for (; (tid = procfs_tasks_next(&tasks)) > 0; count++) {
        if (tid != pid && inode_of(tid) != inode) {
            (void)note(tid);
        }
    }
    procfs_tasks_close(&tasks);
    return count;
}

bool
netspaces_step(uint32_t processes)
{
    for (uint32_t done = 0; netspaces.next > 0 && done < processes; done++) {
        int32_t pid = pids[--netspaces.next];

        done += note_threads(pid, note(pid));
    }
    if (netspaces.next > 0) {
        return false;
    }
    if (netspaces.all) {
        take_names();
    }
    for (unsigned i = 1; i <= NETSPACES_MAX; i++) {
        struct netspace *s = &netspaces.space[i];

        s->asked = true;
        /* An event may have told of a thread that went there behind the look at its process. */
        if (!s->seen && (s->pid == 0 || inode_of(s->pid) != s->inode)) {
            *s = (struct netspace){ .inode = 0 };
        }
    }
    return true;
}

bool
netspaces_used(unsigned net)
{
    return net <= NETSPACES_MAX && netspaces.space[net].inode != 0;
}

bool
netspaces_more(void)
{
    return netspaces.more;
}

bool
netspaces_denied(void)
{
    return netspaces.denied;
}

const char *
netspaces_name(unsigned net)
{
    static char number[24];
    const struct netspace *s = &netspaces.space[net];

    if (net == 0 || s->name[0] != '\0') {
        return s->name;
    }
    snprintf(number, sizeof(number), "%llu", (unsigned long long)s->inode);
    return number;
}

bool
netspaces_is(unsigned net, const char *wanted)
{
    char number[24];
    const struct netspace *s = &netspaces.space[net];

    if (wanted[0] == '\0') {
        return net == 0;
    }
    snprintf(number, sizeof(number), "%llu", (unsigned long long)s->inode);
    return net != 0 && (strcmp(wanted, CONF_NETNS_ANY) == 0 || strcmp(wanted, s->name) == 0 ||
                               strcmp(wanted, number) == 0);
}

/* A descriptor, or -1 with errno. */
static int
open_at(const struct netspace *s, const char *path)
{
    struct stat st;
    int fd = openat(netspaces.proc, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && (fstat(fd, &st) != 0 || (uint64_t)st.st_ino != s->inode)) {
        close(fd);
        errno = ESTALE;
        return -1;
    }
    return fd;
}

static int
open_space(const struct netspace *s)
{
    char path[CONF_NETNS + 32];
    int fd = -1;

    errno = ESRCH;
    if (s->pid > 0) {
        snprintf(path, sizeof(path), "%d/ns/net", s->pid);
        fd = open_at(s, path);
    }
    if (fd < 0 && s->name[0] != '\0') {
        snprintf(path, sizeof(path), "%s/%s", folders[s->folder], s->name);
        fd = open_at(s, path);
    }
    return fd;
}

/* Without the right to enter: as text, which needs no right but a process that is in it. */
static int
read_from_outside(const struct netspace *s, struct socktable *out)
{
    static char folder[32];

    netspaces.denied = true;
    if (s->pid <= 0) {
        return -EPERM;
    }
    snprintf(folder, sizeof(folder), "%d/net", s->pid);
    *out = (struct socktable){ .text = { .proc = netspaces.proc, .net = folder }, .diag = -EPERM };
    return 0;
}

int
netspaces_enter(unsigned net, const struct socktable *own, struct socktable *out)
{
    const struct netspace *s = &netspaces.space[net];
    int fd = open_space(s);

    if (fd < 0 && errno != EPERM && errno != EACCES) {
        return -errno;
    }
    bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;

    if (fd >= 0) {
        close(fd);
    }
    if (!entered) {
        return read_from_outside(s, out);
    }
    netspaces.entered = true;
    socktable_open(out, netspaces.proc, "thread-self/net");
    out->vsock = own->vsock;
    return 0;
}

void
netspaces_leave(struct socktable *table)
{
    socktable_close(table);
    if (netspaces.entered && setns(own_space, CLONE_NEWNET) != 0) {
        /* Whatever is looked at from here on would be another machine's. */
        _exit(1);
    }
    netspaces.entered = false;
}
