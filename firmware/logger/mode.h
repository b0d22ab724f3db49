#ifndef LOGGER_MODE_H
#define LOGGER_MODE_H
/*
 * mode - what the device is for since it started: to record, or to be read out (SPEC.md, section 5)
 *
 * One an image. Only a start leads from one to the other.
 */

enum mode {
    MODE_START,     /* not known yet whether the button is held */
    MODE_RECORD,    /* lines are taken */
    MODE_DUMP,      /* the log is read out; nothing is taken */
    MODE_DUMPED,    /* it has been read to its end: a long press marks it harvested */
    MODE_HARVESTED, /* marked */
    MODES
};

enum mode_event {
    MODE_BUTTON_UP,    /* at the start */
    MODE_BUTTON_HELD,  /* at the start */
    MODE_DUMP_BEGUN,   /* by the host, anew */
    MODE_DUMP_TAKEN,   /* by the host, to its end */
    MODE_PRESSED_LONG, /* and not since the start */
    MODE_EVENTS
};

enum mode mode_next(enum mode mode, enum mode_event event);

#endif
