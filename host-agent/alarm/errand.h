#ifndef ALARM_ERRAND_H
#define ALARM_ERRAND_H
/*
 * errand - a thread of its own for one kind of work that may wait for a disk, one piece at a time
 *
 * On the caller's stack, without signals; it ends with the process. From errand_give() until errand_back()
 * what the work touches is the thread's: the system calls between order what both see.
 */
#include <stdbool.h>
#include <stddef.h>

/* Begins with both descriptors -1. */
struct errand {
    int wake;
    int done; /* readable when a piece is done; -1 while there is no thread */
    void (*work)(void);
};

/* `stack` is aligned to pages and stays. 0, or -errno and there is no thread. */
int errand_start(struct errand *e, void (*work)(void), void *stack, size_t size);

void errand_give(struct errand *e);

/* True once for each piece that is done. Never waits. */
bool errand_back(struct errand *e);

#endif
