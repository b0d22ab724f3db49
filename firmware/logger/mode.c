#include "logger/mode.h"

/* clang-format off */
static const enum mode table[MODES][MODE_EVENTS] = {
    /*                    BUTTON_UP       BUTTON_HELD     DUMP_BEGUN      DUMP_TAKEN      PRESSED_LONG */
    [MODE_START]     = { MODE_RECORD,    MODE_DUMP,      MODE_START,     MODE_START,     MODE_START },
    [MODE_RECORD]    = { MODE_RECORD,    MODE_RECORD,    MODE_RECORD,    MODE_RECORD,    MODE_RECORD },
    [MODE_DUMP]      = { MODE_DUMP,      MODE_DUMP,      MODE_DUMP,      MODE_DUMPED,    MODE_DUMP },
    [MODE_DUMPED]    = { MODE_DUMPED,    MODE_DUMPED,    MODE_DUMP,      MODE_DUMPED,    MODE_HARVESTED },
    [MODE_HARVESTED] = { MODE_HARVESTED, MODE_HARVESTED, MODE_HARVESTED, MODE_HARVESTED, MODE_HARVESTED },
};
/* clang-format on */

enum mode
mode_next(enum mode mode, enum mode_event event)
{
    return table[mode][event];
}
