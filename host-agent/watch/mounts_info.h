#ifndef WATCH_MOUNTS_INFO_H
#define WATCH_MOUNTS_INFO_H
/*
 * mounts_info - reads the text of /proc/PID/mountinfo
 *
 * Mount points, sources and options are text that whoever mounts can choose: nothing here trusts them further
 * than their length. A line that is not as the kernel writes it is left out and counted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOUNTS_MAX 4096
#define MOUNTS_TEXT (1u << 20)

/* Options of a mount and of its superblock, as bits. */
#define MOUNT_RO 1u
#define MOUNT_NOSUID 2u
#define MOUNT_NODEV 4u
#define MOUNT_NOEXEC 8u
#define MOUNT_EMERGENCY_RO 16u /* the file system met errors and takes no more writes */

/* A line; its strings are decoded, NUL-terminated, and lie in the caller's store. */
struct mount_line {
    uint32_t id;
    uint32_t parent;
    uint32_t major;
    uint32_t minor;
    uint8_t options;       /* of the mount */
    uint8_t super_options; /* of its file system, which other mounts may share */
    const char *root;      /* what of the file system is mounted */
    const char *point;     /* where */
    const char *type;
    const char *source;
};

struct mounts_table {
    struct mount_line row[MOUNTS_MAX];
    unsigned count;
    unsigned left_out; /* lines that were not understood or found no room */
    char store[MOUNTS_TEXT];
};

/* One line without its newline. `store` takes at most `len` bytes, *used of them. False when it is no such
 * line.
 */
bool mounts_line_parse(const char *src, size_t len, char *store, size_t *used, struct mount_line *out);

/* A whole text of at most MOUNTS_TEXT bytes into the table. */
void mounts_table_read(struct mounts_table *t, const char *src, size_t len);

/*
 * The mount that a process which opens `path` comes to: what is hidden below another mount is not it. NULL
 * for an empty table. The kernel's own rule: of the mounts on the one it is in, the first on the way.
 */
const struct mount_line *mounts_table_at(const struct mounts_table *t, const char *path);

/* True when `path` is `base` or lies below it. */
bool mounts_path_below(const char *path, const char *base);

#endif
