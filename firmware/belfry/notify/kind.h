#ifndef BELFRY_NOTIFY_KIND_H
#define BELFRY_NOTIFY_KIND_H
/*
 * kind - what a kind of notifier is to its process, and what the process gives it
 *
 * One notifier a process, so a kind keeps what it has in static objects. The process polls the link and the
 * kind's descriptors, keeps the notices that belfry has sent (NOTIFY_TASKS at most) and ends by itself when
 * belfry is gone. A kind takes them in their order with notify_next() and says of each what became of it, in
 * any order. It may wait for whom it tells, but not longer than NOTIFY_WAIT_MS: nobody else waits for it.
 */
#include "belfry/notify/link.h"

#include <poll.h>

#define NOTIFY_POLLS 8
#define NOTIFY_TASKS \
    (NOTIFY_ROOM + NOTIFY_ROWS) /* kept at a time; what is told as well as can be among them */

struct notify_kind {
    const char *name;
    bool keeps_user; /* goes on as root, where belfry is; the others are nobody after start() */
    bool runs_programs;

    /* Reads place and options; opens what root alone may open. 0, or -errno when it can never work (it has
     * said why). */
    int (*start)(void);

    /*
     * What to wait for: up to NOTIFY_POLLS descriptors, and when to be called at the latest (clock_ms();
     * INT64_MAX on entry). Returns how many. NULL for none of both.
     */
    unsigned (*polls)(struct pollfd *p, int64_t *due_ms);

    /* Something came: a notice, on a descriptor, or by the clock. */
    void (*turn)(const struct pollfd *p, unsigned count);

    /* An alarm that is open at the start, or ended in the hour before. NULL when that is of no use; then its
     * row in kinds.c does not ask for it. */
    void (*standing)(const struct notice *n);

    /* Belfry is gone. Called again until it returns true: nothing is left to finish. NULL for nothing ever
     * is. */
    bool (*part)(void);
};

enum notify_task_state { NOTIFY_FREE, NOTIFY_WAITS, NOTIFY_TAKEN };

struct notify_task {
    enum notify_task_state state;
    unsigned tries;
    uint64_t order;
    struct notify_message
            message; /* message.of.notice; NOTIFY_LINE and NOTIFY_EVENT for kinds that publish rows */
};

/* Of a program: its name, and the kind of that name and for that place, NULL when it does none such. */
extern const char notify_program[];
const struct notify_kind *notify_kind_of(const char *name, const char *place);

extern const struct notify_kind notify_alertmanager;
extern const struct notify_kind notify_exec;
extern const struct notify_kind notify_mail;
extern const struct notify_kind notify_local; /* syslog of this machine */
extern const struct notify_kind notify_syslog;
extern const struct notify_kind notify_nats; /* of belfry-nats */

/* The configuration's words. */
const char *notify_name(void);
const char *notify_place(void);

/* Value of an option; "" for a word that stands alone; NULL when it was not given. */
const char *notify_option(const char *name);

/* Values of an option that may stand several times: the one behind `last`, NULL for the first. */
const char *notify_option_next(const char *name, const char *last);

/* The oldest that waits, those that are `ahead` first, now taken; NULL when none does. */
struct notify_task *notify_next(void);

/* Likewise, and of its alarm no earlier one is still taken. */
struct notify_task *notify_next_apart(void);

/* What became of it: the task is free then. `why` is escaped here. */
void notify_told(struct notify_task *t);
void notify_failed(struct notify_task *t, const char *why);

/* It goes back among those that wait, in its old place. */
void notify_put_back(struct notify_task *t);

/* How many wait. */
unsigned notify_waiting(void);

/* What the notifier waits for, for people; "" when all is well. */
__attribute__((format(printf, 1, 2))) void notify_state(const char *format, ...);

#endif
