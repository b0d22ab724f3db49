#include "conf/conf.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY 4096

/* The old file's text, with a newline at its end. 0 or -errno. */
static int
copy_text(int from, FILE *out)
{
    char text[COPY];
    char last = '\n';
    ssize_t n;

    while ((n = read(from, text, sizeof(text))) > 0) {
        if (fwrite(text, 1, (size_t)n, out) != (size_t)n) {
            return -EIO;
        }
        last = text[n - 1];
    }
    if (n == 0 && last != '\n' && fputc('\n', out) == EOF) {
        return -EIO;
    }
    return n < 0 ? -errno : 0;
}

static int
write_copy(const struct conf *conf, unsigned first, int from, FILE *out)
{
    int error = copy_text(from, out);

    for (unsigned i = first; i < conf->ports && error == 0; i++) {
        error = conf_write_port(&conf->port[i], out);
    }
    if (error == 0 && (fflush(out) != 0 || fsync(fileno(out)) != 0)) {
        error = -errno;
    }
    return error;
}

static void
ignore_error(void *to, const char *message)
{
    (void)to;
    (void)message;
}

/* What would be read from it must be what is to be written. */
static int
check_copy(const struct conf *conf, const char *path)
{
    static struct conf read_back;

    if (!conf_init(&read_back, path, NULL)) {
        return -ENAMETOOLONG;
    }
    unsigned errors = conf_load(&read_back, ignore_error, NULL);
    bool same = errors == 0 && read_back.ports == conf->ports &&
                memcmp(read_back.port, conf->port, conf->ports * sizeof(conf->port[0])) == 0;

    return same ? 0 : -EINVAL;
}

static bool
unchanged(const char *path, const struct stat *then)
{
    struct stat now;

    return stat(path, &now) == 0 && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

static int
sync_folder(const char *path)
{
    char folder[PATH_MAX];
    size_t len = (size_t)(strrchr(path, '/') - path);

    memcpy(folder, path, len);
    folder[len] = '\0';
    int fd = open(len > 0 ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? -errno : 0;

    if (fd >= 0) {
        close(fd);
    }
    return error;
}

/* Fills the new file, which nobody but its owner can open before it has the old one's owner and mode. */
static int
fill(const struct conf *conf, unsigned first, int from, const struct stat *st, const char *temporary)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    int error = out == NULL ? -errno : 0;

    if (error == 0 && (fchown(fd, st->st_uid, st->st_gid) != 0 || fchmod(fd, st->st_mode & 07777) != 0)) {
        error = -errno;
    }
    if (error == 0) {
        error = write_copy(conf, first, from, out);
    }
    if (out != NULL && fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    if (out == NULL && fd >= 0) {
        close(fd);
    }
    return error != 0 ? error : check_copy(conf, temporary);
}

int
conf_append_ports(const struct conf *conf, unsigned first)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX + 16];
    struct stat st;

    if (conf->sealed) {
        return -ENOTSUP;
    }
    if (realpath(conf->config_path, path) == NULL) {
        return -errno;
    }
    snprintf(temporary, sizeof(temporary), "%s.new.%d", path, (int)getpid());
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (from < 0 || fstat(from, &st) != 0 || !S_ISREG(st.st_mode)) {
        int error = from < 0 ? -errno : -EINVAL;

        if (from >= 0) {
            close(from);
        }
        return error;
    }
    int error = fill(conf, first, from, &st, temporary);

    close(from);
    if (error == 0 && !unchanged(path, &st)) {
        error = -EAGAIN;
    }
    if (error == 0 && rename(temporary, path) != 0) {
        error = -errno;
    }
    if (error != 0 && error != -EEXIST) {
        (void)unlink(temporary);
    }
    return error != 0 ? error : sync_folder(path);
}
