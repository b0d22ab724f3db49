#ifndef BELFRY_CTL_LOGGER_H
#define BELFRY_CTL_LOGGER_H
/*
 * logger - what the commands about a logger have in common
 */
#include "belfry/harvest/port.h"

/* The way to it; NULL after telling that this is no name of one. */
const struct port_ops *logger_port(const char *device);

/* What an -errno of a port, or of harvest_run(), means to a person. */
const char *logger_why(int error);

#endif
