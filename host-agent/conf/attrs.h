#ifndef CONF_ATTRS_H
#define CONF_ATTRS_H
/*
 * attrs - what of a file a rule compares with the baseline, in sets that have names
 */
#include "conf/conf.h"

#define CONF_ATTR_TYPE 0x1u /* with a device's number */
#define CONF_ATTR_MODE 0x2u
#define CONF_ATTR_OWNER 0x4u
#define CONF_ATTR_GROUP 0x8u
#define CONF_ATTR_SIZE 0x10u
#define CONF_ATTR_MTIME 0x20u
#define CONF_ATTR_CTIME 0x40u
#define CONF_ATTR_LINKS 0x80u
#define CONF_ATTR_INODE 0x100u
#define CONF_ATTR_LINK 0x200u /* where a symbolic link points */
#define CONF_ATTR_CONTENT 0x400u
#define CONF_ATTR_GROW 0x800u    /* of the content, what there was: it may only grow */
#define CONF_ATTR_XATTRS 0x1000u /* those that are none of the following */
#define CONF_ATTR_ACL 0x2000u
#define CONF_ATTR_CAPS 0x4000u
#define CONF_ATTR_SELINUX 0x8000u
#define CONF_ATTR_FLAGS 0x10000u

#define CONF_ATTRS_ALL 0x1FFFFu

/* An attribute's word by the number of its bit, from 0; NULL behind the last. */
const char *conf_attr_name(unsigned bit);

/* The sets that are there without a Set line; NULL behind the last. The first is that of a Watch without one.
 */
const struct conf_set *conf_builtin(unsigned i);

/* A set's attributes by its name, built in or the configuration's own. False when there is none. */
bool conf_set_find(const struct conf *conf, const char *name, size_t len, uint32_t *attrs);

/* A file system's name by the number of its bit, and its f_type (statfs(2)); NULL behind the last. */
const char *conf_fs_name(unsigned bit);
uint32_t conf_fs_type(unsigned bit);

#endif
