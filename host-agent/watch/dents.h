#ifndef WATCH_DENTS_H
#define WATCH_DENTS_H
/*
 * dents - what getdents64(2) fills; the C library keeps its own form private
 */
#include <stdint.h>

struct dents_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

#endif
