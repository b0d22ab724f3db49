#include "watch/fs_codes.h"
#include "conf/pattern.h"
#include "watch/fs_xattrs.h"
#include <string.h>

#define SET_ID 06000

/* clang-format off */
static const struct {
    const char *pattern;
    enum finding_code code;
} table[] = {
    { "/**/.ssh/authorized_keys*",    FINDING_INTEGRITY_KEYS },
    { "/etc/ssh/authorized_keys*",    FINDING_INTEGRITY_KEYS },
    { "/etc/sudoers",                 FINDING_INTEGRITY_SUDOERS },
    { "/etc/sudoers.d",               FINDING_INTEGRITY_SUDOERS },
    { "/etc/doas.conf",               FINDING_INTEGRITY_SUDOERS },
    { "/usr/local/etc/sudoers",       FINDING_INTEGRITY_SUDOERS },
    { "/usr/local/etc/sudoers.d",     FINDING_INTEGRITY_SUDOERS },
    { "/etc/ld.so.preload",           FINDING_INTEGRITY_PRELOAD },
    { "/etc/passwd",                  FINDING_INTEGRITY_ACCOUNTS },
    { "/etc/shadow",                  FINDING_INTEGRITY_ACCOUNTS },
    { "/etc/group",                   FINDING_INTEGRITY_ACCOUNTS },
    { "/etc/gshadow",                 FINDING_INTEGRITY_ACCOUNTS },
};
/* clang-format on */

static bool
has_caps(const struct baseline_entry *e)
{
    struct fs_bytes c = { .at = e->xattrs, .end = e->xattrs_len > 0 ? e->xattrs + e->xattrs_len : e->xattrs };
    struct fs_xattr x;

    while (e->xattrs_len > 0 && fs_xattr_next(&c, &x)) {
        if (fs_xattr_class(x.name, x.name_len) == FS_CAPS) {
            return true;
        }
    }
    return false;
}

/* What the file gives to whoever runs it, beyond what they have. */
static bool
gives_rights(const struct baseline_entry *e)
{
    return e->type == BASELINE_REGULAR && ((e->mode & SET_ID) != 0 || has_caps(e));
}

/* It gives rights that it did not give before, or those of another owner. */
static bool
gives_more(const struct baseline_entry *was, const struct baseline_entry *now)
{
    if (!gives_rights(now)) {
        return false;
    }
    if (was == NULL || was->type != BASELINE_REGULAR) {
        return true;
    }
    return (now->mode & ~was->mode & SET_ID) != 0 || (has_caps(now) && !has_caps(was)) ||
           ((now->mode & SET_ID) != 0 && (was->uid != now->uid || was->gid != now->gid));
}

static bool
matches(const char *text, const struct baseline_entry *e)
{
    struct pattern p;

    return pattern_parse(&p, text, strlen(text)) == NULL && pattern_covers(&p, e->path, e->path_len);
}

enum finding_code
fs_code(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now)
{
    static const enum finding_code plain[] = { [FS_SAME] = FINDING_INTEGRITY_CHANGED,
        [FS_CHANGED] = FINDING_INTEGRITY_CHANGED,
        [FS_ADDED] = FINDING_INTEGRITY_ADDED,
        [FS_GONE] = FINDING_INTEGRITY_GONE };

    if (verdict != FS_CHANGED && verdict != FS_ADDED) {
        return plain[verdict];
    }
    if (gives_more(was, now)) {
        return FINDING_INTEGRITY_SETUID;
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (matches(table[i].pattern, now)) {
            return table[i].code;
        }
    }
    return plain[verdict];
}
