#ifndef PROC_ROLE_H
#define PROC_ROLE_H
/*
 * role - what every process of the agent but the warden does alike: start, show life, notice the warden's end
 */
#include "conf/conf.h"
#include "proc/message.h"
#include <poll.h>

#define ROLE_OPTION "--role"
#define ROLE_OPTION_DISGUISED "-" /* with the role's number for its name */
#define ROLE_ALIVE_MS 2000        /* how often a process shows life, */
#define ROLE_HURRIED_MS 1000      /* and one that hurries: role_hurry() */
#define ROLE_EARLY_MS 250         /* by how much earlier, when it is awake anyway */
#define ROLE_LATE_MS 100          /* by how much later the warden wakes for it */
#define ROLE_ABSENT_MS 4000       /* a process that takes its turns as often did not run for so long */

struct role_self {
    enum role role;
    unsigned index;   /* which channel, for a wire */
    uint32_t id;      /* of user and group, to be taken; 0: none */
    unsigned missing; /* layers of rights.h */
    const struct conf *conf;
    bool hurried;
    int64_t alive_ms;  /* when to show life next */
    int64_t rested_ms; /* image_rest() */
};

/*
 * Checks the descriptors that the warden hands over and maps the configuration. 0;
 * -ENOTSOCK when it was not the warden that started it, -ENODATA when there is no configuration.
 */
int role_begin(struct role_self *self, enum role role, unsigned index);

/* Gives up what the role does not need: ids, capabilities, files, network. Before it has threads. */
void role_narrow(struct role_self *self);

/* The system calls; last of all. */
void role_seal(struct role_self *self);

/*
 * What tocsin --role NAME INDEX ID does: checks its descriptors, maps the configuration, and runs the role.
 * Returns the exit status.
 */
int role_main(int argc, char **argv);

/*
 * Shows life if it is time to, or nearly: at a whole second, with what is done then; whom the core wakes each
 * second a little behind, so that this is what wakes them. Cheap; to be called from every loop. Returns when
 * to call again.
 */
int64_t role_alive(struct role_self *self, int64_t now_ms);

/*
 * Shows life each ROLE_HURRIED_MS, from the next role_alive() on, or no more: while a thread of it may stand
 * still in the kernel, as waitid() does not tell then that the others were stopped, and while it ends.
 */
void role_hurry(struct role_self *self, bool hurried);

/* A sign of life, shown on that timer: the warden wakes when the time is over. */
void role_show_life(int pulse, int64_t until_ms);

/* When to do again what a process does each `every_ms`, whole seconds: as it wakes to show life. */
int64_t role_next_ms(enum role role, int64_t now_ms, int64_t every_ms);

/*
 * True when the caller itself did not run since its last turn: the machine slept, or all was frozen. What it
 * did not hear meanwhile says nothing about others. To be called once a turn; *turn_ms is 0 at first.
 */
bool role_was_absent(int64_t *turn_ms, int64_t now_ms);

/* Tells the warden. Messages that do not fit are dropped: it looks for life, not for each message. */
void role_tell_warden(const struct role_self *self, enum control_kind kind);

/* One message of the warden into `out`. 1 when there is one, 0 when there is none, -1 when the warden is
 * gone. */
int role_hear_warden(struct control_message *out, int *passed);

/* poll(2). When somebody took the limit of open files away so that nothing can be waited for, the process
 * ends: the one that is started in its place has the warden's limits. */
#define ROLE_CANNOT_WAIT 3
int role_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/* Status of a detector's process that ends as one of its own lacked descriptors or memory at the start. */
#define ROLE_TRIES_AGAIN 4

/* poll() timeout until `due_ms`, at most `most_ms`. */
int role_timeout(int64_t now_ms, int64_t due_ms, int most_ms);

/* The roles. Each returns the exit status. */
int role_core(struct role_self *self);
int role_wire(struct role_self *self);
int role_detect(struct role_self *self);
int role_opener(struct role_self *self);

/* The names of all detectors, from 0; NULL behind the last. */
const char *role_detector(unsigned i);

#endif
