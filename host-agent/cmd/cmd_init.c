#include "cmd/cmd.h"
#include "conf/attrs.h"
#include "conf/name.h"
#include "conf/plural.h"
#include "conf/protect.h"
#include "watch/detector.h"
#include "watch/mounts_device.h"
#include "watch/mounts_info.h"
#include "watch/portlearn.h"
#include "wire/escape.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Writes a configuration that finds nothing wrong with this machine as it runs now. Whoever runs it decides
 * whether that is right; the file says what each part means.
 */
#define PIDS 131072

/* The usual daemons whose death matters, by the name of their executable. */
static const char *const usual_daemons[] = { "anacron", "apache2", "atd", "auditd", "chronyd", "clamd",
    "containerd", "cron", "crond", "cupsd", "dbus-broker", "dbus-daemon", "dnsmasq", "dockerd", "dovecot",
    "exim4", "haproxy", "httpd", "kubelet", "lighttpd", "mariadbd", "master", "memcached", "mongod", "monit",
    "mysqld", "named", "NetworkManager", "nginx", "nmbd", "nslcd", "ntpd", "openvpn", "polkitd", "postgres",
    "redis-server", "rpcbind", "rsyslogd", "samba", "sendmail", "slapd", "smartd", "smbd", "snmpd", "squid",
    "sshd", "sssd", "syslog-ng", "systemd-journald", "systemd-logind", "systemd-networkd", "systemd-resolved",
    "systemd-timesyncd", "systemd-udevd", "udevd", "unbound", "vsftpd", "xinetd", "zabbix_agentd" };

/* Thousands of files that are read by all programs: what their metadata tells costs a fraction of reading
 * them. */
#define LIBRARIES "libraries"
#define LIBRARIES_ATTRS (CONF_ATTRS_ALL & ~(CONF_ATTR_CONTENT | CONF_ATTR_GROW | CONF_ATTR_LINKS))

/* What a machine rarely changes by itself. Of a user's .ssh only what lets somebody in or runs: the rest is
 * state. */
static const struct {
    const char *path;
    const char *set;
    const char *where; /* is there; NULL: the path itself */
} usual_watches[] = {
    { "/bin", NULL, NULL },
    { "/sbin", NULL, NULL },
    { "/usr/bin", NULL, NULL },
    { "/usr/sbin", NULL, NULL },
    { "/usr/local/bin", NULL, NULL },
    { "/usr/local/sbin", NULL, NULL },
    { "/lib", LIBRARIES, NULL },
    { "/lib64", LIBRARIES, NULL },
    { "/usr/lib", LIBRARIES, NULL },
    { "/usr/libexec", LIBRARIES, NULL },
    { "/usr/local/lib", LIBRARIES, NULL },
    { "/usr/lib/systemd", NULL, NULL },
    { "/etc", NULL, NULL },
    { "/boot", NULL, NULL },
    { "/root/.ssh/authorized_keys*", NULL, "/root" },
    { "/root/.ssh/rc", NULL, "/root" },
    { "/home/*/.ssh/authorized_keys*", NULL, "/home" },
    { "/home/*/.ssh/rc", NULL, "/home" },
    { "/var/spool/cron/crontabs", NULL, NULL },
};

/* Compiled by whoever runs a program first. */
static const char *const usual_ignores[] = { "/usr/**/__pycache__" };

static struct conf conf;
static unsigned left_out;
static bool guards[CONF_PROTECTS]; /* a daemon of theirs runs */

struct options {
    const char *host;
    bool force;
};

static int
take_options(const struct cmd *cmd, struct options *out)
{
    *out = (struct options){ .force = false };
    for (int i = 0; i < cmd->argc; i++) {
        if (strcmp(cmd->argv[i], "--force") == 0) {
            out->force = true;
        } else if (strcmp(cmd->argv[i], "--host") == 0 && i + 1 < cmd->argc) {
            out->host = cmd->argv[++i];
        } else {
            return cmd_error("init: unknown argument \"%s\" (init takes --host NAME and --force)",
                    cmd_text(cmd->argv[i]));
        }
    }
    if (out->host != NULL && !wire_host_valid(out->host, strlen(out->host))) {
        return cmd_error(
                "init: found host name \"%s\"; expected 1 to 15 of a-z, 0-9 and -", cmd_text(out->host));
    }
    return CMD_CLEAN;
}

/* Into one of the configuration's places; what is copied was checked to fit. */
static void
copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

/* The machine's name up to the first dot, with what may not stand in a line made a dash. */
static void
host_from_machine(char out[WIRE_HOST_MAX + 1])
{
    char name[256] = "";
    size_t len = 0;

    (void)gethostname(name, sizeof(name) - 1);
    for (const char *c = name; *c != '\0' && *c != '.' && len < WIRE_HOST_MAX; c++) {
        char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        bool fine = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');

        if (fine || len > 0) {
            out[len++] = fine ? lower : '-';
        }
    }
    while (len > 0 && out[len - 1] == '-') {
        len--;
    }
    out[len] = '\0';
    if (len == 0) {
        copy_text(out, WIRE_HOST_MAX + 1, "host");
    }
}

static int
take_ports(uint32_t *denied)
{
    static struct portlook look;
    int error = portlook_once(&conf, &look, NULL, NULL);

    if (error != 0) {
        return cmd_error("init: cannot look at this machine's sockets: %s", strerror(-error));
    }
    left_out += portlearn_add(&look, &conf);
    *denied = look.denied;
    return CMD_CLEAN;
}

static bool
is_usual(const char *name)
{
    for (size_t i = 0; i < sizeof(usual_daemons) / sizeof(usual_daemons[0]); i++) {
        if (strcmp(usual_daemons[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* A guard that must run all the time is one here only when it does. */
static void
note_guard(const struct procfs_exe *exe)
{
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        for (unsigned k = 0; protect_table[i].daemon[k] != NULL; k++) {
            guards[i] = guards[i] || strcmp(protect_table[i].daemon[k], exe->path) == 0;
        }
    }
}

static void
take_daemon(const struct procfs_exe *exe)
{
    note_guard(exe);
    if (!is_usual(procfs_base(exe->path)) || !conf_path_valid(exe->path, exe->len) ||
            !procfs_file_at(&exe->file, exe->path)) {
        return;
    }
    for (unsigned i = 0; i < conf.daemons; i++) {
        if (strcmp(conf.daemon[i].exe, exe->path) == 0) {
            return;
        }
    }
    if (conf.daemons == CONF_DAEMONS) {
        left_out++;
        return;
    }
    copy_text(conf.daemon[conf.daemons++].exe, CONF_PATH, exe->path);
}

static int
take_daemons(void)
{
    static int32_t pids[PIDS];
    static struct procfs_exe exe;
    int proc = procfs_open();
    ssize_t count = proc < 0 ? proc : procfs_pids(proc, pids, PIDS);

    for (ssize_t i = 0; i < count; i++) {
        if (procfs_exe(proc, pids[i], &exe) == 0) {
            take_daemon(&exe);
        }
    }
    if (proc >= 0) {
        close(proc);
    }
    return count < 0 ? cmd_error("init: cannot look at this machine's processes: %s", strerror((int)-count))
                     : CMD_CLEAN;
}

static void
take_watches(void)
{
    struct stat st;

    conf.sets = 1;
    copy_text(conf.set[0].name, sizeof(conf.set[0].name), LIBRARIES);
    conf.set[0].attrs = LIBRARIES_ATTRS;
    for (size_t i = 0; i < sizeof(usual_watches) / sizeof(usual_watches[0]); i++) {
        const char *where = usual_watches[i].where;

        if (lstat(where != NULL ? where : usual_watches[i].path, &st) == 0) {
            (void)conf_add_watch(&conf, usual_watches[i].path, usual_watches[i].set);
        }
    }
    for (size_t i = 0; i < sizeof(usual_ignores) / sizeof(usual_ignores[0]); i++) {
        copy_text(conf.ignore[conf.ignores++], CONF_PATH, usual_ignores[i]);
    }
}

/* One that has not run yet is not asked when it did: a fresh installation, or one that nobody starts. */
static void
take_protects(void)
{
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        enum conf_protect which = (enum conf_protect)i;
        bool never = protect_table[i].stamp[0] != NULL && protect_last_s(which) < 0;

        if (protect_installed(which) && (protect_table[i].daemon[0] == NULL || guards[i])) {
            conf.protect[i] = (struct conf_protector){ .on = true, .given = never };
        }
    }
}

/* The directory and those above it. 0 or -errno. */
static int
make_directory(const char *path, mode_t mode)
{
    char part[CONF_PATH];
    struct stat st;

    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST) {
            return -errno;
        }
    }
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        return -errno;
    }
    return stat(path, &st) != 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int
make_parent(const char *path)
{
    char parent[CONF_PATH];
    size_t len = (size_t)(strrchr(path, '/') - path);

    if (len == 0) {
        return 0;
    }
    memcpy(parent, path, len);
    parent[len] = '\0';
    return make_directory(parent, 0755);
}

/* Mounts of the kernel's own file systems say nothing about this machine. */
static bool
is_example(const struct mount_line *m)
{
    static const char *const kernels[] = { "/proc", "/sys", "/dev", "/run" };

    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        if (mounts_path_below(m->point, kernels[i])) {
            return false;
        }
    }
    return (m->options & MOUNT_RO) != 0 && conf_path_valid(m->point, strlen(m->point));
}

static bool
device_is_read_only(const struct mount_line *m)
{
    struct mounts_device_files files = { .major = 0 };
    struct mounts_device device = mounts_device_read(&files, m->major, m->minor, false);

    mounts_device_close(&files);
    return device.state == DEVICE_RO;
}

static void
example_of(const struct mount_line *m, struct conf_mount *out)
{
    static const uint8_t bits[] = { MOUNT_NOSUID, MOUNT_NODEV, MOUNT_NOEXEC };

    memset(out, 0, sizeof(*out));
    copy_text(out->path, sizeof(out->path), m->point);
    out->read_only = true;
    for (unsigned bit = 0; bit < sizeof(bits); bit++) {
        out->options = (uint8_t)(out->options | ((m->options & bits[bit]) != 0 ? 1u << bit : 0));
    }
    if ((m->super_options & MOUNT_RO) == 0) {
        out->options |= CONF_MOUNT_BIND;
    } else if (device_is_read_only(m)) {
        out->options |= CONF_MOUNT_DEVICE;
    }
}

/* The mounts that are read-only now, as comments: whether they should be is for people to say. */
static int
write_examples(FILE *out)
{
    static char text[MOUNTS_TEXT];
    static struct mounts_table table;
    ssize_t len = procfs_read(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text));
    int error = 0;

    mounts_table_read(&table, text, len > 0 ? (size_t)len : 0);
    for (unsigned i = 0; i < table.count && error == 0; i++) {
        const struct mount_line *m = &table.row[i];
        struct conf_mount example;

        if (is_example(m) && mounts_table_at(&table, m->point) == m) {
            example_of(m, &example);
            error = fputc('#', out) != EOF ? conf_write_mount(&example, out) : -EIO;
        }
    }
    if (error == 0 && fflush(out) != 0) {
        error = -errno;
    }
    return error;
}

struct allowances {
    FILE *out;
    int error;
};

/* A finding's subject, "key=value", as what its view would allow. */
static void
write_allowance(void *to, const struct finding *f)
{
    static const struct {
        enum finding_code code;
        enum conf_view view;
    } views[] = { { FINDING_KERNEL_TAINTED, CONF_VIEW_KERNEL_TAINT },
        { FINDING_MODULE_TAINTED, CONF_VIEW_MODULES }, { FINDING_ACCOUNT_ROOT, CONF_VIEW_ACCOUNTS },
        { FINDING_ACCOUNT_OPEN, CONF_VIEW_ACCOUNTS }, { FINDING_PRELOAD_SET, CONF_VIEW_PRELOAD },
        { FINDING_LINK_PROMISCUOUS, CONF_VIEW_PROMISCUOUS } };
    struct allowances *a = to;
    const char *value = strchr(f->text, '=');

    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        struct conf_allow allow = { .view = (uint8_t)views[i].view };
        int len = -1;

        if (f->op == FINDING_OPEN && f->code == views[i].code && value != NULL) {
            len = wire_unescape(allow.what, sizeof(allow.what) - 1, value + 1, strcspn(value + 1, " "));
        }
        if (len > 0 && a->error == 0) {
            a->error = fputc('#', a->out) != EOF ? conf_write_allow(&allow, a->out) : -EIO;
        }
    }
}

static void
nothing(void *to)
{
    (void)to;
}

/* What the views would tell now, as comments: whether it is normal here is for people to say. */
static int
write_allowances(FILE *out)
{
    struct allowances a = { .out = out };
    const struct detector_env env = {
        .conf = &conf, .report = write_allowance, .report_to = &a, .alive = nothing
    };

    fputs("\n# What the views would tell now; without the # it is taken for normal:\n", out);
    (void)detector_system_ops.check(&env);
    return a.error != 0 ? a.error : fflush(out) != 0 ? -errno : 0;
}

static int
fill_file(int fd)
{
    FILE *out = fdopen(fd, "w");
    int error = out != NULL ? conf_write(&conf, out) : -errno;

    if (error == 0) {
        error = write_examples(out);
    }
    if (error == 0) {
        error = write_allowances(out);
    }
    if (error == 0 && fsync(fd) != 0) {
        error = -errno;
    }
    if (out == NULL) {
        close(fd);
    } else if (fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    return error;
}

/* Whole or not at all: under another name first. Without `force` nothing that is there is replaced. */
static int
write_file(bool force)
{
    char temporary[CONF_PATH + 16];

    snprintf(temporary, sizeof(temporary), "%s.new.%d", conf.config_path, (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return -errno;
    }
    int error = fill_file(fd);

    if (error == 0 && force && rename(temporary, conf.config_path) != 0) {
        error = -errno;
    }
    if (error == 0 && !force && link(temporary, conf.config_path) != 0) {
        error = -errno;
    }
    if (error != 0 || !force) {
        (void)unlink(temporary);
    }
    return error;
}

static void
print_next(void)
{
    char option[CONF_PATH + 16] = "";

    if (strcmp(conf.config_path, name_config()) != 0) {
        snprintf(option, sizeof(option), " --config %s", conf.config_path);
    }
    const char *with = cmd_text(option);

    printf("\nNext:\n");
    printf("  look through the file, and give it a Channel: where the lines go\n");
    printf("  tocsin%s pair -            (reads the code that belfry pair %s prints)\n", with, conf.host);
    printf("  tocsin%s baseline build    records the watched files as they are now\n", with);
    printf("  tocsin%s --check-config\n", with);
    printf("  tocsin%s run\n", with);
}

static void
print_done(uint32_t denied)
{
    printf("Wrote %s: host %s, %u watched path%s, %u port%s, %u daemon%s.\n", cmd_text(conf.config_path),
            conf.host, conf.watches, plural_s(conf.watches), conf.ports, plural_s(conf.ports), conf.daemons,
            plural_s(conf.daemons));
    printf("State directory: %s\n", cmd_text(conf.state_dir));
    if (left_out > 0) {
        printf("Warning: no room in the file for %u more of the ports, holders and daemons.\n", left_out);
    }
    if (denied > 0) {
        printf("Note: %u process%s could not be looked at%s; a port that only they hold has - for a "
               "holder.\n",
                denied, denied == 1 ? "" : "es", geteuid() != 0 ? " (run this as root)" : "");
    }
}

static int
gather(const struct options *options, uint32_t *denied)
{
    if (options->host != NULL) {
        copy_text(conf.host, sizeof(conf.host), options->host);
    } else {
        host_from_machine(conf.host);
    }
    take_watches();
    int status = take_ports(denied);

    if (status == CMD_CLEAN) {
        status = take_daemons();
    }
    take_protects();
    return status;
}

static int
write_all(bool force)
{
    int error = make_parent(conf.config_path);

    if (error == 0) {
        error = write_file(force);
    }
    if (error == -EEXIST) {
        return cmd_error("init: %s is there already (--force replaces it)", cmd_text(conf.config_path));
    }
    if (error != 0) {
        return cmd_error("init: cannot write %s: %s", cmd_text(conf.config_path), strerror(-error));
    }
    error = make_directory(conf.state_dir, 0700);
    if (error != 0) {
        return cmd_error(
                "init: cannot make the directory %s: %s", cmd_text(conf.state_dir), strerror(-error));
    }
    return CMD_CLEAN;
}

int
cmd_init(const struct cmd *cmd)
{
    struct options options;
    uint32_t denied = 0;
    int status = take_options(cmd, &options);

    if (status != CMD_CLEAN || !cmd_paths(cmd, &conf)) {
        return CMD_ERROR;
    }
    if (!options.force && access(conf.config_path, F_OK) == 0) {
        return cmd_error("init: %s is there already (--force replaces it)", cmd_text(conf.config_path));
    }
    status = gather(&options, &denied);
    if (status == CMD_CLEAN) {
        status = write_all(options.force);
    }
    if (status == CMD_CLEAN) {
        print_done(denied);
        print_next();
    }
    return status;
}
