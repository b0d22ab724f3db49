#ifndef HAL_LINUX_BENCH_WIRES_H
#define HAL_LINUX_BENCH_WIRES_H
/*
 * wires - what comes out of the bench: pseudo-terminals and the USB/IP port
 *
 * One a bench, which stands in the working directory.
 */
#include <stdint.h>

/*
 * A pseudo-terminal, raw, whose far end is found at `name`. Returns the chip's end, non-blocking, or -errno.
 * The far end stays open here, so that it keeps its settings while nobody has it.
 */
int wires_pty(const char *name);

/* Listens on 127.0.0.1; port 0: any that is free, which is written to the file `name`. Non-blocking; or
 * -errno. */
int wires_listen(uint16_t port, const char *name);

/* Takes all names away that a bench makes here. */
void wires_remove(void);

/*
 * From now on the names go with the caller and its children, however they end, and before a terminal's number
 * can be given to another: who opens a name again shall not find somebody else's line. Done by a process of
 * its own, which is no child. 0 or -errno.
 */
int wires_guard(void);

#endif
