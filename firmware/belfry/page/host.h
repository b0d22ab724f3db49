#ifndef BELFRY_PAGE_HOST_H
#define BELFRY_PAGE_HOST_H
/*
 * host - whom a browser says it asks
 *
 * A page on some other name that is made to lead to this machine (DNS rebinding) could read this one. Its
 * name stands in the Host header then: an address cannot be made to lead elsewhere, and localhost neither.
 */
#include <stdbool.h>

/* True for "localhost", an IPv4 address or an IPv6 one in brackets, each with or without a port. NULL is
 * none. */
bool host_fits(const char *host);

#endif
