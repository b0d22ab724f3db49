#ifndef WATCH_FS_DOER_H
#define WATCH_FS_DOER_H
/*
 * fs_doer - who did it: the process behind an event, as far as it is still there
 *
 * What is told is of that one process for certain: it was not reaped yet when all had been read, so its
 * number named nobody else. It is the process as it is when its event is read: one that runs another program
 * by then is told with that. Texts are the process's own: its name proves nothing, its executable does.
 */
#include "alarm/finding.h"
#include "watch/procfs.h"

#define FS_DOERS 8
#define FS_DOER_NAME 64 /* bytes with the NUL: the kernel escapes what is odd in a name */
#define FS_DOER_UNIT 128

struct fs_doer_status {
    char name[FS_DOER_NAME];
    uint32_t uid; /* effective */
};

struct fs_doer {
    int32_t pid; /* 0: nobody is known */
    bool known;  /* else it was gone before anything could be read */
    bool ended;  /* a zombie: it has no executable any more */
    bool kernel_thread;
    uint32_t login; /* who logged in for this to run; FS_DOER_NO_LOGIN */
    struct fs_doer_status status;
    char unit[FS_DOER_UNIT]; /* of the service manager; "" for none */
    bool image_deleted;
    size_t exe_len;
    char exe[PROCFS_EXE];
};

#define FS_DOER_NO_LOGIN UINT32_MAX

/* Those of the last moment: a burst by one process costs one look. */
struct fs_doers {
    int proc; /* descriptor of /proc; below 0: nobody can be told */
    unsigned used;
    struct fs_doer doer[FS_DOERS];
    /* Units by the number of their control group, which names no other one later. */
    unsigned units;
    struct fs_doer_group {
        uint64_t group; /* 0: none */
        char unit[FS_DOER_UNIT];
    } unit[FS_DOERS];
};

void fs_doers_open(struct fs_doers *d);

/* Looks at a process by its number and a pidfd of it (-1: it has ended). Valid until the next call. */
const struct fs_doer *fs_doers_look(struct fs_doers *d, int32_t pid, int pidfd);

/* Processes change: to be called when the events at hand are used up. */
void fs_doers_forget(struct fs_doers *d);

/* Adds "by=/usr/bin/vim pid=123 uid=1000 auid=1000 unit=session-3.scope" as what does not change the finding.
 */
void fs_doer_tell(const struct fs_doer *doer, struct finding *f);

/* Reads the text of PID/status. */
bool fs_doer_status_parse(const char *src, size_t len, struct fs_doer_status *out);

/* The innermost unit that a control group's path names, as "ssh.service"; its length, 0 for none. */
size_t fs_doer_unit(const char *path, size_t len, const char **unit);

#endif
