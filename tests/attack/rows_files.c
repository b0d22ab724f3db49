#include "attack.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Against what the agent runs from and what it watches: replaced, preloaded, mounted over.
 */
#define OVER_MS 15000
#define TAIL 6 /* of a path: what is left of it where the line has no room for all */
#define PRELOADED "/etc/ld.so.preload"

static size_t before;

/* Changes that come one upon the other are gathered: each is to be the first one. */
static const char *
rest(const struct attack_row *row)
{
    (void)row;
    net_listen(&attack_ground, 1500);
    return NULL;
}

/* A process that died young is started later each time. */
static const char *
grow_old(const struct attack_row *row)
{
    (void)row;
    net_listen(&attack_ground, 2500);
    return NULL;
}

static bool
run_here(const char *command)
{
    before = attack_ground.events;
    return attack_do(command);
}

static bool
preload_for_all(const struct attack_row *row)
{
    (void)row;
    return run_here("echo '# nothing' >" PRELOADED);
}

static bool
preload_for_none(const struct attack_row *row)
{
    (void)row;
    return unlink(PRELOADED) == 0 && attack_wait(before, "integrity.ok", PRELOADED, OVER_MS);
}

/* Another file in the place of one, and the old one back. */
static bool
replace(const char *path)
{
    char command[512];

    snprintf(command, sizeof(command), "cp -p %s %s.new && echo >>%s.new && ln %s %s.old && mv %s.new %s",
            path, path, path, path, path, path, path);
    return run_here(command);
}

static bool
put_back(const char *path)
{
    char command[512];

    snprintf(command, sizeof(command), "mv %s.old %s", path, path);
    return attack_do(command) && attack_wait(before, "integrity.ok", path + strlen(path) - TAIL, OVER_MS);
}

static bool
replace_program(const struct attack_row *row)
{
    (void)row;
    return replace(ATTACK_PLACE "/bin/tocsin");
}

static bool
put_program_back(const struct attack_row *row)
{
    (void)row;
    return put_back(ATTACK_PLACE "/bin/tocsin");
}

static bool
replace_config(const struct attack_row *row)
{
    (void)row;
    return replace(net_path(&attack_ground, "tocsin.conf"));
}

static bool
put_config_back(const struct attack_row *row)
{
    (void)row;
    return put_back(net_path(&attack_ground, "tocsin.conf"));
}

/* Its copy, with one byte more. */
static bool
replace_baseline(const struct attack_row *row)
{
    (void)row;
    return replace(net_path(&attack_ground, "agent/baseline"));
}

/* ---- and a process killed, that the next one may start from it ---- */

#define PROGRAM ATTACK_PLACE "/bin/tocsin"
#define WATCHED ATTACK_TREE "/one"

static bool
same_content(const char *one, const char *other)
{
    char block[2][16384];
    int fd[2] = { open(one, O_RDONLY | O_CLOEXEC), open(other, O_RDONLY | O_CLOEXEC) };
    bool same = fd[0] >= 0 && fd[1] >= 0;
    ssize_t n = 1;

    while (same && n > 0) {
        n = read(fd[0], block[0], sizeof(block[0]));
        same = n >= 0 && read(fd[1], block[1], sizeof(block[1])) == n &&
               memcmp(block[0], block[1], (size_t)n) == 0;
    }
    for (int i = 0; i < 2; i++) {
        if (fd[i] >= 0) {
            close(fd[i]);
        }
    }
    return same;
}

static bool
kill_role(const struct attack_row *row)
{
    pid_t pid = attack_pid(row->role);

    return pid > 1 && kill(pid, SIGKILL) == 0;
}

/* The role runs again; a core that does begins a session, in which the receiver has to find what it pinned.
 */
static bool
is_back(const struct attack_row *row)
{
    char over[64];

    if (strcmp(row->role, "core") == 0) {
        return attack_wait(before, "agent.start", NULL, OVER_MS) && attack_all_well() &&
               attack_wait_alarm(before, "belfry.pin", NULL, "open", 0) == NULL;
    }
    snprintf(over, sizeof(over), "proc=%s of=", row->role);
    return attack_wait(before, "agent.self", over, OVER_MS);
}

static bool
replace_program_and_kill(const struct attack_row *row)
{
    return replace(PROGRAM) && kill_role(row);
}

static const struct net_told *
runs_the_old_one(const struct attack_row *row, size_t from, int timeout_ms)
{
    char image[32];
    const struct net_told *e = net_wait(&attack_ground, from, "integrity.changed", PROGRAM, NULL, timeout_ms);

    if (e == NULL || !is_back(row)) {
        return NULL;
    }
    snprintf(image, sizeof(image), "/proc/%d/exe", (int)attack_pid(row->role));
    return same_content(image, PROGRAM ".old") && !same_content(image, PROGRAM)
                   ? net_find(&attack_ground, from, "integrity.changed", PROGRAM, NULL)
                   : NULL;
}

/* One that watches nothing. */
static bool
replace_config_and_kill(const struct attack_row *row)
{
    const char *path = net_path(&attack_ground, "tocsin.conf");
    char command[512];

    snprintf(command, sizeof(command), "sed /^Watch/d %s >%s.new && ln %s %s.old && mv %s.new %s", path, path,
            path, path, path, path);
    return run_here(command) && kill_role(row);
}

static const struct net_told *
goes_by_the_old_one(const struct attack_row *row, size_t from, int timeout_ms)
{
    if (net_wait(&attack_ground, from, "integrity.changed", "tocsin.conf", NULL, timeout_ms) == NULL ||
            !is_back(row) || !attack_do("echo two >>" WATCHED) ||
            !attack_wait(from, "integrity.changed", WATCHED, OVER_MS)) {
        return NULL;
    }
    return net_find(&attack_ground, from, "integrity.changed", "tocsin.conf", NULL);
}

static bool
put_config_and_file_back(const struct attack_row *row)
{
    (void)row;
    return attack_do("echo one >" WATCHED) && attack_wait(before, "integrity.ok", WATCHED, OVER_MS) &&
           put_back(net_path(&attack_ground, "tocsin.conf"));
}

/* A whole one, in which what he changes is as it should be. */
static const char *
make_baseline(const struct attack_row *row)
{
    char command[512];

    (void)row;
    snprintf(command, sizeof(command),
            "mkdir -m 700 %s && echo two >>" WATCHED " && " PROGRAM
            " --config %s --state %s baseline build >%s",
            net_path(&attack_ground, "other"), net_path(&attack_ground, "tocsin.conf"),
            net_path(&attack_ground, "other"), net_path(&attack_ground, "other/out"));
    return attack_do(command) ? NULL : "no other baseline";
}

static bool
replace_baseline_and_kill(const struct attack_row *row)
{
    char command[512];

    snprintf(command, sizeof(command), "mv %s %s", net_path(&attack_ground, "other/baseline"),
            net_path(&attack_ground, "agent/baseline"));
    return kill_role(row) && run_here(command);
}

/* The one in force is lost with the process. */
static bool
damage_baseline_and_kill(const struct attack_row *row)
{
    return replace(net_path(&attack_ground, "agent/baseline")) && kill_role(row);
}

static const struct net_told *
pin_shown(const struct attack_row *row, size_t from, int timeout_ms)
{
    return attack_wait_alarm(from, "belfry.pin", row->detail, "open", timeout_ms);
}

/* Both ends are set up anew. */
static bool
leave_baseline_and_file(const struct attack_row *row)
{
    (void)row;
    return attack_do("echo one >" WATCHED);
}

/* Both ends are set up anew. */
static bool
leave_baseline(const struct attack_row *row)
{
    (void)row;
    return true;
}

static bool
change_file(const struct attack_row *row)
{
    (void)row;
    return run_here("echo two >>" ATTACK_TREE "/one");
}

static bool
change_back(const struct attack_row *row)
{
    (void)row;
    return attack_do("echo one >" ATTACK_TREE "/one") &&
           attack_wait(before, "integrity.ok", ATTACK_TREE "/one", OVER_MS);
}

static bool
mount_over(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return mount("attack", ATTACK_TREE, "tmpfs", 0, "size=64k") == 0;
}

static bool
unmount(const struct attack_row *row)
{
    (void)row;
    return umount(ATTACK_TREE) == 0 && attack_wait(before, "mount.ok", ATTACK_TREE, OVER_MS);
}

/* ---- one that hangs ---- */

/* Below a watch, where no look at it ever ends: what is beside it is told all the same. */
static const char *
hang_beside(const struct attack_row *row)
{
    if (!attack_hang(ATTACK_NET)) {
        return "no FUSE";
    }
    return rest(row);
}

static bool
let_go_and_change_back(const struct attack_row *row)
{
    bool told = attack_wait(0, "mount.added", ATTACK_NET, 0);

    attack_let_go(ATTACK_NET);
    return told && change_back(row);
}

/* Over another watch, which is looked at as soon as the mount is heard of. */
static const char *
hang_over_another(const struct attack_row *row)
{
    if (!attack_hang(ATTACK_DISK)) {
        return "no FUSE";
    }
    return rest(row);
}

static bool
let_another_go_and_change_back(const struct attack_row *row)
{
    bool told = attack_wait(0, "mount.added", ATTACK_DISK, 0);

    attack_let_go(ATTACK_DISK);
    return told && change_back(row);
}

/* ---- remounted ---- */

static bool
remount(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return mount(NULL, ATTACK_SEALED, NULL, MS_REMOUNT | MS_NOSUID, NULL) == 0;
}

static bool
seal(const struct attack_row *row)
{
    (void)row;
    return mount(NULL, ATTACK_SEALED, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID, NULL) == 0 &&
           attack_wait(before, "mount.ok", ATTACK_SEALED, OVER_MS);
}

#define OTHER_PROGRAM                                                          \
    .name = "another program and kill", .limit_ms = 2000, .prepare = grow_old, \
    .strike = replace_program_and_kill, .shown = runs_the_old_one, .heal = put_program_back
#define OTHER_CONFIG                                                          \
    .name = "another config and kill", .limit_ms = 2000, .prepare = grow_old, \
    .strike = replace_config_and_kill, .shown = goes_by_the_old_one, .heal = put_config_and_file_back

const struct attack_row attack_on_files[] = {
    { .name = "change a watched file",
            .limit_ms = 2000,
            .prepare = rest,
            .strike = change_file,
            .heal = change_back,
            .code = "integrity.changed",
            .detail = ATTACK_TREE "/one" },
    { .name = "write ld.so.preload",
            .limit_ms = 2000,
            .strike = preload_for_all,
            .heal = preload_for_none,
            .code = "integrity.preload",
            .detail = PRELOADED },
    { .name = "replace the program",
            .limit_ms = 2000,
            .prepare = rest,
            .strike = replace_program,
            .heal = put_program_back,
            .code = "integrity.changed",
            .detail = ATTACK_PLACE "/bin/tocsin" },
    { .name = "replace the configuration",
            .limit_ms = 2000,
            .prepare = rest,
            .strike = replace_config,
            .heal = put_config_back,
            .code = "integrity.changed",
            .detail = "tocsin.conf" },
    { .name = "replace the baseline",
            .limit_ms = 2000,
            .fresh = true,
            .strike = replace_baseline,
            .heal = leave_baseline,
            .code = "agent.self",
            .detail = "baseline=" },
    { OTHER_PROGRAM, .role = "fscheck" },
    { OTHER_PROGRAM, .role = "core" },
    { OTHER_CONFIG, .role = "fscheck" },
    { OTHER_CONFIG, .role = "core" },
    { .name = "another baseline and kill",
            .limit_ms = 2000,
            .fresh = true,
            .prepare = make_baseline,
            .strike = replace_baseline_and_kill,
            .shown = pin_shown,
            .heal = leave_baseline_and_file,
            .detail = "base",
            .role = "fscheck" },
    { .name = "damaged baseline and kill",
            .limit_ms = 2000,
            .fresh = true,
            .strike = damage_baseline_and_kill,
            .shown = pin_shown,
            .heal = leave_baseline,
            .detail = "now=none",
            .role = "fscheck" },
    { .name = "mount over a watched path",
            .limit_ms = 1000,
            .strike = mount_over,
            .heal = unmount,
            .code = "mount.added",
            .detail = ATTACK_TREE },
    { .name = "change beside a hung mount",
            .limit_ms = 2000,
            .fresh = true,
            .prepare = hang_beside,
            .strike = change_file,
            .heal = let_go_and_change_back,
            .code = "integrity.changed",
            .detail = ATTACK_TREE "/one" },
    { .name = "change beside a hung watch",
            .limit_ms = 2000,
            .fresh = true,
            .prepare = hang_over_another,
            .strike = change_file,
            .heal = let_another_go_and_change_back,
            .code = "integrity.changed",
            .detail = ATTACK_TREE "/one" },
    { .name = "remount writable",
            .limit_ms = 1000,
            .strike = remount,
            .heal = seal,
            .code = "mount.rw",
            .detail = ATTACK_SEALED },
    { .name = NULL },
};
