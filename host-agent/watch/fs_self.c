#include "watch/fs_self.h"
#include "watch/fs_finding.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 16384
#define CHILDREN_TEXT 512

static int
digest_of(int fd, uint8_t digest[WIRE_HASH_SIZE])
{
    uint8_t block[BLOCK];
    struct wire_hasher hash;
    ssize_t n;

    wire_hash_init(&hash);
    while ((n = read(fd, block, sizeof(block))) > 0) {
        wire_hash_update(&hash, block, (size_t)n);
    }
    int error = n < 0 ? -errno : 0;
    wire_hash_final(&hash, digest);
    return error;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What runs is not written to meanwhile: it is read once. */
static void
take(struct fs_image *image, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        image->error = -errno;
    } else if (!same_file(&st, &image->st) || image->error < 0) {
        image->st = st;
        image->error = digest_of(fd, image->digest);
    }
    if (fd >= 0) {
        close(fd);
    }
}

void
fs_self_init(struct fs_self *self)
{
    memset(self, 0, sizeof(*self));
    take(&self->agent, "/proc/self/exe");
    self->courier.error = -ENOENT;
}

static bool
stat_of(int pid, char path[64], struct stat *st)
{
    snprintf(path, 64, "/proc/%d/exe", pid);
    return stat(path, st) == 0;
}

/*
 * The warden's child that runs another file than all the others do. False for none. One that has just begun
 * is still a copy of the warden, which runs from the file on the disk.
 */
static bool
find_courier(struct fs_self *self)
{
    char text[CHILDREN_TEXT];
    char path[64];
    const char *at = text;
    uint64_t child;
    struct stat warden, st;

    if (!stat_of((int)getppid(), path, &warden)) {
        return false;
    }
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getppid(), (int)getppid());
    ssize_t len = procfs_read(AT_FDCWD, path, text, sizeof(text));
    while (len > 0 && procfs_decimal(&at, text + len, INT32_MAX, &child)) {
        at += at < text + len && *at == ' ';
        if (stat_of((int)child, path, &st) && !same_file(&st, &self->agent.st) && !same_file(&st, &warden)) {
            take(&self->courier, path);
            return self->courier.error == 0;
        }
    }
    return false;
}

/* The baseline's entry of a program of ours, the courier's or the others', that is not the one that runs.
 * False when the one that runs is known, or none is. */
static bool
another(const struct fs_image *image, bool courier, const struct baseline *base, const struct fs_roots *roots,
        struct baseline_entry *program)
{
    static struct baseline_iter it;
    struct baseline_entry e;
    bool found = false;

    for (unsigned i = 0; i < roots->own_count; i++) {
        const struct fs_span *own = &roots->own[i];

        if (fs_roots_courier(own->path, own->len) != courier ||
                baseline_find(&it, base, own->path, own->len, &e) != BASELINE_ENTRY ||
                !baseline_has_digest(&e) || (e.mode & 0111) == 0) {
            continue;
        }
        if (memcmp(e.digest, image->digest, WIRE_HASH_SIZE) == 0) {
            return false;
        }
        e.path = own->path;
        *program = e;
        found = true;
    }
    return found;
}

static void
begin(struct finding *f, const char *subject)
{
    finding_begin(f, FINDING_AGENT_SELF, "image", subject, strlen(subject));
}

static void
add_difference(struct finding *f, const struct baseline_entry *program, const struct fs_image *image)
{
    char was[7], now[7];

    fs_digest_short(program->digest, was);
    fs_digest_short(image->digest, now);
    finding_addf(f, "state", "differs");
    finding_add(f, "path", program->path, program->path_len);
    finding_addf(f, "was", "%s", was);
    finding_addf(f, "now", "%s", now);
}

static void
report(struct fs_image *image, struct finding *f, bool wrong, const struct detector_env *env)
{
    if (wrong || image->open) {
        f->op = wrong ? FINDING_OPEN : FINDING_CLOSE;
        image->open = wrong;
        env->report(env->report_to, f);
    }
}

static void
tell_agent(struct fs_self *self, const struct baseline *base, const struct fs_roots *roots,
        const struct detector_env *env)
{
    struct baseline_entry program;
    struct finding f;
    bool wrong = true;

    begin(&f, "running");
    if (self->agent.error < 0) {
        finding_addf(&f, "state", "unreadable");
        finding_add(&f, "why", strerror(-self->agent.error), strlen(strerror(-self->agent.error)));
    } else if (another(&self->agent, false, base, roots, &program)) {
        add_difference(&f, &program, &self->agent);
    } else {
        wrong = false;
    }
    report(&self->agent, &f, wrong, env);
}

static void
tell_courier(struct fs_self *self, const struct baseline *base, const struct fs_roots *roots,
        const struct detector_env *env)
{
    struct baseline_entry program;
    struct finding f;
    bool wrong = find_courier(self) && another(&self->courier, true, base, roots, &program);

    begin(&f, "courier");
    if (wrong) {
        add_difference(&f, &program, &self->courier);
    }
    report(&self->courier, &f, wrong, env);
}

void
fs_self_tell(struct fs_self *self, const struct baseline *base, const struct fs_roots *roots,
        const struct detector_env *env)
{
    tell_agent(self, base, roots, env);
    /* A role runs from memory, and its parent is the warden. */
    if (self->agent.error == 0 && self->agent.st.st_nlink == 0) {
        tell_courier(self, base, roots, env);
    }
}
