#include "cmd/psk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT PSK_FOLDER ".new"
#define LAST PSK_FOLDER ".old"

static int
open_folder(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    return fd < 0 ? -errno : fd;
}

static int
empty_folder(int fd)
{
    DIR *folder = fdopendir(fd);
    int error = 0;

    if (folder == NULL) {
        error = -errno;
        close(fd);
        return error;
    }
    for (const struct dirent *d; (d = readdir(folder)) != NULL;) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
                unlinkat(dirfd(folder), d->d_name, 0) < 0) {
            error = errno == EISDIR || errno == EPERM ? -ENOTEMPTY : -errno;
        }
    }
    closedir(folder);
    return error;
}

/* It and the files in it; what is no directory by itself. Nothing there is no error. */
static int
remove_folder(int state, const char *name)
{
    if (unlinkat(state, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }
    int fd = open_folder(state, name);
    int error = fd < 0 ? fd : empty_folder(fd);

    if (error == 0 && unlinkat(state, name, AT_REMOVEDIR) < 0) {
        error = -errno;
    }
    return error;
}

static int
write_key(int fd, const struct wire_key *psk)
{
    ssize_t n = write(fd, psk->bytes, sizeof(psk->bytes));

    if (n < 0) {
        return -errno;
    }
    if (n != (ssize_t)sizeof(psk->bytes)) {
        return -ENOSPC;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int
fill_folder(int folder, const struct wire_key *psk)
{
    int fd = openat(folder, PSK_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = fd < 0 ? -errno : write_key(fd, psk);

    if (fd >= 0) {
        close(fd);
    }
    if (error == 0 && fsync(folder) < 0) {
        error = -errno;
    }
    return error;
}

static int
make_folder(int state, const struct wire_key *psk)
{
    int error = remove_folder(state, NEXT);

    if (error == 0 && mkdirat(state, NEXT, 0700) < 0) {
        error = -errno;
    }
    int folder = error == 0 ? open_folder(state, NEXT) : error;
    if (folder < 0) {
        return folder;
    }
    error = fill_folder(folder, psk);
    close(folder);
    return error;
}

/* A courier that still runs on the old directory can write nothing more that counts. */
static int
change_folders(int state)
{
    if (renameat(state, PSK_FOLDER, state, LAST) < 0 && errno != ENOENT) {
        return -errno;
    }
    if (renameat(state, NEXT, state, PSK_FOLDER) < 0 || fsync(state) < 0) {
        return -errno;
    }
    return remove_folder(state, LAST);
}

int
psk_create(const struct conf *conf, const struct wire_key *psk)
{
    int state = open(conf->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (state < 0) {
        return -errno;
    }
    int error = make_folder(state, psk);
    if (error == 0) {
        error = remove_folder(state, LAST);
    }
    if (error == 0) {
        error = change_folders(state);
    }
    if (error != 0) {
        (void)remove_folder(state, NEXT);
    }
    close(state);
    return error;
}
