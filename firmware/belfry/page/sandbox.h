#ifndef BELFRY_PAGE_SANDBOX_H
#define BELFRY_PAGE_SANDBOX_H
/*
 * sandbox - what is left to a process that strangers talk to, once it has what it needs
 *
 * No other user's rights, no file, no new socket, no other process, no program. Each wall stands by itself:
 * where the kernel lacks one, the others hold.
 */

/* For ever. `files` descriptors may be open. */
void sandbox_enter(unsigned files);

#endif
