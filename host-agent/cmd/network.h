#ifndef CMD_NETWORK_H
#define CMD_NETWORK_H
/*
 * network - how reporting over the network is, as the agent that runs says it
 */
#include "conf/conf.h"
#include "proc/message.h"

/* Asks over a connection of agent_connect(). False when there is no valid answer. */
bool network_ask(int fd, struct ctl_net *out);

/* True while it is told as lost. */
bool network_lost(const struct ctl_net *net);

/* One line: the state, to whom, for how long, and what waits. */
void network_line(const struct conf *conf, const struct ctl_net *net);

/* The three kinds of evidence, a line each. */
void network_evidence(const struct ctl_net *net);

void network_json(const struct ctl_net *net);

#endif
