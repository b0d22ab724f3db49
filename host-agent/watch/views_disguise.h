#ifndef WATCH_VIEWS_DISGUISE_H
#define WATCH_VIEWS_DISGUISE_H
/*
 * views_disguise - processes that are not what they seem: named as kernel threads are, or run from no file
 */
#include "watch/procfs.h"
#include "watch/views.h"

/* Why a process is told. */
#define DISGUISE_NAME 1u    /* its name or first argument is that of a kernel thread */
#define DISGUISE_PARENT 2u  /* marked as kernel thread, and not started by the kernel */
#define DISGUISE_MEMORY 4u  /* runs from a memfd */
#define DISGUISE_DELETED 8u /* runs from a deleted file in a folder where everybody may write */

/* True for a name that only the kernel gives, alone or behind a '['. */
bool disguise_kernel_name(const char *name, size_t len);

/* The bits above. `exe` is NULL when there is none; `argument` is the first one. */
unsigned disguise_judge(
        const struct procfs_stat *stat, const struct procfs_exe *exe, const char *argument, size_t len);

extern const struct view_ops views_disguise_ops;

#endif
