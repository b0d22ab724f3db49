#ifndef WATCH_DEVICE_H
#define WATCH_DEVICE_H
/*
 * device - which device a channel has open, in one number
 *
 * The lower half is its st_rdev. Each mount of devpts counts its pseudo-terminals from 0, so these have the
 * number of their file system in the upper half; another node of theirs cannot be opened.
 */
#include <stdint.h>
#include <sys/types.h>

uint64_t device_of(dev_t number, dev_t filesystem);

#endif
