#ifndef BELFRY_NOBODY_H
#define BELFRY_NOBODY_H
/*
 * nobody - a process of belfry's that talks to strangers becomes the user whom nothing belongs to
 *
 * Where belfry is root, and where it may (CAP_SETUID, CAP_SETGID). Else it stays the user that it is.
 */
#include <stdbool.h>

#define NOBODY 65534

/* For ever, with no capability left and no core dumped. True when it is nobody now. */
bool nobody_become(void);

/*
 * From now on this process and all that it starts become nobody, and no other user or group, whatever they
 * may; nor are they in a user namespace whom they like (seccomp(2)). False where that is not to be had:
 * without no_new_privs.
 */
bool nobody_alone(void);

#endif
