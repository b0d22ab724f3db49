#ifndef APPLIANCE_BOOT_H
#define APPLIANCE_BOOT_H
/*
 * boot - what the kernel needs to be told once: file systems, modules, switches, the clock
 */
#include <stdbool.h>

/* proc, sys, dev, devpts and two tmpfs, and /dev/null for the standard descriptors. */
void boot_mounts(void);

/* The modules that /lib/modules/order names, in its order; a driver without its device is no fault. */
void boot_modules(void);

/* Whoever comes in at the console, or takes over a process, finds no SysRq, no kexec and no debugging; a
 * panic is a reboot; what is written is soon on the disk. */
void boot_switches(void);

/* From here on no module, until the next boot. */
void boot_modules_end(void);

/* The clock from the hardware's where the kernel has not done it. False, and told, when both are older than
 * the image: the battery is empty. */
bool boot_clock(void);

/* From here on / is read-only. */
void boot_seal_root(void);

/* The text of a small file in /proc or /sys. False when it cannot be written. */
bool boot_put(const char *path, const char *text);

#endif
