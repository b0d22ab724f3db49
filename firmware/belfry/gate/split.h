#ifndef BELFRY_GATE_SPLIT_H
#define BELFRY_GATE_SPLIT_H
/*
 * split - bytes of a peer into lines: printable ASCII of at most WIRE_LINE_MAX characters, each ended by LF
 */
#include <stdbool.h>
#include <stddef.h>

struct gate_split {
    unsigned lines; /* whole ones */
    size_t used;    /* their bytes, with line ends */
};

/* Stops after `most` lines. False when these bytes are no lines and cannot become any. */
bool gate_split(const char *src, size_t len, unsigned most, struct gate_split *out);

/* Length of the line at `src`, without its line end, of bytes that were split. */
size_t gate_line_length(const char *src, size_t len);

#endif
