#ifndef BELFRY_LINE_REMOTE_H
#define BELFRY_LINE_REMOTE_H
/*
 * remote - what the kinds share that are a stream to somewhere else: tcp, tls, telnet, unix, command
 */
#include "belfry/line/line.h"

#define REMOTE_WAIT_FIRST_MS 1000
#define REMOTE_WAIT_MAX_MS 60000
#define REMOTE_WELL_MS 30000 /* a server that says something and closes at once is not well */

/* Has belfry-dial make the connection. 0, -EINPROGRESS or -errno. */
int remote_dial(struct line *l, int64_t now_ms);

/* Ends the connection, or the call for one. */
void remote_close(struct line *l);

int remote_fd(const struct line *l);

/* Bytes read, 0 when there are none, -errno; -ENOTCONN when the other side has ended it. */
int remote_read(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms);

/* Bytes written, 0 when the other side does not read, -errno. */
int remote_write(struct line *l, const uint8_t *src, size_t len);

#endif
