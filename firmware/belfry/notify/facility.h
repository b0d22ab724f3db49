#ifndef BELFRY_NOTIFY_FACILITY_H
#define BELFRY_NOTIFY_FACILITY_H
/*
 * facility - names of syslog's facilities that the configuration takes
 */

/* As syslog(3) takes it, shifted; -1 for a name that is none of them. */
int facility_of(const char *name);

/* NULL for one that is not among them. */
const char *facility_name(int facility);

#endif
