#include "conf/attrs.h"
#include "conf/pattern.h"
#include <string.h>

/* Who may do what with it. */
#define RIGHTS                                                                                              \
    (CONF_ATTR_TYPE | CONF_ATTR_MODE | CONF_ATTR_OWNER | CONF_ATTR_GROUP | CONF_ATTR_ACL | CONF_ATTR_CAPS | \
            CONF_ATTR_SELINUX)

/* clang-format off */
static const char *const names[] = {
    "type", "mode", "owner", "group", "size", "mtime", "ctime", "links", "inode", "link", "content", "grow",
    "xattrs", "acl", "caps", "selinux", "flags",
};

static const struct conf_set builtin[] = {
    { "config",      RIGHTS | CONF_ATTR_SIZE | CONF_ATTR_LINK | CONF_ATTR_CONTENT | CONF_ATTR_XATTRS |
                     CONF_ATTR_FLAGS },
    { "all",         CONF_ATTRS_ALL & ~CONF_ATTR_GROW },
    { "metadata",    CONF_ATTRS_ALL & ~(CONF_ATTR_GROW | CONF_ATTR_CONTENT) },
    { "binaries",    CONF_ATTRS_ALL & ~(CONF_ATTR_GROW | CONF_ATTR_MTIME | CONF_ATTR_CTIME) },
    { "logs",        RIGHTS | CONF_ATTR_LINKS | CONF_ATTR_LINK | CONF_ATTR_GROW | CONF_ATTR_XATTRS |
                     CONF_ATTR_FLAGS },
    { "directories", RIGHTS | CONF_ATTR_XATTRS | CONF_ATTR_FLAGS },
    { "devices",     RIGHTS | CONF_ATTR_LINK | CONF_ATTR_XATTRS },
};

static const struct {
    const char *name;
    uint32_t type;
} file_systems[] = {
    { "ext4",    0xEF53 }, /* and ext2, ext3 */
    { "xfs",     0x58465342 },
    { "btrfs",   0x9123683E },
    { "f2fs",    0xF2F52010 },
    { "zfs",     0x2FC12FC1 },
    { "tmpfs",   0x01021994 },
    { "overlay", 0x794C7630 },
    { "vfat",    0x4D44 },
    { "nfs",     0x6969 },
    { "fuse",    0x65735546 },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *
conf_attr_name(unsigned bit)
{
    return bit < COUNT(names) ? names[bit] : NULL;
}

const struct conf_set *
conf_builtin(unsigned i)
{
    return i < COUNT(builtin) ? &builtin[i] : NULL;
}

static bool
is_named(const struct conf_set *set, const char *name, size_t len)
{
    return strlen(set->name) == len && memcmp(set->name, name, len) == 0;
}

bool
conf_set_find(const struct conf *conf, const char *name, size_t len, uint32_t *attrs)
{
    for (size_t i = 0; i < COUNT(builtin) + conf->sets; i++) {
        const struct conf_set *set = i < COUNT(builtin) ? &builtin[i] : &conf->set[i - COUNT(builtin)];

        if (is_named(set, name, len)) {
            *attrs = set->attrs;
            return true;
        }
    }
    return false;
}

const char *
conf_fs_name(unsigned bit)
{
    return bit < COUNT(file_systems) ? file_systems[bit].name : NULL;
}

uint32_t
conf_fs_type(unsigned bit)
{
    return bit < COUNT(file_systems) ? file_systems[bit].type : 0;
}

bool
conf_add_watch(struct conf *conf, const char *path, const char *set)
{
    struct conf_watch watch;
    size_t len = strlen(path), set_len = set != NULL ? strlen(set) : 0;
    struct pattern pattern;

    memset(&watch, 0, sizeof(watch));
    watch.attrs = builtin[0].attrs;
    if (conf->watches == CONF_WATCHES || !conf_path_valid(path, len) ||
            pattern_parse(&pattern, path, len) != NULL ||
            (set != NULL &&
                    (set_len >= sizeof(watch.set) || !conf_set_find(conf, set, set_len, &watch.attrs)))) {
        return false;
    }
    memcpy(watch.path, path, len);
    memcpy(watch.set, set != NULL ? set : "", set_len);
    memcpy(&conf->watch[conf->watches++], &watch, sizeof(watch));
    return true;
}
