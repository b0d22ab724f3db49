#include "watch/packages_judge.h"
#include "watch/fs_bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 65536

/* What changes when a file is replaced by another of the same kind. */
#define REPLACED (FS_SIZE | FS_DATA | FS_LINK | FS_MTIME | FS_CTIME | FS_LINKS | FS_INODE)

/* Where nobody but dpkg puts files. */
static const char *const territory[] = { "/usr/", "/boot/", "/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/",
    "/libx32/" };

const char *
packages_why_text(enum packages_why why)
{
    static const char *const texts[PACKAGES_WHYS] = {
        [PACKAGES_EXPLAINED] = "explained",
        [PACKAGES_UNKNOWN] = "in no package",
        [PACKAGES_MISSING] = "a package has it",
        [PACKAGES_NO_SUM] = "dpkg keeps no sum of it",
        [PACKAGES_OTHER_SUM] = "not as the package brought it",
        [PACKAGES_UNREADABLE] = "could not be read again",
        [PACKAGES_RIGHTS] = "mode, owner or attributes",
        [PACKAGES_KIND] = "no package brings such a thing",
        [PACKAGES_TARGET] = "points to what no package has",
    };

    return texts[why];
}

static bool
begins(const uint8_t *path, size_t len, const char *with)
{
    size_t n = strlen(with);

    return len >= n && memcmp(path, with, n) == 0;
}

static enum packages_why
judge_gone(const struct packages_slot *slot, const char *root, const struct baseline_entry *was)
{
    const uint8_t *path = was->path + strlen(root);
    size_t len = was->path_len - strlen(root);

    if (slot != NULL) {
        return PACKAGES_MISSING;
    }
    if (begins(path, len, "/usr/local/")) {
        return PACKAGES_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof(territory) / sizeof(territory[0]); i++) {
        if (begins(path, len, territory[i])) {
            return PACKAGES_EXPLAINED;
        }
    }
    return PACKAGES_UNKNOWN;
}

/* Rights that nobody needs to look at. */
static bool
harmless(const struct baseline_entry *e)
{
    return e->uid == 0 && e->gid == 0 && (e->type == BASELINE_LINK || (e->mode & 07022) == 0) &&
           e->xattrs_len == 0;
}

bool
packages_rights(const struct baseline_entry *was, const struct baseline_entry *now, unsigned differs)
{
    unsigned replaced = now->type == BASELINE_DIR ? REPLACED & ~(FS_DATA | FS_LINK) : REPLACED;

    if (was == NULL || (differs & FS_TYPE) != 0) {
        return harmless(now);
    }
    return (differs & ~replaced) == 0;
}

static int
open_again(const struct baseline_entry *e)
{
    char path[PACKAGE_PATH];

    if (e->path_len >= sizeof(path)) {
        return -1;
    }
    memcpy(path, e->path, e->path_len);
    path[e->path_len] = '\0';
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/*
 * Both digests from one reading: were it two, whoever exchanges the file in between could have one content
 * judged and another taken into the baseline.
 */
static enum packages_why
judge_content(const struct packages_slot *slot, const struct baseline_entry *now)
{
    static uint8_t bytes[READ_SIZE];
    struct wire_hasher blake3;
    struct md5 m;
    uint8_t digest[WIRE_HASH_SIZE], sum[MD5_SIZE];
    ssize_t n = -1;
    bool taken = now->state == BASELINE_READ;
    int fd = taken || now->state == BASELINE_UNREAD ? open_again(now) : -1;

    if (fd < 0) {
        return PACKAGES_UNREADABLE;
    }
    wire_hash_init(&blake3);
    md5_init(&m);
    while ((n = read(fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)) {
        wire_hash_update(&blake3, bytes, n > 0 ? (size_t)n : 0);
        md5_update(&m, bytes, n > 0 ? (size_t)n : 0);
    }
    close(fd);
    wire_hash_final(&blake3, digest);
    md5_final(&m, sum);
    if (n < 0 || (taken && memcmp(digest, now->digest, sizeof(digest)) != 0)) {
        return PACKAGES_UNREADABLE;
    }
    return memcmp(sum, slot->md5, sizeof(sum)) == 0 ? PACKAGES_EXPLAINED : PACKAGES_OTHER_SUM;
}

/* Takes the last part off `out`. */
static size_t
parent(const char *out, size_t len)
{
    while (len > 0 && out[len - 1] != '/') {
        len--;
    }
    return len > 0 ? len - 1 : 0;
}

/* Where a link points to, by its words alone. 0 when that is no path a package could have. */
static size_t
target_of(const char *root, const struct baseline_entry *e, char out[PACKAGE_PATH])
{
    struct fs_bytes c = { .at = e->link, .end = e->link + e->link_len };
    size_t base = strlen(root);
    size_t len = parent((const char *)e->path, e->path_len);

    if (e->link_len == 0 || len >= PACKAGE_PATH) {
        return 0;
    }
    memcpy(out, e->path, len);
    len = *c.at == '/' ? base : len;
    while (c.at < c.end) {
        const uint8_t *slash = memchr(c.at, '/', fs_bytes_left(&c));
        size_t n = slash != NULL ? (size_t)(slash - c.at) : fs_bytes_left(&c);
        const uint8_t *part = take_bytes(&c, n);

        c.at += slash != NULL ? 1 : 0;
        if (n == 0 || (n == 1 && part[0] == '.')) {
            continue;
        }
        if (n == 2 && part[0] == '.' && part[1] == '.') {
            len = parent(out, len);
        } else if (len + 1 + n < PACKAGE_PATH) {
            out[len] = '/';
            memcpy(out + len + 1, part, n);
            len += 1 + n;
        } else {
            return 0;
        }
    }
    return len > base ? len : 0;
}

size_t
packages_target(const char *root, const struct baseline_entry *e, char *out, size_t size)
{
    char target[PACKAGE_PATH];
    size_t base = strlen(root);
    size_t len = target_of(root, e, target);

    return len > 0 ? packages_place(target + base, len - base, out, size) : 0;
}

static enum packages_why
judge_link(const char *root, const struct baseline_entry *now, packages_has_fn *has, void *to)
{
    char place[PACKAGE_PATH + 8];
    size_t n = packages_target(root, now, place, sizeof(place));

    return n > 0 && has(to, place, n) ? PACKAGES_EXPLAINED : PACKAGES_TARGET;
}

enum packages_why
packages_judge_slot(const struct packages_slot *slot, const char *root, enum fs_verdict verdict,
        const struct baseline_entry *was, const struct baseline_entry *now, unsigned differs,
        packages_has_fn *has, void *to)
{
    if (verdict == FS_GONE || now == NULL) {
        return judge_gone(slot, root, was);
    }
    if (slot == NULL) {
        return PACKAGES_UNKNOWN;
    }
    if (!packages_rights(was, now, differs)) {
        return PACKAGES_RIGHTS;
    }
    switch (now->type) {
    case BASELINE_REGULAR:
        return slot->summed ? judge_content(slot, now) : PACKAGES_NO_SUM;
    case BASELINE_DIR:
        return slot->summed ? PACKAGES_KIND : PACKAGES_EXPLAINED;
    case BASELINE_LINK:
        return slot->summed ? PACKAGES_KIND : judge_link(root, now, has, to);
    default:
        return PACKAGES_KIND;
    }
}

static bool
index_has(void *to, const char *path, size_t len)
{
    return packages_index_find(to, path, len) != NULL;
}

enum packages_why
packages_judge(const struct packages_index *ix, const char *root, enum fs_verdict verdict,
        const struct baseline_entry *was, const struct baseline_entry *now, unsigned differs,
        const struct packages_slot **slot)
{
    const struct baseline_entry *e = now != NULL ? now : was;

    *slot = NULL;
    if (e->path_len < strlen(root) || memcmp(e->path, root, strlen(root)) != 0) {
        return PACKAGES_UNKNOWN;
    }
    *slot = packages_index_find(ix, e->path, e->path_len);
    return packages_judge_slot(*slot, root, verdict, was, now, differs, index_has, (void *)(uintptr_t)ix);
}
