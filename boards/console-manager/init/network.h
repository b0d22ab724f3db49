#ifndef APPLIANCE_NETWORK_H
#define APPLIANCE_NETWORK_H
/*
 * network - fixed addresses, from the file `network` on the log disk
 *
 *     hostname NAME
 *     address INTERFACE ADDRESS/BITS     IPv4 or IPv6; INTERFACE is a name, or the card's address as
 * 52:54:00:12:34:56 gateway ADDRESS nameserver ADDRESS
 *
 * Behind '#' is a comment.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORK_FACTS 32
#define NETWORK_NAME 64

enum network_kind {
    NETWORK_NOTHING, /* an empty line */
    NETWORK_WRONG,
    NETWORK_HOSTNAME,
    NETWORK_ADDRESS,
    NETWORK_GATEWAY,
    NETWORK_NAMESERVER
};

struct network_fact {
    enum network_kind kind;
    char name[NETWORK_NAME]; /* of the host, or the interface */
    uint8_t address[16];
    uint8_t size; /* of the address: 4 or 16 */
    uint8_t bits;
    int error; /* why it is not set, -errno; 0 when it is */
};

/* One line of the file, with or without its end. */
void network_parse(const char *line, struct network_fact *out);

/* Reads the file; what is wrong in it is told and left out. Without the file there is no network but
 * loopback. */
void network_read(const char *path);

/* Sets what is not set yet, as cards may come late: true when all is. */
bool network_settle(void);

/* Tells what is still not set. */
void network_tell(void);

#endif
