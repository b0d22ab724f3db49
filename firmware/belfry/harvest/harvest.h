#ifndef BELFRY_HARVEST_HARVEST_H
#define BELFRY_HARVEST_HARVEST_H
/*
 * harvest - reads the records out of a logger (firmware/dump/SPEC.md), each once, however often it is cut off
 *
 * One a process. The device is not trusted: what it says is bounded, and proves nothing by itself.
 */
#include "belfry/harvest/port.h"
#include "dump/dump.h"
#include <stdbool.h>

#define HARVEST_TRIES 5
#define HARVEST_READ_MS 10000u       /* without a byte: cut off */
#define HARVEST_RECORDS_MOST 4000000 /* 64 MiB of the shortest: more than any logger has */
#define HARVEST_RUBBISH_MOST (16u << 20)

struct harvest_ops {
    /* The head of the first try. */
    void (*head)(void *to, const struct dump_head *head);
    /* A record, in the order of the numbers, each once. False ends it: it could not be kept. */
    bool (*record)(void *to, const struct dump_record *record);
};

struct harvest {
    const struct harvest_ops *ops;
    void *to;
    unsigned pause_ms; /* before it is tried again */
    unsigned tries;
    bool begun; /* a head came */
    struct dump_head head;
    uint32_t last; /* number of the last record taken, 0: none */
    uint64_t records;
    uint64_t gaps;     /* numbers that were passed */
    uint64_t disorder; /* records whose number was not behind the one before */
    uint64_t damaged;  /* that the end counts and that did not come */
    uint64_t rubbish;  /* bytes */
    uint32_t spoilt;   /* records that the device itself could not read */
    struct dump_reader reader;
    uint32_t frames;   /* of this try: records that came, */
    uint32_t numbered; /* and the last one's number */
    bool headed;       /* and the head */
};

/*
 * Reads until the end. `h` has ops, to and pause_ms set, else 0. 0 when the dump was whole (but see
 * `damaged`), or -errno of the last try: -ETIMEDOUT when the device fell silent, -EPROTO when it does not
 * keep to the form or is another one than before, -ECANCELED when a record could not be kept.
 */
int harvest_run(struct harvest *h, const struct port_ops *port, const char *device);

#endif
