#ifndef WATCH_PACKAGES_JUDGE_H
#define WATCH_PACKAGES_JUDGE_H
/*
 * packages_judge - does dpkg explain how a file differs from the baseline?
 *
 * Explained is: the content that a package brought, where it brought it, with the mode and the owner that the
 * baseline has or that are harmless; a link to what a package has; a directory of a package; and that
 * something is gone where only packages put files. Everything else is not, so also each setuid file that is
 * new and each mode, owner, flag or extended attribute that has changed.
 */
#include "watch/fs_compare.h"
#include "watch/packages_index.h"

enum packages_why {
    PACKAGES_EXPLAINED,
    PACKAGES_UNKNOWN,    /* in no package */
    PACKAGES_MISSING,    /* a package has it, and it is not there */
    PACKAGES_NO_SUM,     /* dpkg keeps no sum of it */
    PACKAGES_OTHER_SUM,  /* not as the package brought it */
    PACKAGES_UNREADABLE, /* or it changed while it was looked at */
    PACKAGES_RIGHTS,     /* mode, owner, flags or extended attributes */
    PACKAGES_KIND,       /* a package brings no such thing: a device, another type */
    PACKAGES_TARGET,     /* a link to what no package has */
    PACKAGES_WHYS
};

/* In words, for people. */
const char *packages_why_text(enum packages_why why);

/* True when a package has a path: where a link points to. */
typedef bool packages_has_fn(void *to, const char *path, size_t len);

/*
 * The same with what dpkg knows of the path (NULL: no package has it) and of others given. `root` is that of
 * the last scan.
 */
enum packages_why packages_judge_slot(const struct packages_slot *slot, const char *root,
        enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs, packages_has_fn *has, void *to);

/* Where a link points to, as packages_judge_slot() will ask for it. 0 when that is no path a package has. */
size_t packages_target(const char *root, const struct baseline_entry *e, char *out, size_t size);

/* True when mode, owner, flags and extended attributes are as they were, or harmless on what is new. */
bool packages_rights(const struct baseline_entry *was, const struct baseline_entry *now, unsigned differs);

/* `now` was read for the baseline; the file is read again and must still be the same. `root` as for the
 * index. `slot` gets what dpkg knows of the path, or NULL. */
enum packages_why packages_judge(const struct packages_index *ix, const char *root, enum fs_verdict verdict,
        const struct baseline_entry *was, const struct baseline_entry *now, unsigned differs,
        const struct packages_slot **slot);

#endif
