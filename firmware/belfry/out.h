#ifndef BELFRY_OUT_H
#define BELFRY_OUT_H
/*
 * out - output that never blocks: a bounded buffer in front of a descriptor
 *
 * What does not fit is dropped, whole messages at a time, and counted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
    int fd; /* -1 when closed */
    char *buffer;
    size_t size;
    size_t len;
    uint64_t dropped; /* messages, since the last out_dropped() */
    bool is_socket;
    bool is_file; /* a regular file: never makes us wait */
    bool own;     /* the descriptor is ours to close */
};

/* Standard output, opened again so that non-blocking mode is ours alone. 0 or -errno. */
int out_stdout(struct out *o, size_t size);

/* A socket, which becomes the object's. 0 or -ENOMEM (then it is still the caller's). */
int out_socket(struct out *o, int fd, size_t size);

void out_close(struct out *o);

/* True when all of it has a place. */
bool out_put(struct out *o, const char *text, size_t len);

/* Writes what can be written now. 0, or -errno when nobody will ever read on. */
int out_flush(struct out *o);

/*
 * "belfry: ..." to standard error, unless that would block: hooks write there too, and nobody may read.
 * Arguments from outside are escaped before.
 */
void out_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many messages were dropped, once there is room to say so; 0 before. */
uint64_t out_dropped(struct out *o);

#endif
