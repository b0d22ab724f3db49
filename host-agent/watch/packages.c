#include "watch/packages.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER 65536
#define FILE_PATH (PACKAGE_PATH + 512)
#define DIVERSIONS 1024
#define DIVERSIONS_TEXT 131072
#define MERGED 16 /* directories of the root that are links into usr */

/* Lines of a file, each without its line feed. */
struct lines {
    int fd;
    size_t at;
    size_t end;
    bool over;
    char bytes[BUFFER];
};

struct diversion {
    const char *from;
    const char *to;
    const char *by; /* the package that has `from` itself; ":" for none */
};

static struct {
    const char *root;
    const struct packages_ops *ops;
    struct lines status;
    struct lines file;
    struct packages_stanza stanza;
    unsigned diversions;
    struct diversion diversion[DIVERSIONS];
    char diversions_text[DIVERSIONS_TEXT];
    char merged[MERGED][16]; /* "bin" for a /bin that is a link to usr/bin */
    unsigned merges;
    char path[FILE_PATH];
} scan;

/* ---- files ---- */

static int
open_record(const char *name)
{
    char path[FILE_PATH];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s" PACKAGES_ADMIN "/%s", scan.root, name);

    if (n < 0 || (size_t)n >= sizeof(path)) {
        return -ENAMETOOLONG;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EBADMSG;
    }
    return fd;
}

static int
lines_open(struct lines *l, const char *name)
{
    l->at = l->end = 0;
    l->over = false;
    l->fd = open_record(name);
    return l->fd < 0 ? l->fd : 0;
}

/* 0 at the end of the file, 1 with a line; -EBADMSG for a line that is longer than any dpkg writes. */
static int
lines_next(struct lines *l, const char **line, size_t *len)
{
    for (;;) {
        char *feed = memchr(l->bytes + l->at, '\n', l->end - l->at);

        if (feed != NULL || (l->over && l->end > l->at)) {
            *line = l->bytes + l->at;
            *len = (size_t)((feed != NULL ? feed : l->bytes + l->end) - *line);
            l->at += *len + (feed != NULL ? 1 : 0);
            return 1;
        }
        if (l->over) {
            return 0;
        }
        memmove(l->bytes, l->bytes + l->at, l->end - l->at);
        l->end -= l->at;
        l->at = 0;
        if (l->end == sizeof(l->bytes)) {
            return -EBADMSG;
        }
        ssize_t n = read(l->fd, l->bytes + l->end, sizeof(l->bytes) - l->end);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        l->end += n > 0 ? (size_t)n : 0;
        l->over = n == 0;
    }
}

static void
lines_close(struct lines *l)
{
    close(l->fd);
}

/* ---- where a listed path is ---- */

static void
find_merged(void)
{
    static const char *const names[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32" };

    scan.merges = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[FILE_PATH], target[32], wanted[2][32];
        int n = snprintf(path, sizeof(path), "%s/%s", scan.root, names[i]);
        ssize_t len = n > 0 && (size_t)n < sizeof(path) ? readlink(path, target, sizeof(target) - 1) : -1;

        if (len <= 0) {
            continue;
        }
        target[len] = '\0';
        snprintf(wanted[0], sizeof(wanted[0]), "usr/%s", names[i]);
        snprintf(wanted[1], sizeof(wanted[1]), "/usr/%s", names[i]);
        if (strcmp(target, wanted[0]) == 0 || strcmp(target, wanted[1]) == 0) {
            snprintf(scan.merged[scan.merges++], sizeof(scan.merged[0]), "%s", names[i]);
        }
    }
}

static const char *
merge_of(const char *path, size_t len)
{
    const char *end = memchr(path + 1, '/', len - 1);
    size_t first = end != NULL ? (size_t)(end - path) - 1 : len - 1;

    for (unsigned i = 0; i < scan.merges && end != NULL; i++) {
        if (strlen(scan.merged[i]) == first && memcmp(scan.merged[i], path + 1, first) == 0) {
            return "/usr";
        }
    }
    return "";
}

/* The same path whether it was listed with /usr or without. */
static bool
same_path(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const char *a_merge = merge_of(a, a_len);
    const char *b_merge = merge_of(b, b_len);

    if (a_merge[0] != '\0' && b_merge[0] == '\0') {
        return b_len == a_len + 4 && memcmp(b, a_merge, 4) == 0 && memcmp(b + 4, a, a_len) == 0;
    }
    if (b_merge[0] != '\0' && a_merge[0] == '\0') {
        return same_path(b, b_len, a, a_len);
    }
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static const char *
diverted(const struct package *package, const char *path, size_t len)
{
    for (unsigned i = 0; i < scan.diversions; i++) {
        const struct diversion *d = &scan.diversion[i];

        if (strcmp(d->by, package->name) != 0 && same_path(d->from, strlen(d->from), path, len)) {
            return d->to;
        }
    }
    return NULL;
}

size_t
packages_place(const char *path, size_t len, char *out, size_t size)
{
    if (!packages_path_valid(path, len)) {
        return 0;
    }
    int n = snprintf(out, size, "%s%s%.*s", scan.root, merge_of(path, len), (int)len, path);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void
tell(enum package_record record, const char *path, size_t len, const uint8_t *md5)
{
    const struct package *package = &scan.stanza.package;
    const char *instead = diverted(package, path, len);

    if (instead != NULL) {
        path = instead;
        len = strlen(instead);
    }
    int n = snprintf(
            scan.path, sizeof(scan.path), "%s%s%.*s", scan.root, merge_of(path, len), (int)len, path);
    if (n > 0 && (size_t)n < sizeof(scan.path)) {
        scan.ops->record(scan.ops->to, record, package, scan.path, (size_t)n, md5);
    }
}

/* Three lines each: from, to, by. */
static int
read_diversions(void)
{
    size_t used = 0;
    int fd = open_record("diversions");

    scan.diversions = 0;
    if (fd < 0) {
        return fd == -ENOENT ? 0 : fd;
    }
    for (ssize_t n = 1; n > 0 && used<DIVERSIONS_TEXT - 1; used += n> 0 ? (size_t)n : 0) {
        n = read(fd, scan.diversions_text + used, DIVERSIONS_TEXT - 1 - used);
    }
    close(fd);
    scan.diversions_text[used] = '\0';
    if (used == DIVERSIONS_TEXT - 1) {
        return -EBADMSG;
    }
    const char *part[3] = { NULL };
    unsigned parts = 0;
    for (char *line = scan.diversions_text, *feed; (feed = strchr(line, '\n')) != NULL; line = feed + 1) {
        *feed = '\0';
        part[parts++] = line;
        if (parts < 3) {
            continue;
        }
        parts = 0;
        if (scan.diversions == DIVERSIONS || !packages_path_valid(part[0], strlen(part[0])) ||
                !packages_path_valid(part[1], strlen(part[1]))) {
            return -EBADMSG;
        }
        scan.diversion[scan.diversions++] =
                (struct diversion){ .from = part[0], .to = part[1], .by = part[2] };
    }
    return 0;
}

/* ---- a package's own files ---- */

static bool
open_info(const char *kind)
{
    const struct package *p = &scan.stanza.package;
    char name[2 * PACKAGE_NAME];

    snprintf(name, sizeof(name), "info/%s%s%s.%s", p->name, p->multi_arch ? ":" : "",
            p->multi_arch ? p->arch : "", kind);
    return lines_open(&scan.file, name) == 0;
}

static void
read_list(void)
{
    const char *line;
    size_t len;
    struct stat st;

    if (!open_info("list")) {
        return;
    }
    if (fstat(scan.file.fd, &st) == 0) {
        scan.stanza.package.listed_s = st.st_mtim.tv_sec;
    }
    while (lines_next(&scan.file, &line, &len) == 1) {
        if (packages_path_valid(line, len)) {
            tell(PACKAGE_LISTS, line, len, NULL);
        }
    }
    lines_close(&scan.file);
}

static void
read_sums(void)
{
    char path[PACKAGE_PATH];
    uint8_t md5[MD5_SIZE];
    const char *line, *name;
    size_t len, name_len;

    if (!open_info("md5sums")) {
        return;
    }
    while (lines_next(&scan.file, &line, &len) == 1) {
        if (!packages_sum_line(line, len, &name, &name_len, md5) || name_len + 1 >= sizeof(path)) {
            continue;
        }
        path[0] = '/';
        memcpy(path + 1, name, name_len);
        if (packages_path_valid(path, name_len + 1)) {
            tell(PACKAGE_SUM, path, name_len + 1, md5);
        }
    }
    lines_close(&scan.file);
}

/* ---- all of them ---- */

static void
end_stanza(void)
{
    struct package *p = &scan.stanza.package;
    unsigned number = p->number;

    if (p->installed && p->version[0] != '\0') {
        scan.ops->package(scan.ops->to, p);
        read_list();
        read_sums();
    }
    memset(&scan.stanza, 0, sizeof(scan.stanza));
    scan.stanza.package.number = number + 1;
}

int
packages_scan_begin(const char *root, const struct packages_ops *ops)
{
    scan.root = root;
    scan.ops = ops;
    memset(&scan.stanza, 0, sizeof(scan.stanza));
    find_merged();
    int code = read_diversions();
    return code == 0 ? lines_open(&scan.status, "status") : code;
}

void
packages_scan_abort(void)
{
    lines_close(&scan.status);
}

/* Goes on to the end of a stanza. As packages_scan_step(), but leaves the file open. */
static int
next_stanza(void)
{
    uint8_t md5[MD5_SIZE];
    const char *line = "", *path;
    size_t len = 0, path_len;
    int step;

    while ((step = lines_next(&scan.status, &line, &len)) == 1) {
        switch (packages_status_line(&scan.stanza, line, len, &path, &path_len, md5)) {
        case PACKAGES_CONFFILE:
            tell(PACKAGE_CONFFILE, path, path_len, md5);
            break;
        case PACKAGES_END:
            end_stanza();
            return 1;
        case PACKAGES_BAD:
            return -EBADMSG;
        case PACKAGES_NOTHING:
            break;
        }
    }
    if (step == 0 && scan.stanza.begun) {
        end_stanza();
    }
    return step;
}

int
packages_scan_step(void)
{
    int step = next_stanza();

    if (step != 1) {
        lines_close(&scan.status);
    }
    return step;
}

int
packages_scan(const char *root, const struct packages_ops *ops)
{
    int step = packages_scan_begin(root, ops);

    if (step == 0) {
        while ((step = packages_scan_step()) == 1) {
        }
    }
    return step;
}
