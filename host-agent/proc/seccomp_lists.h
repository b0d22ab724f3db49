#ifndef PROC_SECCOMP_LISTS_H
#define PROC_SECCOMP_LISTS_H
/*
 * seccomp_lists - the system calls of each role
 */
#include "proc/message.h"
#include "proc/seccomp.h"

/* True for the roles whose list names what may be done; the others' names what may not. */
bool seccomp_is_narrow(enum role role);

/* `library`: of a wire that needs libusb, which allocates. */
const struct seccomp_list *seccomp_list_of(enum role role, bool library);

/* Over procscan's own when its programs are in the kernel: it loads no more of them. */
extern const struct seccomp_list seccomp_list_loaded;

#endif
