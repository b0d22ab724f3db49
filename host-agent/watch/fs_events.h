#ifndef WATCH_FS_EVENTS_H
#define WATCH_FS_EVENTS_H
/*
 * fs_events - takes apart what fanotify and inotify hand out
 *
 * The buffers come from the kernel, the names in them from anyone. No system calls, no memory.
 */
#include "watch/fs_bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FS_EVENTS_BUFFER 65536 /* bytes for one read(2) */
#define FS_HANDLE_MAX 128      /* MAX_HANDLE_SZ */

enum fs_events_result {
    FS_EVENTS_END,   /* the buffer is used up */
    FS_EVENTS_ONE,   /* an event */
    FS_EVENTS_BROKEN /* not what the manual promises; what is left cannot be trusted */
};

/* A name in a directory. Pointers are into the buffer. */
struct fs_event_place {
    const uint8_t *fsid;   /* 8 bytes; NULL: the event names no such place */
    const uint8_t *handle; /* of the directory */
    uint32_t handle_len;   /* at most FS_HANDLE_MAX */
    int32_t handle_type;
    const char *name; /* in the directory, NUL-terminated; "" for none */
    size_t name_len;
};

struct fs_fanotify_event {
    uint64_t mask;
    int32_t fd; /* FAN_NOFD where the group reports handles */
    int32_t pid;
    int32_t pidfd; /* the reader closes it; below 0: the process has ended, or the kernel gives none */
    struct fs_event_place at;
    struct fs_event_place from; /* of a rename told in one: where it was */
};

struct fs_inotify_event {
    int32_t wd;
    uint32_t mask;
    const char *name; /* NUL-terminated; "" for the directory itself */
    size_t name_len;
};

enum fs_events_result fs_fanotify_take(struct fs_bytes *c, struct fs_fanotify_event *e);
enum fs_events_result fs_inotify_take(struct fs_bytes *c, struct fs_inotify_event *e);

#endif
