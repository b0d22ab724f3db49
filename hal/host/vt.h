#ifndef HAL_HOST_VT_H
#define HAL_HOST_VT_H
/*
 * vt - virtual consoles of this machine, and what its kernel's console is
 *
 * Functions on a descriptor of a terminal that the caller owns. Nothing waits for longer than a tenth of a
 * second.
 */
#include <stdbool.h>
#include <stddef.h>

/* 1 to 63 when it is /dev/tty1 to /dev/tty63, else 0. */
int hal_vt_number(int fd);

/*
 * Shows this console, and lets nobody switch to another: by keys or by ioctl. The kernel's messages go to
 * tty1 meanwhile. The lock outlives the process. 0 or -errno; -EPERM without the rights, -ENOTTY when it is
 * no virtual console.
 */
int hal_vt_lock(int fd);

/* The number of the console that is shown, or -errno. */
int hal_vt_shown(int fd);

/* False when it is a virtual console that shows graphics in place of its text. */
bool hal_vt_shows_text(int fd);

/*
 * The path of the terminal behind /dev/console: what is written there, nobody can redirect by TIOCCONS. 0 or
 * -errno; -ENODEV when there is none.
 */
int hal_vt_console_path(char *out, size_t size);

#endif
