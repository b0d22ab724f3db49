#ifndef TESTS_FS_GUARDING_H
#define TESTS_FS_GUARDING_H
/*
 * guarding - the detector at work on the ground, and a shell that does deeds from another process
 */
#include <stdbool.h>
#include <stdint.h>

int64_t now_us(void);

/* One turn of the role's loop; waits at most `wait_ms`. True when something was to be read. */
bool turn(int wait_ms);

/* Until nothing is to be done any more. */
void settle(void);

/* True when a sweep has ended since ground_forget(). */
bool swept(void);

/* Waits for that; false when none does. */
bool sweep_ends(void);

/* Opens the detector and waits for the end of its first sweep. What it told is forgotten. */
bool guarding_starts(void);

/* True when the last that was told of TREE/name is that it is well. */
bool closed(const char *name);

void doer_start(void);
void doer_stop(void);

/* Runs shell text in TREE and waits until it is done. */
void deed(const char *text);

#define AFTER(text)      \
    do {                 \
        ground_forget(); \
        deed(text);      \
        settle();        \
    } while (0)

#endif
