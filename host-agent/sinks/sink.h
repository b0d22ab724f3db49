#ifndef SINKS_SINK_H
#define SINKS_SINK_H
/*
 * sink - where lines go; one const table a scheme, one file a table
 *
 * Used by a wire process, which has exactly one. Nothing here blocks.
 */
#include "conf/conf.h"
#include <stddef.h>
#include <stdint.h>

struct sink_ops;

struct sink {
    const struct sink_ops *ops;
    const struct conf_channel *channel;
    int fd; /* -1 while closed */
    uint64_t fault_seed;
};

struct sink_ops {
    const char *scheme;

    /* Opens and configures the device. 0 or -errno. */
    int (*open)(struct sink *s);

    /* Returns the bytes taken, 0 when none can be taken now (poll for POLLOUT), or -errno when the device is
     * gone. */
    int (*write)(struct sink *s, const char *src, size_t len);

    /* Bytes that were taken and are not out yet, or -errno. */
    int (*queued)(struct sink *s);

    void (*close)(struct sink *s);
};

/* The table for a scheme; NULL when there is none. */
const struct sink_ops *sink_find(const char *scheme);

extern const struct sink_ops sink_serial_ops; /* a serial port: raw, with a baud rate */
extern const struct sink_ops sink_tty_ops;    /* a terminal as it is, but raw: a pseudo-terminal */
extern const struct sink_ops sink_file_ops;   /* a file, appended to */
extern const struct sink_ops sink_null_ops;   /* takes everything */
extern const struct sink_ops sink_fault_ops;  /* a tty that takes little, refuses, and fails, by a seed */

#endif
