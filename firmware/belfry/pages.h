#ifndef BELFRY_PAGES_H
#define BELFRY_PAGES_H
/*
 * pages - memory for an object of which a part stays untouched
 *
 * Each in pages of its own: the kernel keeps none of which nothing was written. What is used all the time
 * comes first in such an object, room for what seldom happens last. Main loop only.
 */
#include <stddef.h>

#define PAGES_SIZE 4096 /* of the smallest there are */

/* Zeroed. NULL when there is none. */
void *pages_take(size_t size);

/* The kernel wipes it before anybody else has it. NULL is nothing. */
void pages_give(void *object, size_t size);

#endif
