#ifndef WATCH_FS_XATTRS_H
#define WATCH_FS_XATTRS_H
/*
 * fs_xattrs - all extended attributes of a file in one form that can be compared byte by byte
 *
 * The form is that of struct baseline_entry. POSIX ACLs, file capabilities and security labels are extended
 * attributes, too. What a file system does not have is none; what cannot be read is a state of its own.
 */
#include "watch/baseline.h"
#include "watch/fs_bytes.h"

#define FS_XATTRS_LIST 65536 /* the kernel's own limits */
#define FS_XATTRS_VALUE 65536

/* What stands behind an attribute's name. */
enum fs_xattr_kind {
    FS_XATTR_WHOLE,      /* the value */
    FS_XATTR_DIGEST,     /* BLAKE3 of a long value */
    FS_XATTR_UNREADABLE, /* nothing */
    FS_XATTR_KINDS
};

/* The name under which more attributes than fit are kept as one digest, or as unreadable. */
#define FS_XATTRS_ALL "*"

/* Big, mostly untouched: keep it static. */
struct fs_xattrs {
    size_t len;
    uint8_t form[BASELINE_XATTRS_MAX];
    char list[FS_XATTRS_LIST];
    uint8_t value[FS_XATTRS_VALUE];
};

/* Of a name in a directory, which is not followed when it is a link. */
void fs_xattrs_read(struct fs_xattrs *x, int dir_fd, const char *name);

struct fs_xattr {
    const uint8_t *name;
    const uint8_t *value;
    uint8_t name_len;
    uint8_t kind; /* enum fs_xattr_kind */
    uint16_t value_len;
};

/* Takes the next attribute of a form; false at its end, and when it is no form. */
bool fs_xattr_next(struct fs_bytes *c, struct fs_xattr *out);

/*
 * Two forms side by side, as a merge of sorted lists: gives the next attribute that is not the same in both,
 * NULL for the side that has none. False at the end.
 */
struct fs_xattr_merge {
    struct fs_bytes from;
    struct fs_bytes to;
    struct fs_xattr was;
    struct fs_xattr now;
    struct fs_xattr told_was;
    struct fs_xattr told_now;
    bool was_valid;
    bool now_valid;
};

void fs_xattr_merge_begin(
        struct fs_xattr_merge *m, const struct baseline_entry *was, const struct baseline_entry *now);
bool fs_xattr_merge_next(struct fs_xattr_merge *m, const struct fs_xattr **was, const struct fs_xattr **now);

#endif
