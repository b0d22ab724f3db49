#include "watch/daemonscan.h"
#include "watch/daemonmatch.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PIDS 131072
#define ALIVE_EVERY 1000
#define COMM 15 /* the kernel keeps this many bytes of a process's own name */
#define TEXT 8192

#define NOT_READ INT_MIN

/* A file of a process. */
struct probe_text {
    ssize_t len; /* NOT_READ, or -errno */
    char text[TEXT];
};

/* One process, and what was read of it so far. */
struct probe {
    int proc;
    int32_t pid;
    int exe_error;
    bool exe_looked; /* which file it is, too */
    struct procfs_exe exe;
    struct procfs_stat stat;
    int stat_error; /* NOT_READ until it is */
    struct probe_text group;
    struct probe_text args;
    struct probe_text comm;
};

/* What one look can say. Whoever is asked first may know enough. */
enum fit { FITS_NOT, MAY_FIT, FITS };

static struct probe probe;

/* Else there was no descriptor or no memory for the answer, or no leave to ask. */
static bool
is_gone(ssize_t error)
{
    return error == -ENOENT || error == -ESRCH;
}

static const struct probe_text *
read_once(struct probe_text *t, const char *file)
{
    char name[32];

    if (t->len == NOT_READ) {
        snprintf(name, sizeof(name), "%d/%s", probe.pid, file);
        t->len = procfs_read(probe.proc, name, t->text, sizeof(t->text));
    }
    return t;
}

static enum fit
fit_of_text(const struct probe_text *t, bool (*match)(const char *, size_t, const char *), const char *wanted)
{
    if (t->len < 0) {
        return is_gone(t->len) ? FITS_NOT : MAY_FIT;
    }
    return match(t->text, (size_t)t->len, wanted) ? FITS : FITS_NOT;
}

static enum fit
lives(void)
{
    if (probe.stat_error == NOT_READ) {
        probe.stat_error = procfs_stat(probe.proc, probe.pid, &probe.stat);
        if (probe.stat_error == 0 && !daemonscan_lives(&probe.stat)) {
            probe.stat_error = -ESRCH;
        }
    }
    return probe.stat_error == 0 ? FITS : is_gone(probe.stat_error) ? FITS_NOT : MAY_FIT;
}

static void
probe_begin(int proc, int32_t pid)
{
    probe.proc = proc;
    probe.pid = pid;
    probe.stat_error = NOT_READ;
    probe.group.len = probe.args.len = probe.comm.len = NOT_READ;
    probe.exe_error = procfs_exe_path(proc, pid, &probe.exe);
    probe.exe_looked = probe.exe_error == -ENOENT;
    if (probe.exe_looked) {
        probe.exe_error = procfs_exe_thread(proc, pid, &probe.exe);
    }
}

/* What cannot be looked at may be the daemon, when it calls itself so. */
static bool
is_called(const char *path)
{
    const struct probe_text *comm = read_once(&probe.comm, "comm");
    size_t len = comm->len > 1 ? (size_t)comm->len - 1 : 0;

    return len > 0 && strncmp(procfs_base(path), comm->text, len) == 0 &&
           (len == COMM || procfs_base(path)[len] == '\0');
}

static enum fit
fit_of_exe(const char *path)
{
    if (probe.exe_error == -EACCES) {
        return is_called(path) ? MAY_FIT : FITS_NOT;
    }
    if (probe.exe_error != 0 || strcmp(path, probe.exe.path) != 0) {
        return FITS_NOT;
    }
    if (!probe.exe_looked) {
        procfs_exe_identify(probe.proc, probe.pid, &probe.exe.file);
        probe.exe_looked = true;
    }
    return procfs_file_at(&probe.exe.file, probe.exe.path) ? FITS : FITS_NOT;
}

static enum fit
fit_of_pidfile(unsigned i, bool alone)
{
    enum fit living = daemonmatch_unread(i) ? MAY_FIT : lives();

    if (living != FITS) {
        return living;
    }
    return daemonmatch_named(i, probe.pid, probe.stat.start, alone) ? FITS : FITS_NOT;
}

static enum fit
worse(enum fit a, enum fit b)
{
    return a < b ? a : b;
}

/* The cheapest first. */
static enum fit
fit_of(const struct conf *conf, unsigned i)
{
    const struct conf_daemon *d = &conf->daemon[i];
    enum fit fit = d->exe[0] == '\0' ? FITS : fit_of_exe(d->exe);

    if (d->exe[0] == '\0' && probe.exe_error != 0 && probe.exe_error != -EACCES) {
        return FITS_NOT; /* gone, or a kernel thread */
    }
    if (fit != FITS_NOT && d->unit[0] != '\0') {
        fit = worse(fit, fit_of_text(read_once(&probe.group, "cgroup"), daemonmatch_unit, d->unit));
    }
    if (fit != FITS_NOT && d->args[0] != '\0') {
        fit = worse(fit, fit_of_text(read_once(&probe.args, "cmdline"), daemonmatch_args, d->args));
    }
    if (fit != FITS_NOT && d->pidfile[0] != '\0') {
        fit = worse(fit, fit_of_pidfile(i, d->exe[0] == '\0' && d->unit[0] == '\0'));
    }
    return fit;
}

static enum image
image_for(const struct conf_daemon *d)
{
    return probe.exe_error == 0 ? procimage_of(&probe.exe, d->exe[0] != '\0') : IMAGE_SAME;
}

bool
daemonscan_is(int proc, const struct conf *conf, unsigned i, struct daemon_process *out)
{
    probe_begin(proc, out->pid);
    if (fit_of(conf, i) != FITS) {
        return false;
    }
    out->image = image_for(&conf->daemon[i]);
    return true;
}

bool
daemonscan_one(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out,
        struct daemon_match *match)
{
    *match = (struct daemon_match){ .runs = 0 };
    probe_begin(proc, pid);
    for (unsigned i = conf->daemons; i-- > 0;) {
        enum fit fit = fit_of(conf, i);

        if (fit == FITS) {
            match->runs |= UINT64_C(1) << i;
            out->image = image_for(&conf->daemon[i]);
        } else if (fit == MAY_FIT) {
            match->hidden |= UINT64_C(1) << i;
        }
    }
    if ((match->runs | match->hidden) == 0 || lives() == FITS_NOT) {
        return false;
    }
    if (lives() == MAY_FIT) {
        match->hidden |= match->runs;
        match->runs = 0;
        probe.stat.start = 0;
    }
    out->pid = pid;
    out->start = probe.stat.start;
    return true;
}

void
daemonscan_pidfiles(const struct conf *conf)
{
    for (unsigned i = 0; i < conf->daemons; i++) {
        if (conf->daemon[i].pidfile[0] != '\0') {
            daemonmatch_pidfile(i, conf->daemon[i].pidfile);
        }
    }
}

static void
count_one(const struct conf *conf, struct daemon_seen *seen, const struct daemon_process *process,
        const struct daemon_match *match)
{
    for (unsigned i = 0; i < conf->daemons; i++) {
        struct daemon_seen *s = &seen[i];
        bool runs = (match->runs >> i & 1) != 0;

        s->hidden = s->hidden || (match->hidden >> i & 1) != 0;
        s->count += runs;
        s->stale += runs && process->image != IMAGE_SAME;
        if (runs && s->kept < DAEMONSCAN_KEPT) {
            s->process[s->kept++] = *process;
        }
    }
}

ssize_t
daemonscan_all(int proc, const struct conf *conf, struct daemon_seen *seen, void (*alive)(void *to), void *to)
{
    static int32_t pids[PIDS];
    ssize_t count = procfs_pids(proc, pids, PIDS);

    memset(seen, 0, conf->daemons * sizeof(*seen));
    if (count < 0) {
        return count;
    }
    daemonscan_pidfiles(conf);
    for (ssize_t i = 0; i < count; i++) {
        struct daemon_process process;
        struct daemon_match match;

        if (alive != NULL && i % ALIVE_EVERY == 0) {
            alive(to);
        }
        if (daemonscan_one(proc, conf, pids[i], &process, &match)) {
            count_one(conf, seen, &process, &match);
        }
    }
    return count;
}
