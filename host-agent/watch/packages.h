#ifndef WATCH_PACKAGES_H
#define WATCH_PACKAGES_H
/*
 * packages - what dpkg says it has installed where
 *
 * Reads dpkg's own records: status, info/PACKAGE.list and .md5sums, diversions. They are files that root can
 * write: they explain a change, they do not prove it harmless. Strict: a line that dpkg would not have
 * written explains nothing. One scan at a time.
 */
#include "watch/md5.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKAGES_ADMIN "/var/lib/dpkg" /* below the root */
#define PACKAGE_NAME 128
#define PACKAGE_PATH 4096

struct package {
    unsigned number; /* of its stanza, from 0 */
    char name[PACKAGE_NAME];
    char version[PACKAGE_NAME];
    char arch[32];
    bool multi_arch;  /* its files in info/ have the architecture in their name */
    bool installed;   /* wholly: unpacked and configured */
    int64_t listed_s; /* when its list was written, since 1970; known with its list and sums only */
};

enum package_record {
    PACKAGE_LISTS,    /* a path of its .list: a file, a directory or a link */
    PACKAGE_SUM,      /* of a file it brought */
    PACKAGE_CONFFILE, /* the sum of a configuration file as it brought it */
};

/* `path` is where the file is now: with diversions and merged directories worked in. */
typedef void package_record_fn(void *to, enum package_record record, const struct package *package,
        const char *path, size_t len, const uint8_t md5[MD5_SIZE]);

struct packages_ops {
    package_record_fn *record;
    /* A stanza is read: after its conffiles, before its lists and sums. */
    void (*package)(void *to, const struct package *package);
    void *to;
};

/*
 * Reads all that is installed below `root` ("" for the machine itself). Per package first its conffiles, then
 * its list, then its sums. 0, or -errno when status or diversions cannot be read; -EBADMSG when they are
 * not dpkg's. A package whose own files cannot be read has no records.
 */
int packages_scan(const char *root, const struct packages_ops *ops);

/* The same in steps, a package each: 1 when there is more, 0 at the end. `root` and `ops` must stay. */
int packages_scan_begin(const char *root, const struct packages_ops *ops);
int packages_scan_step(void);
void packages_scan_abort(void);

/* Where a path as a package would list it is, by what the last scan saw. Returns the length; 0: no path. */
size_t packages_place(const char *path, size_t len, char *out, size_t size);

/* ---- the lines, for who has bytes already ---- */

struct packages_stanza {
    struct package package;
    bool begun;     /* has a name */
    bool conffiles; /* continuation lines are conffiles */
};

enum packages_line {
    PACKAGES_NOTHING,
    PACKAGES_CONFFILE, /* path and md5 are set */
    PACKAGES_END,      /* of the stanza */
    PACKAGES_BAD,
};

/* One line of status without its line feed. `path` gets a pointer into the line. Begin with a zero stanza and
 * zero it, but for the number, after PACKAGES_END. */
enum packages_line packages_status_line(struct packages_stanza *s, const char *line, size_t len,
        const char **path, size_t *path_len, uint8_t md5[MD5_SIZE]);

/* "<32 hex digits>  usr/bin/x" of an .md5sums. */
bool packages_sum_line(
        const char *line, size_t len, const char **path, size_t *path_len, uint8_t md5[MD5_SIZE]);

/* An absolute path as dpkg writes it: no empty, "." or ".." parts. */
bool packages_path_valid(const char *path, size_t len);

#endif
