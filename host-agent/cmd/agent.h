#ifndef CMD_AGENT_H
#define CMD_AGENT_H
/*
 * agent - asks the agent that runs, through STATE/ctl
 *
 * What comes back is checked as if it came from a stranger; nothing here waits longer than it says.
 */
#include "conf/conf.h"
#include "proc/message.h"

/* A descriptor, or -errno: -ECONNREFUSED or -ENOENT when no agent runs. */
int agent_connect(const struct conf *conf);

/* Says on stderr what agent_connect() returned. Returns CMD_ERROR. */
int agent_refused(const struct conf *conf, int error);

/* 0 or -errno. */
int agent_ask(int fd, enum ctl_kind kind, uint32_t from);

/* One message into `out`. False when none came in time, or one that is not valid. */
bool agent_take(
        int fd, void *out, size_t size, int timeout_ms, bool (*valid)(const void *message, size_t len));

#endif
