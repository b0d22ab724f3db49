#ifndef LOGGER_BUTTON_H
#define LOGGER_BUTTON_H
/*
 * button - one contact that bounces, and what a person means by it
 *
 * Sampled each BUTTON_SAMPLE_MS. A level counts when it has been the same for BUTTON_STABLE samples.
 */
#include <stdbool.h>
#include <stdint.h>

#define BUTTON_SAMPLE_MS 10
#define BUTTON_STABLE 4 /* samples */
#define BUTTON_LONG_MS 2000

enum button_state {
    BUTTON_START, /* it is not known yet whether it is held */
    BUTTON_UP,
    BUTTON_DOWN,
    BUTTON_LONG, /* down for BUTTON_LONG_MS */
    BUTTON_HELD, /* since the start */
    BUTTON_STATES
};

enum button_event {
    BUTTON_CLOSED, /* the contact has been closed for BUTTON_STABLE samples */
    BUTTON_OPEN,
    BUTTON_TIME, /* and for BUTTON_LONG_MS */
    BUTTON_EVENTS
};

enum button_news {
    BUTTON_NOTHING,
    BUTTON_STARTED_UP,   /* not held at the start */
    BUTTON_STARTED_HELD, /* held at the start: nothing more comes until it was let go */
    BUTTON_PRESSED,
    BUTTON_PRESSED_LONG, /* after BUTTON_PRESSED, once */
};

struct button {
    uint8_t state; /* enum button_state */
    bool level;
    uint8_t same;  /* samples of this level, up to BUTTON_STABLE */
    uint16_t down; /* samples since it was down, up to the long one */
};

void button_init(struct button *b);

/* One step of the machine, for the table's test. */
enum button_news button_step(struct button *b, enum button_event event);

enum button_news button_sample(struct button *b, bool closed);

#endif
