#ifndef WATCH_FS_WORDS_H
#define WATCH_FS_WORDS_H
/*
 * fs_words - file capabilities, ACLs, flags and times in words that are short and can stand in a line
 *
 * Bytes that are no capabilities or no ACL become "invalid". What does not fit ends in "..".
 */
#include "watch/fs_xattrs.h"
#include <stddef.h>
#include <stdint.h>

#define FS_WORDS 64 /* columns with the NUL, of each of these texts */

/* "cap_net_raw+ep", with more than three of one kind "0x3000+ep"; "none" for NULL. */
void fs_caps_words(const struct fs_xattr *caps, char out[FS_WORDS]);

/*
 * The entries of an ACL that `other` (NULL for none) has not, as "u:33:rw-,m::rwx"; "none" for NULL, "less"
 * when it has none that the other has not.
 */
void fs_acl_words(const struct fs_xattr *acl, const struct fs_xattr *other, char out[FS_WORDS]);

/* "immutable+append", "none". */
void fs_flags_words(uint32_t flags, char out[FS_WORDS]);

/* "20261121T193405Z", with `exact` "20261121T193405.000000001Z". */
void fs_time_words(int64_t ns, bool exact, char out[FS_WORDS]);

#endif
