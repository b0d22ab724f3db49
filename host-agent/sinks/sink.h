#ifndef SINKS_SINK_H
#define SINKS_SINK_H
/*
 * sink - where lines go; one const table a scheme, one file a table
 *
 * Opened by a process that has the rights for it, used by a wire process, which has exactly one and no right
 * but the descriptor. So a sink keeps what it has to remember in its own file. Nothing here blocks.
 */
#include "conf/conf.h"
#include <stddef.h>
#include <stdint.h>

#define SINK_WORD 16 /* with the NUL: of a-z, 0-9 and '-', for why= and what= */

#define SINK_SETTINGS 96 /* with the NUL */

/* What sink_ops.check says beside 0 and -errno. */
#define SINK_TAMPERED 1 /* somebody changed it, and it is put right; the word says what: "baud" */
#define SINK_WAITS 2    /* it takes nothing for now and stays open; the word says why: "paper" */

struct sink_ops;

struct sink {
    const struct sink_ops *ops;
    const struct conf_channel *channel;
    int fd; /* -1 while closed */
};

struct sink_ops {
    const char *scheme;
    bool hangs_up; /* by others as they log in (EIO): opened again, and not told of unless it goes on */

    /* With rights, and maybe in another process: finds, opens and configures the device. Returns the
     * descriptor, non-blocking and closed on exec, or -errno. */
    int (*open)(const struct conf_channel *channel);

    /* NULL, or: in the wire, once, before it gives up its rights: looks at what adopt() cannot look at any
     * more. What fails here fails again there, and is told then. */
    void (*prepare)(struct sink *s);

    /* NULL, or: in the wire, which has the descriptor only. s->fd was opened (again). 0 or -errno. */
    int (*adopt)(struct sink *s);

    /* Returns the bytes taken, 0 when none can be taken now (poll for POLLOUT), or -errno when the device is
     * gone. */
    int (*write)(struct sink *s, const char *src, size_t len);

    /* Bytes that were taken and are not out yet, or -errno. */
    int (*queued)(struct sink *s);

    bool changes; /* others can change its settings and state: looked at each second, else each ROLE_ALIVE_MS
                   */

    /* NULL, or: now and then, by the descriptor alone. 0 when it is as it should be, SINK_TAMPERED,
     * SINK_WAITS, or -errno when the device is gone and has to be opened again. All but 0 may set `word`,
     * which is empty at first. */
    int (*check)(struct sink *s, char word[SINK_WORD]);

    /* NULL, or: the device's settings as it has them now, for people: printable ASCII. By the descriptor
     * alone; `out` is empty at first. */
    void (*settings)(struct sink *s, char out[SINK_SETTINGS]);

    /* Closes s->fd, which is then -1, and forgets what adopt() made. */
    void (*close)(struct sink *s);
};

/* The sink of a channel, closed. False when there is none of its scheme. */
bool sink_init(struct sink *s, const struct conf_channel *channel);

/* The table of a scheme without faults around it; NULL when there is none. */
const struct sink_ops *sink_ops_of(const char *scheme);

extern const struct sink_ops sink_serial_ops;  /* a serial port: raw, with a baud rate */
extern const struct sink_ops sink_console_ops; /* the kernel's console, which others write to */
extern const struct sink_ops sink_tty_ops;     /* a terminal line or a virtual console, made raw */
extern const struct sink_ops sink_screen_ops;  /* some rows of a virtual console */
extern const struct sink_ops sink_printer_ops; /* a line printer: paper */
extern const struct sink_ops sink_usb_ops;     /* a USB device that keeps what it gets: the logger */
extern const struct sink_ops sink_file_ops;    /* a file, appended to */
extern const struct sink_ops sink_null_ops;    /* takes everything */
extern const struct sink_ops
        sink_fault_ops; /* another one that takes little, refuses, and fails, by a seed */

#endif
