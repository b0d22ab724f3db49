#ifndef WATCH_VIEWS_PORTS_H
#define WATCH_VIEWS_PORTS_H
/*
 * views_ports - ports that are taken, and that the kernel's list of sockets does not show
 */
#include "watch/views.h"

extern const struct view_ops views_ports_ops;

#endif
