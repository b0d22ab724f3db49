#include "watch/procimage.h"
#include <string.h>
#include <sys/stat.h>

const char *
procimage_name(enum image image)
{
    static const char *const names[IMAGES] = { NULL, "replaced", "deleted", "scratch", "memfd" };

    return names[image];
}

static bool
begins(const char *path, const char *with)
{
    return strncmp(path, with, strlen(with)) == 0;
}

static bool
in_scratch(const char *path)
{
    return begins(path, "/tmp/") || begins(path, "/var/tmp/") || begins(path, "/dev/shm/");
}

enum image
procimage_of(const struct procfs_exe *exe, bool anywhere)
{
    struct stat st;

    if (exe->file.deleted && begins(exe->path, "/memfd:")) {
        return IMAGE_MEMORY;
    }
    if (!anywhere && in_scratch(exe->path)) {
        return IMAGE_SCRATCH;
    }
    if (!exe->file.deleted) {
        return IMAGE_SAME;
    }
    return stat(exe->path, &st) == 0 ? IMAGE_REPLACED : IMAGE_DELETED;
}
