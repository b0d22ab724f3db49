#ifndef PROC_LINK_H
#define PROC_LINK_H
/*
 * link - sending and receiving the fixed-size messages of message.h
 */
#include "proc/message.h"
#include <sys/types.h>

/* A pair of links, both non-blocking and close-on-exec. 0 or -errno. */
int link_pair(int pair[2]);

/* 0 when sent whole, -EAGAIN when the other side is behind, another -errno when it is gone. */
int link_send(int fd, const void *message, size_t len);

/* The same with a descriptor. */
int link_send_fd(int fd, const void *message, size_t len, int passed);

/*
 * Bytes received into `out`, -EAGAIN when there is nothing, 0 when the other side is gone. A message longer
 * than `size` is cut, and its length says so.
 */
ssize_t link_receive(int fd, void *out, size_t size);

/* The same; *passed gets the descriptor that came along, or -1. More than one are none, and all are closed.
 */
ssize_t link_receive_fd(int fd, void *out, size_t size, int *passed);

/* Waits until the other side takes more, at most timeout_ms. */
void link_wait_room(int fd, int timeout_ms);

#endif
