#include "logger/signal.h"

#include "usb/count.h"

void
signal_init(struct signal *s, bool level)
{
    *s = (struct signal){ .level = level, .last = level };
}

bool
signal_sample(struct signal *s, bool level, uint32_t now_s, uint32_t *changes)
{
    if (level != s->last) {
        s->last = level;
        s->same = 0;
    }
    s->same = (uint8_t)(s->same + (s->same < SIGNAL_STABLE));
    if (s->same == SIGNAL_STABLE && s->level != level) {
        s->level = level;
        count_add(&s->changes, 1);
    }
    if (s->changes == 0 || now_s < s->next_s) {
        return false;
    }
    *changes = s->changes;
    s->changes = 0;
    s->next_s = now_s + SIGNAL_REST_S;
    return true;
}
