#include "attack.h"
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Against what the agent runs from and what it watches: replaced, preloaded, mounted over.
 */
#define OVER_MS 15000
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
    return attack_do(command) && attack_wait(before, "integrity.ok", strrchr(path, '/'), OVER_MS);
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
