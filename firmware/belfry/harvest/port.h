#ifndef BELFRY_HARVEST_PORT_H
#define BELFRY_HARVEST_PORT_H
/*
 * port - a logger that is read out: one const table a way to it
 *
 * One device a process; each call waits, for as long as it says. Nothing is written to the device but
 * requests for what it sends.
 */
#include <stddef.h>
#include <stdint.h>

struct port_ops {
    /* 0 or -errno: -ENODEV when it is not there, -ENOTUNIQ when there are several. */
    int (*open)(const char *device);

    /* A vendor request by endpoint 0. How many bytes came, or -errno; -EPIPE: the device refuses it. */
    int (*ask)(uint8_t type, uint8_t request, void *dst, size_t size);

    /* Has the dump begin with its first byte. -ENOENT when the device was not started to be read out. */
    int (*begin)(void);

    /* The next bytes, at most `size`, a multiple of 64. How many, 0 when none came in time, or -errno. */
    int (*read)(void *dst, size_t size, unsigned most_ms);

    void (*close)(void);
};

/* By the form of its name, "VID:PID[:SERIAL]" or "usbip:ADDRESS:PORT/BUSID"; NULL for any other. */
const struct port_ops *port_of(const char *device);

extern const struct port_ops port_usb_ops;
extern const struct port_ops port_usbip_ops;

#endif
