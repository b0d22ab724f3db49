#ifndef ALARM_ORDER_H
#define ALARM_ORDER_H
/*
 * order - sorts the numbers of things that stay where they are
 */
#include <stdbool.h>
#include <stdint.h>

/* True when thing `a` goes before thing `b`. */
typedef bool order_fn(const void *things, uint16_t a, uint16_t b);

/* In place, no memory of its own; equal ones in any order. */
void order_sort(uint16_t *index, unsigned count, order_fn *before, const void *things);

#endif
