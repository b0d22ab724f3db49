#include "logger/panel.h"

#include <string.h>

#include "hal/gpio.h"

static const struct {
    enum lamp_pattern pattern;
    bool relay; /* closes it until somebody acknowledges */
} conditions[PANEL_CONDITIONS] = {
    [PANEL_FAULT] = { LAMP_FAULT, false },
    [PANEL_ALARM] = { LAMP_ALARM, true },
    [PANEL_SILENCE] = { LAMP_SILENCE, true },
    [PANEL_RESERVE] = { LAMP_RESERVE, false },
};

/* What the lamp says of a mode; LAMP_OK: what the conditions say. */
static const enum lamp_pattern of_mode[MODES] = {
    [MODE_START] = LAMP_OK,
    [MODE_RECORD] = LAMP_OK,
    [MODE_DUMP] = LAMP_DUMP,
    [MODE_DUMPED] = LAMP_DUMPED,
    [MODE_HARVESTED] = LAMP_HARVESTED,
};

void
panel_init(struct panel *p)
{
    memset(p, 0, sizeof(*p));
}

void
panel_tell(struct panel *p, enum panel_condition condition, enum latch_event event)
{
    p->latch[condition] = latch_next(p->latch[condition], event);
}

bool
panel_acknowledge(struct panel *p)
{
    bool called = false;

    for (unsigned c = 0; c < PANEL_CONDITIONS; c++) {
        called = called || latch_calls(p->latch[c]);
        panel_tell(p, (enum panel_condition)c, LATCH_ACKNOWLEDGE);
    }
    return called;
}

bool
panel_on(const struct panel *p, enum panel_condition condition)
{
    return p->latch[condition] != LATCH_CLEAR;
}

static enum lamp_pattern
pattern_of(const struct panel *p, enum mode mode)
{
    if (of_mode[mode] != LAMP_OK) {
        return of_mode[mode];
    }
    for (unsigned c = 0; c < PANEL_CONDITIONS; c++) {
        if (panel_on(p, (enum panel_condition)c)) {
            return conditions[c].pattern;
        }
    }
    return LAMP_OK;
}

static bool
relay_closed(const struct panel *p)
{
    for (unsigned c = 0; c < PANEL_CONDITIONS; c++) {
        if (conditions[c].relay && latch_calls(p->latch[c])) {
            return true;
        }
    }
    return false;
}

void
panel_step(struct panel *p, enum mode mode)
{
    enum lamp_pattern pattern = pattern_of(p, mode);

    if (pattern != p->shown) {
        p->shown = pattern;
        p->step = 0;
    }
    hal_gpio_set(HAL_GPIO_LAMP, lamp_lit(pattern, p->step));
    hal_gpio_set(HAL_GPIO_RELAY, mode == MODE_RECORD && relay_closed(p));
    p->step = (unsigned char)((p->step + 1) % LAMP_STEPS);
}
