#ifndef SINKS_DESCRIPTOR_H
#define SINKS_DESCRIPTOR_H
/*
 * descriptor - what the sinks that are one file descriptor have in common
 */
#include "sinks/sink.h"

/* As sink_ops.open, for a terminal that is made raw; a `baud` of 0 leaves the speed as it is. */
int sink_fd_open_raw(struct sink *s, uint32_t baud);

/* As sink_ops.write. */
int sink_fd_write(struct sink *s, const char *src, size_t len);

/* As sink_ops.queued, for something that has no queue of its own. */
int sink_fd_none_queued(struct sink *s);

/* As sink_ops.queued, for a terminal. */
int sink_fd_tty_queued(struct sink *s);

/* As sink_ops.close. */
void sink_fd_close(struct sink *s);

#endif
