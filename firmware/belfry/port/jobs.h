#ifndef BELFRY_PORT_JOBS_H
#define BELFRY_PORT_JOBS_H
/*
 * jobs - what belfry-port was asked for and is not done
 *
 * One queue a process. Threads do the jobs, so that a device that hangs holds the one that waits for it and
 * no other port. There is one thread as long as jobs take no time, and more when they do.
 */
#include "belfry/conf.h"
#include "belfry/dial/link.h"
#include "hal/host/tty.h"

#include <stdbool.h>

struct job {
    struct job *next;
    uint8_t kind; /* DIAL_PORT, DIAL_SET, DIAL_CLOSE */
    uint32_t number;
    int fd; /* DIAL_SET, DIAL_CLOSE */
    bool writes;
    struct hal_tty_line line;
    struct termios settings;
    char frame[4];
    char place[CONF_PATH];
};

/* `work` is called in a thread of its own, for one job of a place at a time. 0 or -errno. */
int jobs_init(void (*work)(struct job *job));

/* Takes the job over; freed when it is done. False, and it is still the caller's, while another of the same
 * place is under way. */
bool jobs_add(struct job *job);

/* To be called after each jobs_add() and again when so many milliseconds have passed: -1 for never. */
int jobs_tend(void);

/* Waits for those that are under way, `patience_ms` at most. */
void jobs_finish(int patience_ms);

#endif
