#ifndef WATCH_PROCFS_H
#define WATCH_PROCFS_H
/*
 * procfs - bounded readers of what the kernel writes in /proc
 *
 * No state but the descriptor of /proc that the caller keeps. Names and links in there are text that any
 * process can choose: nothing here trusts it further than its length.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCFS_NAME 64  /* what the kernel writes of a name, and a NUL */
#define PROCFS_EXE 4096 /* the longest link the kernel gives */

struct procfs_stat {
    int32_t pid;
    int32_t parent;
    char state;             /* R, S, D, Z, T, ... */
    uint64_t start;         /* clock ticks since boot: with the pid, who a process is */
    uint32_t threads;       /* with the first one, also when that one has ended and the others go on */
    bool kernel_thread;     /* it has no executable, whatever it calls itself */
    char name[PROCFS_NAME]; /* what it calls itself */
};

/* The file that a process runs. */
struct procfs_file {
    bool deleted;    /* no longer what the path names on disk */
    bool identified; /* the three below are known */
    uint64_t device;
    uint64_t inode;
    uint32_t uid; /* who owns the file */
};

/* An executable as /proc/PID/exe shows it. */
struct procfs_exe {
    char path[PROCFS_EXE]; /* without " (deleted)"; NUL-terminated */
    size_t len;
    struct procfs_file file;
};

/* A descriptor of /proc, or -errno. */
int procfs_open(void);

/* The pids in /proc in the order the kernel lists them (ascending), at most `max`. The count, or -errno. */
ssize_t procfs_pids(int proc, int32_t *out, size_t max);

/* Reads the text of PID/stat. A name may hold blanks and parentheses: fields count from the last ')'. */
bool procfs_stat_parse(const char *src, size_t len, struct procfs_stat *out);

/* 0, -ENOENT or -ESRCH when the process is gone, another -errno. */
int procfs_stat(int proc, int32_t pid, struct procfs_stat *out);

/*
 * 0; -ENOENT for a process that is gone or has no executable; -EACCES for one that may not be looked at. A
 * path that is too long for the kernel to tell is "?", which is no file's.
 */
int procfs_exe(int proc, int32_t pid, struct procfs_exe *out);

/* The same in steps: the path alone, of those whose path matters which file it is, and all of it as a thread
 * knows it that goes on behind the end of the first, which then is -ENOENT for both. */
int procfs_exe_path(int proc, int32_t pid, struct procfs_exe *out);
void procfs_exe_identify(int proc, int32_t pid, struct procfs_file *file);
int procfs_exe_thread(int proc, int32_t pid, struct procfs_exe *out);

/* How many threads it has, without a look at them; 0 when it is gone. */
uint32_t procfs_threads(int proc, int32_t pid);

/* All threads of a process, one after the other. */
#define PROCFS_TASKS 64
struct procfs_tasks {
    int dir; /* PID/task; -1: not open */
    unsigned count;
    unsigned next;
    int32_t tid[PROCFS_TASKS];
};

/* 0 or -errno. What was opened is closed by procfs_tasks_close(), also behind the last one. */
int procfs_tasks_open(struct procfs_tasks *t, int proc, int32_t pid);
void procfs_tasks_close(struct procfs_tasks *t);

/* The next one; 0 when there is none. */
int32_t procfs_tasks_next(struct procfs_tasks *t);

/*
 * Is the running file the one that its path names on disk? Another mount namespace can show any path. A file
 * that was replaced on disk counts when it lies on the same device and has the same owner as the new one,
 * unless it is one whose name only says so.
 */
bool procfs_file_at(const struct procfs_file *file, const char *path);

/* The last part of a path. */
const char *procfs_base(const char *path);

/*
 * The service manager's unit in the text of PID/cgroup: the first folder that is no slice. What a user's own
 * manager runs belongs to user@UID.service, whatever folders the user makes below it. "" when there is none.
 */
#define PROCFS_UNIT 128
void procfs_unit_parse(const char *src, size_t len, char out[PROCFS_UNIT]);

/* 0 or -errno. */
int procfs_unit(int proc, int32_t pid, char out[PROCFS_UNIT]);

/* "socket:[123]", the target of a descriptor's link. 0 when it is none. */
uint64_t procfs_socket_link(const char *src, size_t len);

/* A file below `dir` as text, at most size - 1 bytes, NUL-terminated. The length, or -errno. */
ssize_t procfs_read(int dir, const char *name, char *out, size_t size);

/* A file that stays open, as to open one costs ten times what a short one costs to read. All zero: not open.
 */
struct procfs_kept {
    bool open;
    int fd;
};

/* In the place of the one before; `fd` below 0 for none. */
void procfs_keep(struct procfs_kept *f, int fd);

/* The file's beginning: its length, -1 with errno when it is not open or can be read no more. */
ssize_t procfs_kept_read(const struct procfs_kept *f, char *out, size_t size);

/* Digits at *at, moved behind them. False without one, or above `max`. */
bool procfs_decimal(const char **at, const char *end, uint64_t max, uint64_t *out);

#endif
