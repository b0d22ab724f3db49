#ifndef WATCH_PROCIMAGE_H
#define WATCH_PROCIMAGE_H
/*
 * procimage - is what a process runs the file that its path names on disk?
 */
#include "watch/procfs.h"

enum image {
    IMAGE_SAME,
    IMAGE_REPLACED, /* another file lies there now: an upgrade, as a rule */
    IMAGE_DELETED,  /* nothing lies there */
    IMAGE_SCRATCH,  /* it lies where everybody may put files */
    IMAGE_MEMORY,   /* it never was a file */
    IMAGES
};

/* "replaced", "deleted", "scratch", "memfd"; NULL for IMAGE_SAME. */
const char *procimage_name(enum image image);

/* `anywhere`: the place is right wherever it lies. */
enum image procimage_of(const struct procfs_exe *exe, bool anywhere);

#endif
