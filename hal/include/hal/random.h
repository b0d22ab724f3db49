#ifndef HAL_RANDOM_H
#define HAL_RANDOM_H
/*
 * random - bytes nobody foretells, good enough to tell one start from another
 *
 * One per image. Main loop only. Not for keys: a recorder holds none.
 */
#include <stddef.h>

/* Fill dst. HAL_E_DEVICE when the source repeats itself; dst is filled with what there was. */
int hal_random(void *dst, size_t len);

#endif
