#ifndef SINKS_DESCRIPTOR_H
#define SINKS_DESCRIPTOR_H
/*
 * descriptor - what the sinks that are one file descriptor have in common
 *
 * Those of terminals remember how theirs should be: one a process, as a wire has one device.
 */
#include "sinks/sink.h"

/* As sink_ops.write. */
int sink_fd_write(struct sink *s, const char *src, size_t len);

/* As sink_ops.queued, for something that has no queue of its own. */
int sink_fd_none_queued(struct sink *s);

/* As sink_ops.close. */
void sink_fd_close(struct sink *s);

/* As sink_ops.open: a terminal at `path` that is made raw, as the channel says; a baud of 0 leaves the speed
 * as it is. */
int sink_tty_open(const struct conf_channel *channel, const char *path, uint32_t baud);

/* As sink_ops.adopt: it is set as it was opened, as somebody may have been quicker, and should stay so. */
int sink_tty_adopt(struct sink *s, uint32_t baud);

/* The same for one that others set as they need: as it is when it is first adopted is how it should be. */
int sink_tty_adopt_shared(struct sink *s);

/* As sink_ops.queued, check and close. */
int sink_tty_queued(struct sink *s);
int sink_tty_check(struct sink *s, char word[SINK_WORD]);
void sink_tty_settings(struct sink *s, char out[SINK_SETTINGS]);
void sink_tty_close(struct sink *s);

/* What check() says of a virtual console that shows something else than its text: SINK_WAITS, or 0. */
int sink_tty_shows(struct sink *s, char word[SINK_WORD]);

/* What check() says of something that is not as it should be and cannot be put right from here: told once,
 * and then `error`, so that it is opened again. */
int sink_tty_helpless(int error);

#endif
