#include "cmd/cmd.h"
#include "conf/sealed.h"
#include "wire/keys.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * seal-config: the configuration file is replaced by what reads as noise, or by its text again.
 */

static struct conf conf;

static int
write_file(int fd, const void *src, size_t len, const struct stat *like)
{
    const uint8_t *at = src;

    if (fchown(fd, like->st_uid, like->st_gid) != 0 || fchmod(fd, like->st_mode & 07777) != 0) {
        return -errno;
    }
    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0) {
            return -errno;
        }
        at += n;
        len -= (size_t)n;
    }
    return fsync(fd) != 0 ? -errno : 0;
}

/* Whole or not at all; where a link leads, so that no text stays behind it. */
static int
replace(const void *src, size_t len)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX + 16];
    struct stat st;

    if (realpath(conf.config_path, path) == NULL || stat(path, &st) != 0) {
        return -errno;
    }
    snprintf(temporary, sizeof(temporary), "%s.new.%d", path, (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    int error = write_file(fd, src, len, &st);
    close(fd);
    if (error == 0 && rename(temporary, path) != 0) {
        error = -errno;
    }
    if (error != 0) {
        (void)unlink(temporary);
    }
    return error;
}

static int
tell(int error)
{
    return error == 0 ? CMD_CLEAN : cmd_error("%s: %s", cmd_text(conf.config_path), strerror(-error));
}

static int
seal(const char *text, size_t len)
{
    static uint8_t file[CONF_FILE_MAX + SEALED_MORE];
    uint8_t key[SEALED_KEY];

    if (conf.sealed) {
        return cmd_error("%s is sealed already", cmd_text(conf.config_path));
    }
    int error = len > CONF_FILE_MAX - SEALED_MORE ? -EFBIG : sealed_key_make(conf.state_dir, key);
    if (error == 0) {
        error = sealed_make(key, text, len, file);
    }
    wire_wipe(key, sizeof(key));
    return tell(error == 0 ? replace(file, len + SEALED_MORE) : error);
}

static int
unseal(const char *text, size_t len)
{
    return conf.sealed ? tell(replace(text, len)) : cmd_error("%s is not sealed", cmd_text(conf.config_path));
}

static int
print(const char *text, size_t len)
{
    return fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0 ? CMD_CLEAN : tell(-EIO);
}

int
cmd_seal(const struct cmd *cmd)
{
    static char text[CONF_FILE_MAX + 1];
    static struct conf before;
    const char *option = cmd->argc > 0 ? cmd->argv[0] : "";

    if (cmd->argc > 1 ||
            (option[0] != '\0' && strcmp(option, "--open") != 0 && strcmp(option, "--print") != 0)) {
        return cmd_error("seal-config takes --open or --print, or nothing");
    }
    if (!cmd_paths(cmd, &before) || !cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (strcmp(before.state_dir, conf.state_dir) != 0) {
        return cmd_error(
                "StateDir stands in the file itself, and the key to it would lie there: take the line "
                "out and give --state %s",
                cmd_text(conf.state_dir));
    }
    ssize_t len = conf_text(&conf, text);
    if (len < 0) {
        return tell((int)len);
    }
    if (option[0] == '\0') {
        return seal(text, (size_t)len);
    }
    return strcmp(option, "--open") == 0 ? unseal(text, (size_t)len) : print(text, (size_t)len);
}
