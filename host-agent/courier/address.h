#ifndef COURIER_ADDRESS_H
#define COURIER_ADDRESS_H
/*
 * address - where the receiver is: as the configuration says, or what its name meant when it was last asked
 * for
 *
 * DNS may be gone when it is needed most, so what a name meant is kept in a file. Looking a name up can take
 * long and cannot be stopped, so a process of its own does it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define ADDRESSES_MAX 8
#define ADDRESSES_FILE "address"
#define ADDRESSES_TEXT 1024 /* of the file, at most */
#define RESOLVER_MS 20000   /* so long it may take */

struct address {
    uint8_t family; /* AF_INET or AF_INET6 */
    uint8_t bytes[16];
};

struct addresses {
    unsigned count;
    struct address at[ADDRESSES_MAX];
};

/* Its length. */
socklen_t address_socket(const struct address *a, uint16_t port, struct sockaddr_storage *out);

/* True when both hold the same addresses, in whatever order: DNS turns them round. */
bool addresses_same(const struct addresses *a, const struct addresses *b);

/* The file's text: the name, then an address a line. False when it is of another name or not of this form. */
bool addresses_parse(const char *text, size_t len, const char *name, struct addresses *out);

/* What to save, and where. */
struct addresses_order {
    int dir;
    const char *name;
    struct addresses list;
};

/* From and to the file in the directory `dir`. Saving: 0 or -errno, whole or not at all. */
bool addresses_load(int dir, const char *name, struct addresses *out);
int addresses_save(const struct addresses_order *order);

struct resolver {
    pid_t pid;    /* 0: does not run */
    pid_t killed; /* and has not ended yet; 0: none */
    int fd;
    int64_t began_ms;
};

/* Begins to look the name up; nothing while it is at it. 0 or -errno; -EBUSY while the last one does not end.
 */
int resolver_start(struct resolver *r, const char *name, int64_t now_ms);

/*
 * After poll() on r->fd, or when RESOLVER_MS are over: 1 with the addresses, 0 when it is still at it, -1
 * when there are none to be had.
 */
int resolver_take(struct resolver *r, struct addresses *out, int64_t now_ms);

/* Does not wait for its end: one that hangs in the kernel has none. */
void resolver_stop(struct resolver *r);

#endif
