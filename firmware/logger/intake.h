#ifndef LOGGER_INTAKE_H
#define LOGGER_INTAKE_H
/*
 * intake - the inputs of the recorder, and the line each may hold until it can be stored
 *
 * One of each input an image, over hal/uart.h and usb/. A line that cannot be stored at once stays where it
 * is, and nothing more is taken from its input: the serial line's ring fills, and the USB host gets NAK.
 */
#include "logger/assembler.h"

#define INTAKE_CHUNK 64 /* bytes taken from an input in a turn */

enum intake_input {
    INTAKE_SERVER,  /* HAL_UART_SERVER */
    INTAKE_CONSOLE, /* the receiver of HAL_UART_CONSOLE */
    INTAKE_USB,
    INTAKES
};

struct intake {
    struct assembler assembler;
    struct wire_line line; /* while held; its bytes are the assembler's */
    bool held;
    uint8_t at;  /* how much of `chunk` has been taken */
    uint8_t len; /* of `chunk` */
    uint8_t chunk[INTAKE_CHUNK];
};

void intake_init(struct intake *in);

/*
 * Takes at most one chunk from the input, up to the end of a line, unless one is held already. True when one
 * is held now: intake_done() lets go of it.
 */
bool intake_poll(struct intake *in, enum intake_input which);

void intake_done(struct intake *in);

/* "server", "console" or "usb". */
const char *intake_name(enum intake_input which);

#endif
