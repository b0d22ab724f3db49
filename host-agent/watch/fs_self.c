#include "watch/fs_self.h"
#include "watch/fs_finding.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 16384

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

void
fs_self_init(struct fs_self *self)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    self->open = false;
    self->error = fd < 0 ? -errno : digest_of(fd, self->digest);
    if (fd >= 0) {
        close(fd);
    }
}

/* The baseline's entry of a program of ours that is not the one that runs. False when the one that runs is
 * known, or none is. */
static bool
another(const struct fs_self *self, const struct baseline *base, const struct fs_roots *roots,
        struct baseline_entry *program)
{
    static struct baseline_iter it;
    struct baseline_entry e;
    bool found = false;

    for (unsigned i = 0; i < roots->own_count; i++) {
        if (baseline_find(&it, base, roots->own[i].path, roots->own[i].len, &e) != BASELINE_ENTRY ||
                !baseline_has_digest(&e) || (e.mode & 0111) == 0) {
            continue;
        }
        if (memcmp(e.digest, self->digest, WIRE_HASH_SIZE) == 0) {
            return false;
        }
        e.path = roots->own[i].path;
        *program = e;
        found = true;
    }
    return found;
}

static void
begin(struct finding *f)
{
    static const char subject[] = "running";

    finding_begin(f, FINDING_AGENT_SELF, "image", subject, sizeof(subject) - 1);
}

void
fs_self_tell(struct fs_self *self, const struct baseline *base, const struct fs_roots *roots,
        const struct detector_env *env)
{
    struct baseline_entry program;
    struct finding f;

    begin(&f);
    if (self->error < 0) {
        finding_addf(&f, "state", "unreadable");
        finding_add(&f, "why", strerror(-self->error), strlen(strerror(-self->error)));
    } else if (another(self, base, roots, &program)) {
        char was[7], now[7];

        fs_digest_short(program.digest, was);
        fs_digest_short(self->digest, now);
        finding_addf(&f, "state", "differs");
        finding_add(&f, "path", program.path, program.path_len);
        finding_addf(&f, "was", "%s", was);
        finding_addf(&f, "now", "%s", now);
    } else if (self->open) {
        f.op = FINDING_CLOSE;
    } else {
        return;
    }
    self->open = f.op == FINDING_OPEN;
    env->report(env->report_to, &f);
}
