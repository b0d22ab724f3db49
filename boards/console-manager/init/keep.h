#ifndef APPLIANCE_KEEP_H
#define APPLIANCE_KEEP_H
/*
 * keep - runs belfry: starts it, hears of it, starts it again
 *
 * One. It runs as KEEP_USER, who may become nobody (for its processes that talk to
 * the network) and no other.
 * It ends when it does not say for KEEP_SILENCE_S that it turns.
 */
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#define KEEP_USER 64
#define KEEP_SILENCE_S 30
#define KEEP_POLLS 2

/* 0 or -errno. */
int keep_open(void);

unsigned keep_polls(struct pollfd poll[KEEP_POLLS]);
void keep_take(const struct pollfd poll[KEEP_POLLS]);

/* Once a second: starts it with its state in `state` when it is due, ends it when it is silent. */
void keep_tick(const char *state);

/* A child that ended. */
void keep_ended(pid_t pid, int status);

/* Asks it to end, and after 20 s makes it; it is started again by the next keep_tick(). True when it is gone;
 * call each second until then. */
bool keep_stop(void);

#endif
