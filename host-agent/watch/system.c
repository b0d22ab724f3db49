#include "watch/views.h"
#include "watch/views_accounts.h"
#include "watch/views_disks.h"
#include "watch/views_firewall.h"
#include "watch/views_links.h"
#include "watch/views_load.h"
#include "watch/views_modules.h"
#include "watch/views_own.h"
#include "watch/views_preload.h"
#include "watch/views_taint.h"

/*
 * System: views of the kernel, the network, the accounts and what the machine has left; of our own processes
 * once more.
 */
static const struct view_table table = { .source = FINDING_SYSTEM,
    .count = 9,
    .ops = { &views_own_ops, &views_taint_ops, &views_modules_ops, &views_preload_ops, &views_accounts_ops,
            &views_disks_ops, &views_load_ops, &views_links_ops, &views_firewall_ops } };

static struct views views;

static int
system_open(const struct detector_env *env)
{
    views_open(&views, &table, env);
    return 0;
}

static int
system_fds(struct pollfd *fds, int max)
{
    return views_fds(&views, fds, max);
}

static void
system_ready(const struct pollfd *fds, int count)
{
    views_ready(&views, fds, count);
}

static int64_t
system_work(int64_t now_ms)
{
    return views_work(&views, now_ms);
}

static int
system_check(const struct detector_env *env)
{
    return views_check(&views, &table, env);
}

static void
system_status(struct detector_status *out)
{
    views_status(&views, out);
}

const struct detector_ops detector_system_ops = {
    .name = "system",
    .source = FINDING_SYSTEM,
    .open = system_open,
    .fds = system_fds,
    .ready = system_ready,
    .work = system_work,
    .check = system_check,
    .status = system_status,
};
