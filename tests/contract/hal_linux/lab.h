#ifndef CONTRACT_HAL_LINUX_LAB_H
#define CONTRACT_HAL_LINUX_LAB_H
/*
 * lab - a lab process that a test runs, and the far ends of its wires
 *
 * One at a time; main loop only. TOCSIN_BIN says where the image is.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lab {
    pid_t pid;
    char directory[64]; /* made by lab_start(), removed by lab_stop() */
    int server;
    int console;
    int pins;
    uint16_t usb; /* the port */
};

/* Starts `image`, without power, and takes its wires. False when it did not come up within 30 s. */
bool lab_start(struct lab *lab, const char *image);

/* Ends it if it runs, and removes its directory. The exit code, or -1 when it was a signal. */
int lab_stop(struct lab *lab);

/* Sends all of it; waits while the other end is full. */
void lab_send(int fd, const void *src, size_t len);

/* Says a line to the bench. */
void lab_pins(struct lab *lab, const char *line);

/* Waits at most 20 s for a line on the console that says this. */
bool lab_console_says(struct lab *lab, const char *line);

/* Waits at most 20 s until the bench has told this line. */
bool lab_pins_say(struct lab *lab, const char *line);

/* The last level the bench told of the pin: '0', '1', or 0 when it told none. */
char lab_pin(struct lab *lab, const char *name);

#endif
