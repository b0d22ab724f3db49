#include "watch/views.h"
#include "watch/views_disguise.h"
#include "watch/views_openers.h"
#include "watch/views_own.h"
#include "watch/views_pids.h"
#include "watch/views_ports.h"
#include "watch/views_procmounts.h"

/*
 * Processes: views of them that should agree, and of the ports that the same role looks at.
 */
static const struct view_table table = { .source = FINDING_PROCESSES,
    .count = 6,
    .ops = { &views_own_ops, &views_procmounts_ops, &views_disguise_ops, &views_pids_ops, &views_ports_ops,
            &views_openers_ops } };

static struct views views;

static int
processes_open(const struct detector_env *env)
{
    views_open(&views, &table, env);
    return 0;
}

static int
processes_fds(struct pollfd *fds, int max)
{
    return views_fds(&views, fds, max);
}

static void
processes_ready(const struct pollfd *fds, int count)
{
    views_ready(&views, fds, count);
}

static int64_t
processes_work(int64_t now_ms)
{
    return views_work(&views, now_ms);
}

static int
processes_check(const struct detector_env *env)
{
    return views_check(&views, &table, env);
}

static void
processes_status(struct detector_status *out)
{
    views_status(&views, out);
}

static void
processes_device(unsigned channel, uint64_t device)
{
    views_openers_device(&views, channel, device);
}

const struct detector_ops detector_processes_ops = {
    .name = "processes",
    .source = FINDING_PROCESSES,
    .open = processes_open,
    .fds = processes_fds,
    .ready = processes_ready,
    .work = processes_work,
    .check = processes_check,
    .status = processes_status,
    .device = processes_device,
};
