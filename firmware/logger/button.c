#include "logger/button.h"

#define LONG_SAMPLES (BUTTON_LONG_MS / BUTTON_SAMPLE_MS)

struct cell {
    uint8_t next; /* enum button_state */
    uint8_t news; /* enum button_news */
};

/* clang-format off */
static const struct cell table[BUTTON_STATES][BUTTON_EVENTS] = {
    /*                 CLOSED                                 OPEN                               TIME */
    [BUTTON_START] = { { BUTTON_HELD, BUTTON_STARTED_HELD }, { BUTTON_UP, BUTTON_STARTED_UP }, { BUTTON_START, 0 } },
    [BUTTON_UP]    = { { BUTTON_DOWN, BUTTON_PRESSED },      { BUTTON_UP, 0 },                 { BUTTON_UP, 0 } },
    [BUTTON_DOWN]  = { { BUTTON_DOWN, 0 },                   { BUTTON_UP, 0 },                 { BUTTON_LONG, BUTTON_PRESSED_LONG } },
    [BUTTON_LONG]  = { { BUTTON_LONG, 0 },                   { BUTTON_UP, 0 },                 { BUTTON_LONG, 0 } },
    [BUTTON_HELD]  = { { BUTTON_HELD, 0 },                   { BUTTON_UP, 0 },                 { BUTTON_HELD, 0 } },
};
/* clang-format on */

void
button_init(struct button *b)
{
    *b = (struct button){ .state = BUTTON_START };
}

enum button_news
button_step(struct button *b, enum button_event event)
{
    struct cell c = table[b->state][event];

    b->state = c.next;
    return (enum button_news)c.news;
}

enum button_news
button_sample(struct button *b, bool closed)
{
    if (closed != b->level) {
        b->level = closed;
        b->same = 0;
    }
    if (b->same < BUTTON_STABLE) {
        b->same++;
        b->down = 0;
        return b->same < BUTTON_STABLE ? BUTTON_NOTHING
                                       : button_step(b, closed ? BUTTON_CLOSED : BUTTON_OPEN);
    }
    if (!closed || b->down == LONG_SAMPLES) {
        return BUTTON_NOTHING;
    }
    b->down++;
    return b->down < LONG_SAMPLES ? BUTTON_NOTHING : button_step(b, BUTTON_TIME);
}
