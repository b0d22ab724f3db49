#ifndef LOGGER_PANEL_H
#define LOGGER_PANEL_H
/*
 * panel - lamp and relay: what is wrong, and whether somebody has to come (SPEC.md, section 4)
 *
 * One an image, over hal/gpio.h.
 */
#include "logger/lamp.h"
#include "logger/latch.h"
#include "logger/mode.h"

enum panel_condition { /* the gravest first: the lamp shows that one */
    PANEL_FAULT,
    PANEL_ALARM,
    PANEL_SILENCE,
    PANEL_RESERVE,
    PANEL_CONDITIONS
};

struct panel {
    enum latch latch[PANEL_CONDITIONS];
    enum lamp_pattern shown;
    unsigned char step;
};

void panel_init(struct panel *p);

void panel_tell(struct panel *p, enum panel_condition condition, enum latch_event event);

/* A person came. True when something called for one. */
bool panel_acknowledge(struct panel *p);

/* Whether the condition is shown: it is so, or nobody has acknowledged that it was. */
bool panel_on(const struct panel *p, enum panel_condition condition);

/* Sets lamp and relay; each LAMP_STEP_MS. Away from recording the relay is open and the lamp says the mode.
 */
void panel_step(struct panel *p, enum mode mode);

#endif
