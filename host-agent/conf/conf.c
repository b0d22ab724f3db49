#include "conf/conf.h"
#include "conf/name.h"
#include "conf/protect.h"
#include "conf/sealed.h"
#include "wire/escape.h"
#include "wire/hash.h"
#include "wire/keys.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN 240

bool
conf_path_valid(const char *path, size_t len)
{
    if (len == 0 || len >= CONF_PATH || path[0] != '/' || memchr(path, '\0', len) != NULL) {
        return false;
    }
    for (size_t at = 1; len > 1 && at <= len;) {
        const char *slash = memchr(path + at, '/', len - at);
        size_t part = slash != NULL ? (size_t)(slash - path) - at : len - at;

        if (part == 0 || (part == 1 && path[at] == '.') || (part == 2 && memcmp(path + at, "..", 2) == 0)) {
            return false;
        }
        at += part + 1;
    }
    return true;
}

static bool
path_set(char out[CONF_PATH], const char *path)
{
    size_t len = strnlen(path, CONF_PATH);

    if (!conf_path_valid(path, len)) {
        return false;
    }
    memcpy(out, path, len + 1);
    return true;
}

const char *
conf_protect_name(enum conf_protect which)
{
    return protect_table[which].name;
}

static const struct {
    const char *name;
    uint32_t every_s;
    bool off; /* unless it is asked for */
} views[CONF_VIEWS] = {
    [CONF_VIEW_HIDDEN_PROCESSES] = { "hidden-processes", 300, false },
    [CONF_VIEW_DISGUISED_PROCESSES] = { "disguised-processes", 60, false },
    [CONF_VIEW_PROC_MOUNTS] = { "proc-mounts", 60, false },
    [CONF_VIEW_HIDDEN_PORTS] = { "hidden-ports", 60, true },
    [CONF_VIEW_PROMISCUOUS] = { "promiscuous", 60, false },
    [CONF_VIEW_FIREWALL] = { "firewall", 60, false },
    [CONF_VIEW_KERNEL_TAINT] = { "kernel-taint", 2, false },
    [CONF_VIEW_MODULES] = { "modules", 5, false },
    [CONF_VIEW_ACCOUNTS] = { "accounts", 5, false },
    [CONF_VIEW_PRELOAD] = { "preload", 5, false },
    [CONF_VIEW_CHANNEL_OPENERS] = { "channel-openers", 5, false },
    [CONF_VIEW_OWN_PROCESSES] = { "own-processes", 1, false },
    [CONF_VIEW_FULL_DISKS] = { "full-disks", 2, false },
    [CONF_VIEW_LOAD] = { "load", 2, false },
};

const char *
conf_view_name(enum conf_view view)
{
    return views[view].name;
}

uint32_t
conf_view_every_s(enum conf_view view)
{
    return views[view].every_s;
}

bool
conf_allows(const struct conf *conf, enum conf_view view, const void *what, size_t len)
{
    for (unsigned i = 0; i < conf->allows; i++) {
        const char *allowed = conf->allow[i].what;
        size_t head = strlen(allowed);
        bool open_end = allowed[head - 1] == '*';

        head -= open_end;
        if (conf->allow[i].view == view && (open_end ? len >= head : len == head) &&
                memcmp(allowed, what, head) == 0) {
            return true;
        }
    }
    return false;
}

bool
conf_init(struct conf *conf, const char *config_path, const char *state_dir)
{
    memset(conf, 0, sizeof(*conf));
    conf->beat_s = 10;
    conf->sweep_s = 60;
    conf->full_sweep_s = 3600;
    conf->sweep_share = 5;
    conf->port_sweep_ms = 1000;
    conf->check_in_s = 1;
    for (unsigned i = 0; i < CONF_VIEWS; i++) {
        conf->view_s[i] = views[i].off ? 0 : views[i].every_s;
    }
    conf->state_fixed = state_dir != NULL || name_disguised();
    return path_set(conf->config_path, config_path != NULL ? config_path : name_config()) &&
           path_set(conf->state_dir, state_dir != NULL ? state_dir : name_state());
}

bool
conf_mount_is_disk(const struct conf_mount *mount)
{
    static const char folder[] = "/dev/disk/";

    return mount->path[0] != '/' || strncmp(mount->path, folder, sizeof(folder) - 1) == 0;
}

const char *
conf_daemon_subject(const struct conf_daemon *daemon, char out[CONF_DAEMON_SUBJECT])
{
    const char *path = daemon->unit[0] != '\0' ? daemon->unit : daemon->pidfile;

    if (path[0] != '\0') {
        snprintf(out, CONF_DAEMON_SUBJECT, "%s", path);
        return path == daemon->unit ? "unit" : "pidfile";
    }
    snprintf(out, CONF_DAEMON_SUBJECT, "%s%s%s", daemon->exe, daemon->args[0] != '\0' ? " " : "",
            daemon->args);
    return daemon->args[0] != '\0' ? "cmd" : "exe";
}

bool
conf_state_path(const struct conf *conf, const char *name, char *out, size_t size)
{
    const char *slash = strcmp(conf->state_dir, "/") == 0 ? "" : "/";
    int n = snprintf(out, size, "%s%s%s", conf->state_dir, slash, name);

    return n > 0 && (size_t)n < size;
}

static unsigned
load_error(const struct conf *conf, const char *found, const char *expected, conf_error_fn *error, void *to)
{
    char path[SHOWN];
    char message[2 * SHOWN];

    wire_escape(path, sizeof(path), conf->config_path, strlen(conf->config_path), WIRE_ESCAPE_TEXT);
    snprintf(message, sizeof(message), "%s: %s; expected %s", path, found, expected);
    error(to, message);
    return 1;
}

/* A negative length is -errno. */
static ssize_t
read_all(int fd, char *out, size_t size)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = read(fd, out + got, size - got);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* The text of what was read, in its place; its length or -errno. */
static ssize_t
unseal(struct conf *conf, char *text, size_t len)
{
    uint8_t key[SEALED_KEY];

    conf->sealed = sealed_is((const uint8_t *)text, len);
    if (!conf->sealed) {
        return (ssize_t)len;
    }
    ssize_t n = sealed_key_read(conf->state_dir, key);
    if (n == 0) {
        n = sealed_open(key, (uint8_t *)text, len);
        wire_wipe(key, sizeof(key));
    }
    return n;
}

static unsigned
sealed_error(const struct conf *conf, int why, conf_error_fn *error, void *to)
{
    char found[2 * SHOWN];
    char state[SHOWN];

    if (why == -EBADMSG) {
        return load_error(conf, "found a sealed file that this state directory's key does not open",
                "one that nobody changed", error, to);
    }
    wire_escape(state, sizeof(state), conf->state_dir, strlen(conf->state_dir), WIRE_ESCAPE_TEXT);
    snprintf(found, sizeof(found), "is sealed, and %s/" SEALED_KEY_FILE " cannot be read (%s)", state,
            strerror(-why));
    return load_error(conf, found, "its key there (--state DIR names another directory)", error, to);
}

static unsigned
load_open(struct conf *conf, int fd, char *text, conf_error_fn *error, void *to)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return load_error(conf, "found something else", "a regular file", error, to);
    }
    if ((st.st_mode & S_IWOTH) != 0) {
        return load_error(conf, "found a file that everybody may write",
                "one that only its owner may write (chmod o-w)", error, to);
    }
    ssize_t len = read_all(fd, text, CONF_FILE_MAX + 1);
    if (len < 0) {
        return load_error(conf, strerror((int)-len), "a file that can be read", error, to);
    }
    if (len > (ssize_t)CONF_FILE_MAX) {
        return load_error(conf, "found more than 1 MiB", "a configuration", error, to);
    }
    len = unseal(conf, text, (size_t)len);
    if (len < 0) {
        return sealed_error(conf, (int)len, error, to);
    }
    wire_hash(text, (size_t)len, conf->digest);
    return conf_parse(conf, conf->config_path, text, (size_t)len, error, to);
}

unsigned
conf_load(struct conf *conf, conf_error_fn *error, void *to)
{
    /* O_NONBLOCK: a FIFO in the file's place must not hold us up. */
    int fd = open(conf->config_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return load_error(conf, strerror(errno), "a configuration (tocsin init writes one)", error, to);
    }
    char *text = mmap(NULL, CONF_FILE_MAX + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED) {
        close(fd);
        return load_error(conf, strerror(ENOMEM), "1 MiB of memory", error, to);
    }
    unsigned errors = load_open(conf, fd, text, error, to);

    munmap(text, CONF_FILE_MAX + 1);
    close(fd);
    return errors;
}

ssize_t
conf_text(struct conf *conf, char *out)
{
    int fd = open(conf->config_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return -errno;
    }
    ssize_t len = read_all(fd, out, CONF_FILE_MAX + 1);
    close(fd);
    if (len > (ssize_t)CONF_FILE_MAX) {
        return -EFBIG;
    }
    return len < 0 ? len : unseal(conf, out, (size_t)len);
}
