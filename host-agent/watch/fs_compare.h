#ifndef WATCH_FS_COMPARE_H
#define WATCH_FS_COMPARE_H
/*
 * fs_compare - in what a file differs from its entry in the baseline, as far as its rule asks for it
 */
#include "conf/attrs.h"
#include "watch/baseline.h"
#include "watch/fs_rules.h"
#include <stdbool.h>

enum fs_verdict {
    FS_SAME,
    FS_CHANGED,
    FS_ADDED,
    FS_GONE,
    FS_UNLOOKED /* it could not be looked at: no difference is known */
};

/* In what an entry differs. */
#define FS_TYPE 0x1u
#define FS_MODE 0x2u
#define FS_OWNER 0x4u /* or the group */
#define FS_SIZE 0x8u
#define FS_LINK 0x10u
#define FS_DATA 0x20u
#define FS_STATE 0x40u
#define FS_DEVICE 0x80u
#define FS_MTIME 0x100u
#define FS_CTIME 0x200u
#define FS_LINKS 0x400u
#define FS_INODE 0x800u
#define FS_FLAGS 0x1000u
#define FS_XATTRS 0x2000u
#define FS_ACL 0x4000u
#define FS_CAPS 0x8000u
#define FS_SELINUX 0x10000u
#define FS_SHRUNK 0x20000u    /* a log has less than it had */
#define FS_REWRITTEN 0x40000u /* a log's beginning is another */

/* A file of another size than the baseline's is known to have changed; above this it is not read as well. */
#define FS_READ_WHEN_RESIZED ((uint64_t)64 << 20)

/* True for a file whose content the rule asks for. */
bool fs_wants_content(const struct baseline_entry *now, const struct fs_rule *rule);

/* True when the rule asks for content that is not compared: above its limit, or not in the baseline. */
bool fs_lacks_content(
        const struct baseline_entry *was, const struct baseline_entry *now, const struct fs_rule *rule);

/* True when it is needed to compare as well: it may be equal, or it is cheap to say how it differs. */
bool fs_needs_content(
        const struct baseline_entry *was, const struct baseline_entry *now, const struct fs_rule *rule);

/*
 * FS_* bits, for what `attrs` (CONF_ATTR_* bits) asks. What one of the sides was not read for is not
 * compared. `head` says that a log's digest is that of its first was->size bytes.
 */
unsigned fs_compare(
        const struct baseline_entry *was, const struct baseline_entry *now, bool head, uint32_t attrs);

/* Which of FS_XATTRS, FS_ACL, FS_CAPS and FS_SELINUX an extended attribute belongs to. */
unsigned fs_xattr_class(const uint8_t *name, size_t len);

#endif
