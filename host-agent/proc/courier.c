#include "proc/courier.h"
#include "cmd/cmd.h"
#include "cmd/psk.h"
#include "conf/name.h"
#include "proc/ids.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WITHOUT "guarding without the network"

static int
open_program(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
    const char *slash = n > 0 && (size_t)n < sizeof(path) ? memrchr(path, '/', (size_t)n) : NULL;
    size_t courier_len = strlen(name_courier());
    size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;

    if (len == 0 || len + courier_len >= sizeof(path)) {
        cmd_error("%s: the directory of the running program is not known; " WITHOUT, name_courier());
        return -1;
    }
    memcpy(path + len, name_courier(), courier_len + 1);
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        cmd_error("%s: %s; " WITHOUT, path, strerror(errno));
    } else if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0) {
        cmd_error("%s: not a program that can be run; " WITHOUT, path);
        close(fd);
        return -1;
    }
    return fd;
}

/* Of whoever runs tocsin, or given to the courier by an earlier start. */
static bool
is_ours(uid_t owner)
{
    return owner == geteuid() || (geteuid() == 0 && ids_is_ours(owner));
}

/* Whoever reads the key can speak in our name; whoever writes in the folder can put another one there. */
static bool
only_ours(int folder, const char *path)
{
    struct stat dir;
    struct stat key;

    if (fstatat(folder, PSK_FILE, &key, AT_SYMLINK_NOFOLLOW) < 0) {
        cmd_error("%s/" PSK_FILE ": %s: pair again for the network (tocsin pair --again); " WITHOUT, path,
                strerror(errno));
        return false;
    }
    if (fstat(folder, &dir) < 0 || !is_ours(dir.st_uid) || (dir.st_mode & 022) != 0 || !is_ours(key.st_uid) ||
            (key.st_mode & 077) != 0) {
        cmd_error("%s: others may read or write in it; expected modes 0700 and 0600 and the owner who runs "
                  "tocsin; " WITHOUT,
                path);
        return false;
    }
    return true;
}

/* A file with another name elsewhere is none that the courier made: it is not given away. */
static void
give_file(int folder, const char *name, uint32_t id)
{
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && is_ours(st.st_uid)) {
        (void)fchownat(fd, "", id, id, AT_EMPTY_PATH);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Where that cannot be (a read-only directory), the courier finds out that it is not its own, and says so. */
static int
give_folder(int folder, uint32_t id)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (dir == NULL) {
        int error = -errno;

        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    while ((entry = readdir(dir)) != NULL) {
        give_file(folder, entry->d_name, id);
    }
    closedir(dir);
    return fchown(folder, id, id) < 0 ? -errno : 0;
}

/* The unit lets no start give anything away: the folder has its user from `pair` on. */
static void
give_where_it_may(int folder, uint32_t id)
{
    struct stat st;
    int error = give_folder(folder, id);

    if (error == -EPERM && fstat(folder, &st) == 0 && st.st_uid != id) {
        cmd_error(
                "the courier's folder belongs to user %u and not to %u: pair again (tocsin pair --again), or "
                "chown -R %u:%u that folder",
                (unsigned)st.st_uid, (unsigned)id, (unsigned)id, (unsigned)id);
    }
}

static int
open_folder(const struct conf *conf)
{
    char path[CONF_PATH + 16];

    if (!conf_state_path(conf, PSK_FOLDER, path, sizeof(path))) {
        cmd_error("the state directory's path is too long; " WITHOUT);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        cmd_error(errno == ENOENT
                          ? "%s: not there: pair again for the network (tocsin pair --again); " WITHOUT
                          : "%s: %s; " WITHOUT,
                path, strerror(errno));
        return -1;
    }
    if (!only_ours(fd, path)) {
        close(fd);
        return -1;
    }
    return fd;
}

bool
courier_parts_open(const struct conf *conf, uint32_t id, struct courier_parts *out)
{
    out->folder = open_folder(conf);
    if (out->folder >= 0 && id != 0) {
        give_where_it_may(out->folder, id);
    }
    out->program = out->folder >= 0 ? open_program() : -1;
    if (out->program < 0 && out->folder >= 0) {
        close(out->folder);
        out->folder = -1;
    }
    return out->program >= 0;
}

void
courier_folder_give(const struct conf *conf)
{
    struct ids ids;

    (void)ids_find(conf->user, &ids); /* the courier's is none that the configuration names */
    uint32_t id = ids_of(&ids, ROLE_COURIER, 0);
    int folder = id != 0 ? open_folder(conf) : -1;

    if (folder >= 0) {
        (void)give_folder(folder, id); /* a start tries again, and says what it may not */
        close(folder);
    }
}
