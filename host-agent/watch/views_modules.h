#ifndef WATCH_VIEWS_MODULES_H
#define WATCH_VIEWS_MODULES_H
/*
 * views_modules - the kernel's modules: new ones, foreign ones, and those that only one of two lists shows
 */
#include "watch/views.h"

#define MODULE_NAME 64
#define MODULE_TAINTS 16

struct module_line {
    char name[MODULE_NAME];
    uint64_t size;
    bool live;                  /* neither coming nor going */
    char taints[MODULE_TAINTS]; /* "OE", as in kernel-taint; empty for one of the kernel's own */
};

/* A line of /proc/modules without its end. False when it is no such line. */
bool module_line_parse(const char *src, size_t len, struct module_line *out);

/* Opens the view on other folders than /proc and /sys/module, which it closes when it is opened again. */
int modules_open_at(int proc, int sys);

extern const struct view_ops views_modules_ops;

#endif
