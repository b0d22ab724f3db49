#include "logger/lamp.h"

/* One character a step, # lit: as SPEC.md draws them. */
/* clang-format off */
static const char patterns[LAMP_PATTERNS][LAMP_STEPS + 1] = {
    [LAMP_OK]        = "#...................",
    [LAMP_ALARM]     = "#.#.#.#.#.#.#.#.#.#.",
    [LAMP_SILENCE]   = "##########..........",
    [LAMP_RESERVE]   = "#.#.................",
    [LAMP_FAULT]     = "###################.",
    [LAMP_DUMP]      = "#.#.#...............",
    [LAMP_DUMPED]    = "#####.....#####.....",
    [LAMP_HARVESTED] = "#####.#.............",
};
/* clang-format on */

bool
lamp_lit(enum lamp_pattern pattern, unsigned step)
{
    return patterns[pattern][step] == '#';
}
