#include "attack.h"
#include <stdlib.h>
#include <unistd.h>

/*
 * Against the kernel, which is everybody's: where the whole machine is the test's own only.
 */
#define OVER_MS 15000
#define MODULE "crc16" /* a small one that nothing here needs */
#define UNSIGNED ATTACK_PLACE "/" MODULE ".ko"
#define SIGNATURE_END "28" /* the mark at the end of a file by which the kernel knows that it is signed */

static size_t before;

static const char *
may_change_kernel(const struct attack_row *row)
{
    (void)row;
    return attack_has_machine() ? NULL : "not a machine of the test's own (TOCSIN_ATTACK_MACHINE)";
}

static bool
nothing_to_heal(const struct attack_row *row)
{
    (void)row;
    return true;
}

/* ---- a flag of foreign code ---- */

static unsigned flag; /* no flag is ever taken back */

/* The next one that stands for foreign code: what a module that hides itself leaves behind. */
static bool
taint(const struct attack_row *row)
{
    static const unsigned foreign[] = { 0, 1, 3, 6, 8, 10, 12, 15 }; /* P F R U A C O K */
    static unsigned done;
    char command[64];

    (void)row;
    flag = foreign[done++ % (sizeof(foreign) / sizeof(foreign[0]))];
    snprintf(command, sizeof(command), "echo %u >/proc/sys/kernel/tainted", 1u << flag);
    return attack_do(command);
}

static const struct net_told *
flag_shown(const struct attack_row *row, size_t from, int timeout_ms)
{
    char detail[16];

    snprintf(detail, sizeof(detail), "bit=%u ", flag);
    return net_wait(&attack_ground, from, "kernel.tainted", detail, row->line, timeout_ms);
}

/* ---- a module that is not this kernel's own ---- */

static const char *
take_signature(const struct attack_row *row)
{
    const char *why = may_change_kernel(row);

    if (why != NULL || access(UNSIGNED, F_OK) == 0) {
        return why;
    }
    return attack_do("head -c -" SIGNATURE_END " /lib/modules/$(uname -r)/" MODULE ".ko >" UNSIGNED)
                   ? NULL
                   : "no module " MODULE;
}

static bool
load(const struct attack_row *row)
{
    (void)row;
    before = attack_ground.events;
    return attack_do("insmod " UNSIGNED);
}

static bool
unload(const struct attack_row *row)
{
    (void)row;
    return attack_do("rmmod " MODULE) && attack_wait(before, "module.ok", "module=" MODULE, OVER_MS);
}

const struct attack_row attack_on_kernel[] = {
    { .name = "taint the kernel",
            .limit_ms = 2000,
            .prepare = may_change_kernel,
            .strike = taint,
            .shown = flag_shown,
            .heal = nothing_to_heal },
    { .name = "load an unsigned module",
            .limit_ms = 6000,
            .slow = true,
            .prepare = take_signature,
            .strike = load,
            .heal = unload,
            .code = "module.tainted",
            .detail = "module=" MODULE },
    { .name = NULL },
};
