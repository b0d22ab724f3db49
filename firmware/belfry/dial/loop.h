#ifndef BELFRY_DIAL_LOOP_H
#define BELFRY_DIAL_LOOP_H
/*
 * loop - what belfry-dial waits for
 *
 * One a process, around epoll(7).
 */
#include <stdint.h>

#define LOOP_SECOND_MS 1000

struct watch {
    int fd;
    uint32_t events;
    void (*ready)(struct watch *w, uint32_t events);
};

/* 0 or -errno. */
int loop_init(void);

/* Of a clock that never jumps. */
int64_t loop_now_ms(void);

/* 0 or -errno. The watch stays where it is until loop_remove(). */
int loop_add(struct watch *w, int fd, uint32_t events, void (*ready)(struct watch *w, uint32_t events));

/* 0 waits for nothing, not even for its end. */
void loop_set(struct watch *w, uint32_t events);

/* Events that were gathered already may still come until loop_turn() ends: its memory has to stay as long. */
void loop_remove(struct watch *w);

/* Waits for events, a second at most, and serves them. */
void loop_turn(void);

#endif
