#include "cmd/cmd.h"
#include "cmd/unit.h"
#include "conf/name.h"
#include "conf/sealed.h"
#include "proc/warden.h"
#include "wire/keys.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * disguise: program, courier, configuration, state and unit under names that say nothing. The state is moved,
 * not copied: two agents with one session would use the same keys. All else is copied first, and taken away
 * again when something fails, so that in the end either all is there or all is as it was.
 */

#define COPY_AT_ONCE (1u << 30)
#define UNITS "/etc/systemd/system"

enum part { PART_FOLDER, PART_PROGRAM, PART_COURIER, PART_CONFIG, PART_UNIT, PART_STATE, PARTS };

static struct conf conf;

struct plan {
    const char *name;
    char folder[CONF_PATH];
    char units[CONF_PATH];
    bool seal;
    char courier_from[CONF_PATH]; /* "" when there is none */
    char path[PARTS][CONF_PATH];
    bool made[PARTS];
    bool made_key; /* of a sealed configuration, in the old state directory */
};

static bool
fits(int n)
{
    return n > 0 && n < CONF_PATH;
}

static int
usage(void)
{
    return cmd_error(
            "disguise takes --as NAME --dir DIR [--units DIR] [--seal]; NAME has at most %d letters, digits, "
            "'-', '_' and '.', DIR is an absolute path",
            NAME_MAX_LEN);
}

static bool
take_options(const struct cmd *cmd, struct plan *plan)
{
    snprintf(plan->units, sizeof(plan->units), UNITS);
    for (int i = 0; i < cmd->argc; i++) {
        const char *option = cmd->argv[i];
        const char *value = i + 1 < cmd->argc ? cmd->argv[i + 1] : "";
        char *folder = strcmp(option, "--dir") == 0 ? plan->folder : plan->units;

        if (strcmp(option, "--seal") == 0) {
            plan->seal = true;
            continue;
        }
        i++;
        if (strcmp(option, "--as") == 0 && name_valid(value)) {
            plan->name = value;
        } else if ((strcmp(option, "--dir") == 0 || strcmp(option, "--units") == 0) &&
                   conf_path_valid(value, strlen(value))) {
            snprintf(folder, CONF_PATH, "%s", value);
        } else {
            return false;
        }
    }
    return plan->name != NULL && plan->folder[0] != '\0' && strcmp(plan->name, "tocsin") != 0;
}

static bool
make_names(struct plan *plan)
{
    char courier[NAME_MAX_LEN + 8];
    char self[CONF_PATH];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;

    if (slash == NULL || !name_courier_of(plan->name, courier, sizeof(courier))) {
        return false;
    }
    *slash = '\0';
    snprintf(plan->path[PART_FOLDER], CONF_PATH, "%s", plan->folder);
    return fits(snprintf(plan->courier_from, CONF_PATH, "%s/%s", self, name_courier())) &&
           fits(snprintf(plan->path[PART_PROGRAM], CONF_PATH, "%s/%s", plan->folder, plan->name)) &&
           fits(snprintf(plan->path[PART_COURIER], CONF_PATH, "%s/%s", plan->folder, courier)) &&
           fits(snprintf(plan->path[PART_UNIT], CONF_PATH, "%s/%s.service", plan->units, plan->name)) &&
           name_config_of(plan->folder, plan->name, plan->path[PART_CONFIG], CONF_PATH) &&
           name_state_of(plan->folder, plan->name, plan->path[PART_STATE], CONF_PATH);
}

static bool
nothing_there(const struct plan *plan)
{
    struct stat st;

    for (unsigned i = PART_PROGRAM; i < PARTS; i++) {
        if (lstat(plan->path[i], &st) == 0 || errno != ENOENT) {
            cmd_error("%s: %s; nothing was changed", cmd_text(plan->path[i]),
                    errno == ENOENT || errno == 0 ? "exists" : "exists, or cannot be looked at");
            return false;
        }
    }
    return true;
}

/* The session's lock, which a running agent holds. Kept until we end. */
static bool
lock_state(void)
{
    char path[CONF_PATH + 16];
    int fd = conf_state_path(&conf, WARDEN_SESSION, path, sizeof(path))
                     ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
                     : -1;

    if (fd < 0) {
        cmd_error(
                "%s/" WARDEN_SESSION ": %s; pair this host first", cmd_text(conf.state_dir), strerror(errno));
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        cmd_error("%s: %s", cmd_text(conf.state_dir),
                errno == EWOULDBLOCK ? "an agent runs with it: stop it first" : strerror(errno));
        return false;
    }
    return true;
}

/* A file that is not whole is taken away again: it would be in the way of the next try. */
static int
end_file(const char *path, int fd, int error)
{
    if (error == 0 && fsync(fd) != 0) {
        error = -errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = -errno;
    }
    if (error != 0) {
        (void)unlink(path);
    }
    return error;
}

static int
begin_file(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd >= 0 && fchmod(fd, mode) != 0) {
        return end_file(path, fd, -errno);
    }
    return fd < 0 ? -errno : fd;
}

static int
copy_program(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -errno : begin_file(to, 0755);
    int error = out < 0 ? out : 0;
    ssize_t n;

    while (error == 0 && (n = sendfile(out, in, NULL, COPY_AT_ONCE)) != 0) {
        error = n < 0 ? -errno : 0;
    }
    if (in >= 0) {
        close(in);
    }
    return out < 0 ? error : end_file(to, out, error);
}

static int
write_config(struct plan *plan)
{
    static uint8_t text[CONF_FILE_MAX + 1];
    static uint8_t file[sizeof(text) + SEALED_MORE];
    uint8_t key[SEALED_KEY];
    ssize_t len = conf_text(&conf, (char *)text);
    int error = len < 0 ? (int)len : 0;
    const uint8_t *src = text;

    if (error == 0 && plan->seal) {
        plan->made_key = sealed_key_read(conf.state_dir, key) == -ENOENT;
        error = sealed_key_make(conf.state_dir, key);
        error = error == 0 ? sealed_make(key, text, (size_t)len, file) : error;
        wire_wipe(key, sizeof(key));
        src = file;
        len += SEALED_MORE;
    }
    int fd = error == 0 ? begin_file(plan->path[PART_CONFIG], 0600) : error;
    if (fd < 0) {
        return fd;
    }
    ssize_t written = write(fd, src, (size_t)len);
    error = written < 0 ? -errno : written < len ? -ENOSPC : 0;
    return end_file(plan->path[PART_CONFIG], fd, error);
}

static int
write_unit(const struct plan *plan)
{
    const char *path = plan->path[PART_UNIT];
    int fd = begin_file(path, 0644);

    if (fd < 0) {
        return fd;
    }
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        return end_file(path, fd, -ENOMEM);
    }
    int error = unit_write(out, plan->folder, plan->name, plan->path[PART_STATE]);
    if (fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    if (error != 0) {
        (void)unlink(path);
    }
    return error;
}

static int
make_folder(const char *path)
{
    return mkdir(path, 0755) == 0 ? 0 : -errno;
}

static int
make_part(struct plan *plan, enum part part)
{
    const char *to = plan->path[part];

    switch (part) {
    case PART_FOLDER:
        return make_folder(to);
    case PART_PROGRAM:
        return copy_program("/proc/self/exe", to);
    case PART_COURIER:
        return copy_program(plan->courier_from, to);
    case PART_CONFIG:
        return write_config(plan);
    case PART_UNIT:
        return write_unit(plan);
    default:
        return rename(conf.state_dir, to) == 0 ? 0 : -errno;
    }
}

static void
take_back(const struct plan *plan)
{
    char key[CONF_PATH + 16];

    if (plan->made_key && conf_state_path(&conf, SEALED_KEY_FILE, key, sizeof(key))) {
        (void)unlink(key);
    }
    for (unsigned i = PARTS; i-- > 0;) {
        if (plan->made[i]) {
            (void)(i == PART_FOLDER ? rmdir(plan->path[i]) : unlink(plan->path[i]));
        }
    }
}

static bool
may_lack(const struct plan *plan, enum part part, int error)
{
    struct stat st;

    if (part == PART_FOLDER) {
        /* Whoever may write in it can put another program there. */
        return error == -EEXIST && stat(plan->folder, &st) == 0 && S_ISDIR(st.st_mode) &&
               (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & 022) == 0;
    }
    return part == PART_COURIER && error == -ENOENT;
}

static const char *
why(enum part part, int error)
{
    if (error == -EXDEV) {
        return "the state directory is on another file system: move it to one place with DIR first";
    }
    return part == PART_FOLDER && error == -EEXIST ? "expected a directory that only its owner may write in"
                                                   : strerror(-error);
}

static bool
make_all(struct plan *plan)
{
    for (unsigned i = 0; i < PARTS; i++) {
        enum part part = (enum part)i;
        int error = make_part(plan, part);

        plan->made[part] = error == 0;
        if (error != 0 && !may_lack(plan, part, error)) {
            take_back(plan);
            cmd_error("%s: %s; nothing was changed", cmd_text(plan->path[part]), why(part, error));
            return false;
        }
    }
    return true;
}

static void
print_done(const struct plan *plan)
{
    printf("Installed in %s: %s", cmd_text(plan->folder), plan->name);
    printf("%s, %s.conf%s, %s.d.\n",
            plan->made[PART_COURIER] ? ", its helper" : " (no courier: none lay beside this)", plan->name,
            plan->seal ? " (sealed)" : "", plan->name);
    printf("Unit: %s\n\nNext:\n", cmd_text(plan->path[PART_UNIT]));
    printf("  belfry expect %s 20m, then belfry accept %s    at the receiver: program and paths are others\n",
            conf.host, conf.host);
    printf("  systemctl daemon-reload, disable the old unit, enable %s\n", plan->name);
    printf("  %s baseline build --force\n", cmd_text(plan->path[PART_PROGRAM]));
    printf("  systemctl start %s\n", plan->name);
    printf("  remove what is left of the old place: %s, the program, its courier and its unit\n",
            cmd_text(conf.config_path));
    printf("\nTo undo it: stop it, mv %s %s, and remove the rest.\n", cmd_text(plan->path[PART_STATE]),
            cmd_text(conf.state_dir));
}

int
cmd_disguise(const struct cmd *cmd)
{
    static struct plan plan;

    if (!take_options(cmd, &plan)) {
        return usage();
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    plan.seal = plan.seal || conf.sealed;
    if (!make_names(&plan)) {
        return cmd_error("the paths are longer than %d bytes", CONF_PATH - 1);
    }
    if (!nothing_there(&plan) || !lock_state() || !make_all(&plan)) {
        return CMD_ERROR;
    }
    print_done(&plan);
    return CMD_CLEAN;
}
