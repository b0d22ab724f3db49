#include "watch/fs_compare.h"
#include "watch/fs_xattrs.h"
#include <string.h>

static bool
asks_for_content(const struct baseline_entry *now, const struct fs_rule *rule)
{
    return now->type == BASELINE_REGULAR && (rule->attrs & (CONF_ATTR_CONTENT | CONF_ATTR_GROW)) != 0;
}

bool
fs_wants_content(const struct baseline_entry *now, const struct fs_rule *rule)
{
    return asks_for_content(now, rule) && (rule->max == 0 || now->size <= rule->max);
}

bool
fs_lacks_content(
        const struct baseline_entry *was, const struct baseline_entry *now, const struct fs_rule *rule)
{
    return asks_for_content(now, rule) &&
           (!fs_wants_content(now, rule) || (was != NULL && was->state == BASELINE_UNREAD));
}

bool
fs_needs_content(
        const struct baseline_entry *was, const struct baseline_entry *now, const struct fs_rule *rule)
{
    if (!fs_wants_content(now, rule) || was->type != BASELINE_REGULAR || was->state == BASELINE_UNSTABLE ||
            was->state == BASELINE_UNREAD) {
        return false;
    }
    if ((rule->attrs & CONF_ATTR_GROW) != 0) {
        return now->size >= was->size;
    }
    return was->size == now->size || now->size <= FS_READ_WHEN_RESIZED;
}

unsigned
fs_xattr_class(const uint8_t *name, size_t len)
{
    static const struct {
        const char *name;
        unsigned class;
    } table[] = { { "security.capability", FS_CAPS }, { "security.selinux", FS_SELINUX },
        { "system.posix_acl_access", FS_ACL }, { "system.posix_acl_default", FS_ACL } };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (len == strlen(table[i].name) && memcmp(name, table[i].name, len) == 0) {
            return table[i].class;
        }
    }
    return FS_XATTRS;
}

static unsigned
compare_xattrs(const struct baseline_entry *was, const struct baseline_entry *now)
{
    struct fs_xattr_merge m;
    const struct fs_xattr *from, *to;
    unsigned differs = 0;

    if (was->xattrs_len == now->xattrs_len &&
            (was->xattrs_len == 0 || memcmp(was->xattrs, now->xattrs, was->xattrs_len) == 0)) {
        return 0;
    }
    fs_xattr_merge_begin(&m, was, now);
    while (fs_xattr_merge_next(&m, &from, &to)) {
        const struct fs_xattr *one = to != NULL ? to : from;

        differs |= fs_xattr_class(one->name, one->name_len);
    }
    return differs;
}

/* A log may grow: what it had must still be its beginning. One that is read anew as a whole is just longer.
 */
static unsigned
compare_log(const struct baseline_entry *was, const struct baseline_entry *now, bool head)
{
    if (was->state == BASELINE_READ && now->size < was->size) {
        return FS_SHRUNK;
    }
    if (now->state == BASELINE_UNREAD) {
        return 0;
    }
    if (was->state != now->state) {
        return FS_STATE;
    }
    if (!head && was->size != now->size) {
        return FS_SIZE;
    }
    return was->state == BASELINE_READ && memcmp(was->digest, now->digest, WIRE_HASH_SIZE) != 0 ? FS_REWRITTEN
                                                                                                : 0;
}

static unsigned
compare_content(const struct baseline_entry *was, const struct baseline_entry *now)
{
    unsigned differs = 0;

    if (was->state == BASELINE_READ && was->size != now->size) {
        differs |= FS_SIZE;
    }
    if (now->state == BASELINE_UNREAD) {
        return differs;
    }
    if (was->state != now->state) {
        return differs | FS_STATE;
    }
    if (was->state == BASELINE_READ && memcmp(was->digest, now->digest, WIRE_HASH_SIZE) != 0) {
        differs |= FS_DATA;
    }
    return differs;
}

static unsigned
compare_regular(const struct baseline_entry *was, const struct baseline_entry *now, bool head, uint32_t attrs)
{
    unsigned differs = (attrs & CONF_ATTR_SIZE) != 0 && was->size != now->size ? FS_SIZE : 0;

    if (was->state == BASELINE_UNREAD) {
        return differs;
    }
    if (was->state == BASELINE_UNSTABLE) {
        /* What it held is not known: nobody may be spared by touching a file in time. */
        return (attrs & (CONF_ATTR_CONTENT | CONF_ATTR_GROW)) != 0 ? differs | FS_STATE : differs;
    }
    if ((attrs & CONF_ATTR_CONTENT) != 0) {
        return differs | compare_content(was, now);
    }
    return (attrs & CONF_ATTR_GROW) != 0 ? differs | compare_log(was, now, head) : differs;
}

static bool
same_link(const struct baseline_entry *was, const struct baseline_entry *now)
{
    return was->link_len == now->link_len &&
           (was->link_len == 0 || memcmp(was->link, now->link, was->link_len) == 0);
}

/* What only entries of one type have in common. */
static unsigned
compare_type(const struct baseline_entry *was, const struct baseline_entry *now, bool head, uint32_t attrs)
{
    switch (was->type) {
    case BASELINE_REGULAR:
        return compare_regular(was, now, head, attrs);
    case BASELINE_LINK:
        return ((attrs & CONF_ATTR_LINK) != 0 && !same_link(was, now) ? FS_LINK : 0) |
               (was->state != now->state ? FS_STATE : 0);
    case BASELINE_CHAR:
    case BASELINE_BLOCK:
        return (attrs & CONF_ATTR_TYPE) != 0 && was->size != now->size ? FS_DEVICE : 0;
    default:
        return was->state != now->state ? FS_STATE : 0;
    }
}

unsigned
fs_compare(const struct baseline_entry *was, const struct baseline_entry *now, bool head, uint32_t attrs)
{
    /* A directory's times and link count tell of what came and went in it, which is told by itself. */
    bool single = was->type != BASELINE_DIR || now->type != BASELINE_DIR;
    /* What holds something else now cannot be compared, and is no more what it was. */
    const uint32_t typed = CONF_ATTR_TYPE | CONF_ATTR_CONTENT | CONF_ATTR_GROW | CONF_ATTR_LINK;
    /* clang-format off */
    const struct {
        bool other;
        uint32_t attr;
        unsigned bit;
    } simple[] = {
        { was->type != now->type,                typed,           FS_TYPE },
        { was->mode != now->mode,                CONF_ATTR_MODE,  FS_MODE },
        { was->uid != now->uid,                  CONF_ATTR_OWNER, FS_OWNER },
        { was->gid != now->gid,                  CONF_ATTR_GROUP, FS_OWNER },
        { single && was->mtime_ns != now->mtime_ns,        CONF_ATTR_MTIME, FS_MTIME },
        { single && was->ctime_ns != now->ctime_ns,        CONF_ATTR_CTIME, FS_CTIME },
        { single && was->nlink != now->nlink,   CONF_ATTR_LINKS, FS_LINKS },
        { was->ino != now->ino,                  CONF_ATTR_INODE, FS_INODE },
        { was->flags != now->flags,              CONF_ATTR_FLAGS, FS_FLAGS },
    };
    static const struct {
        unsigned bit;
        uint32_t attr;
    } classes[] = {
        { FS_XATTRS,  CONF_ATTR_XATTRS },
        { FS_ACL,     CONF_ATTR_ACL },
        { FS_CAPS,    CONF_ATTR_CAPS },
        { FS_SELINUX, CONF_ATTR_SELINUX },
    };
    /* clang-format on */
    unsigned xattrs = compare_xattrs(was, now);
    unsigned differs = 0;

    for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
        differs |= simple[i].other && (attrs & simple[i].attr) != 0 ? simple[i].bit : 0;
    }
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        differs |= (attrs & classes[i].attr) != 0 ? xattrs & classes[i].bit : 0;
    }
    return was->type == now->type ? differs | compare_type(was, now, head, attrs) : differs;
}
