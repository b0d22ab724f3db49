#ifndef ALARM_SESSION_WRITER_H
#define ALARM_SESSION_WRITER_H
/*
 * session_writer - a thread that writes the session file, so that a disk that hangs holds up nobody else
 *
 * For alarm/ only. One per process, on a stack of its own, without signals. It has one job at a time; while
 * it has, the file is its own.
 */
#include "wire/slot.h"
#include <sys/stat.h>

struct session_writer_job {
    int fd;
    bool look; /* write only when the file does not hold the state any more */
    struct wire_slot state;
    unsigned slot;
    int error;        /* of session_file_write() */
    bool overwritten; /* what was looked at */
    struct stat file; /* afterwards */
};

/* 0 or -errno. Called again it does nothing. */
int session_writer_start(void);

/* Readable once a job is done; -1 when there is no thread. */
int session_writer_fd(void);

/* Hands over a job; false when there is no thread or it has one. */
bool session_writer_give(const struct session_writer_job *job);

bool session_writer_busy(void);

/* The job that was done, at most once; `wait_ms` 0 to look only. The caller wipes it. */
bool session_writer_take(struct session_writer_job *job, int wait_ms);

#endif
