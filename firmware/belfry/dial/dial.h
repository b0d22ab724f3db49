#ifndef BELFRY_DIAL_DIAL_H
#define BELFRY_DIAL_DIAL_H
/*
 * dial - calls for lines that another process makes: names, connections, TLS, commands
 *
 * Two processes at most run belfry-dial, one for the network and one for commands, and one belfry-port, for
 * serial ports; each is started when the first line needs it and again when it ends. Main loop only. Nothing
 * here ever waits but dial_stop().
 */
#include "belfry/conf.h"
#include "belfry/dial/link.h"

/* Starts what the lines of this configuration need. Called before there is a key in this process; lines that
 * a reload adds start it later. */
void dial_start(const struct conf *conf);

/* Begins a call for a serial, tcp, telnet, tls or command line. `number` gets what to ask for it by. 0 or
 * -errno; -EAGAIN when it cannot be told now. */
int dial_call(const struct conf_line *line, int64_t now_ms, uint32_t *number);

/* What became of it: -EINPROGRESS; 0 and the descriptor, which is the caller's; or -errno, `why` says more,
 * and the call is over. */
int dial_answer(uint32_t number, int64_t now_ms, int *fd, enum dial_why *why);

/* Begins a call that puts the settings of a serial port back. It stays the caller's, who does nothing with it
 * until there is an answer: the kernel would have him wait for that. The descriptor of the answer is another
 * one of the same port. As dial_call(). */
int dial_set(int fd, const struct termios *settings, int64_t now_ms, uint32_t *number);

/* Has a serial port closed: the last close may wait for the device. The descriptor is no more the caller's.
 */
void dial_close(int fd);

/* Once a second: takes answers that nobody asks for any more. */
void dial_tick(int64_t now_ms);

/* A call that came is over: ends the connection's other half, or the command and all it started. */
void dial_end(uint32_t number);

/* Ends the processes, and with them all calls. */
void dial_stop(void);

#endif
