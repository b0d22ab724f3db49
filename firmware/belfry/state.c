#include "belfry/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
state_path(const struct conf *conf, const char *name, char out[STATE_PATH])
{
    (void)snprintf(out, STATE_PATH, "%s/%s", conf->state_dir, name);
    return out;
}

static int
make_dir(const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return -errno;
    }
    if (stat(path, &st) != 0) {
        return -errno;
    }
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int
state_make(const struct conf *conf)
{
    return make_dir(conf->state_dir);
}

int
state_lines(const struct conf *conf, bool make)
{
    char path[STATE_PATH];
    int fd;

    (void)state_path(conf, "lines", path);
    if (make) {
        int error = make_dir(path);

        if (error != 0) {
            return error;
        }
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int
state_lock(const struct conf *conf)
{
    char path[STATE_PATH];
    int fd = open(state_path(conf, "lock", path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* Of this process: children that outlive it for a moment must not keep its successor out, as flock(2)
     * would. */
    const struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fd < 0) {
        return -errno;
    }
    if (fcntl(fd, F_SETLK, &whole) != 0) {
        int error = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;

        (void)close(fd);
        return error;
    }
    return fd;
}
