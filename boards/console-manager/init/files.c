#include "init/files.h"

#include "init/say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1U << 20)

static unsigned owner;

bool
files_folder(const char *path, unsigned user)
{
    return (mkdir(path, 0700) == 0 || errno == EEXIST) && chown(path, user, user) == 0;
}

/* Bytes, or -1. */
static int64_t
copy(int from, int to, const char *name, unsigned user, uint64_t most)
{
    int in = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = -1;
    struct stat st;
    uint64_t done = 0;
    ssize_t n = -1;

    if (in >= 0 && fstat(in, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= most) {
        (void)unlinkat(to, name, 0);
        out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    while (out >= 0 && (n = sendfile(out, in, NULL, CHUNK)) > 0) {
        done += (uint64_t)n;
    }
    if (out >= 0 && fchown(out, user, user) != 0) {
        n = -1;
    }
    (void)(in >= 0 && close(in));
    (void)(out >= 0 && close(out));
    return n < 0 ? -1 : (int64_t)done;
}

static bool
is_regular(int folder, const char *name)
{
    struct stat st;

    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

bool
files_copy(const char *from, const char *to, const char *prefix, unsigned user, uint64_t most)
{
    DIR *folder = opendir(from);
    int target = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *e;
    bool all = folder != NULL && target >= 0;

    while (all && (e = readdir(folder)) != NULL) {
        int64_t n;

        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || !is_regular(dirfd(folder), e->d_name)) {
            continue;
        }
        n = copy(dirfd(folder), target, e->d_name, user, most);
        if (n < 0) {
            say_fault("%s/%s cannot be copied to %s", from, e->d_name, to);
            all = false;
        } else {
            most -= (uint64_t)n;
        }
    }
    (void)(folder != NULL && closedir(folder));
    (void)(target >= 0 && close(target));
    return all;
}

static int
own(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)type;
    (void)at;
    if (st->st_uid != owner || st->st_gid != owner) {
        (void)!lchown(path, owner, owner);
    }
    return 0;
}

void
files_own(const char *path, unsigned user)
{
    owner = user;
    (void)nftw(path, own, 8, FTW_PHYS | FTW_MOUNT);
}
