#ifndef USB_COUNT_H
#define USB_COUNT_H
/*
 * count - a counter that stops at its highest value
 */
#include <stdint.h>

static inline void
count_add(uint32_t *counter, uint32_t more)
{
    *counter = more < UINT32_MAX - *counter ? *counter + more : UINT32_MAX;
}

#endif
