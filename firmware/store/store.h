#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * store - an append-only log of records in flash: what is committed, no loss of power can take (SPEC.md)
 *
 * One per image, main loop only, over hal/flash.h, of which it takes all. A record is 1 to WIRE_LINE_MAX
 * bytes and gets a number, one higher than the record before it, over all boots. There are two regions: the
 * reserve keeps what it has until it was harvested, the ring overwrites its oldest. Reading returns both as
 * one sequence by number. No call waits for the flash; the work is done by store_poll().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/line.h"

#define STORE_RECORD_MAX WIRE_LINE_MAX

enum store_class {
    STORE_RING,    /* the newest of all: into the ring */
    STORE_KEPT,    /* into the reserve; while that is full, into the ring, and counted as refused */
    STORE_CLASSES, /* a mark of the store's own has this class in flash; never read out */
};

enum store_error {
    STORE_E_BUSY = -1,  /* the queue is full, or the flash is at work: again behind a store_poll() */
    STORE_E_RANGE = -2, /* an argument that cannot be served; nothing was done */
    STORE_E_FLASH = -3, /* no flash, or one too small or too large */
};

/*
 * Find the end of the log that an earlier life left; hal_flash_start() has said HAL_OK. Reads, and does not
 * write: at most 50 ms at 1.5 MB/s and 48 MHz for 1 MiB that holds a log or nothing. STORE_E_FLASH.
 */
int store_open(void);

/*
 * Queue a copy of the record. Returns 0, and its number is store_last(); STORE_E_BUSY: the queue is full,
 * hold it and try again; STORE_E_RANGE: len is 0 or above STORE_RECORD_MAX. The last four records' room of
 * the queue is for STORE_KEPT alone.
 */
int store_append(enum store_class class, const void *src, size_t len);

/* A turn: starts or follows one operation of the flash. Reads at most 4 KiB; 16 KiB when a mark is committed.
 */
void store_poll(void);

/* Nothing is queued and no operation runs: the power may go. */
bool store_idle(void);

/* Records in the queue. */
uint32_t store_waiting(void);

/* The number given last; 0: none yet. */
uint32_t store_last(void);

/* No loss of power can take this record or one before it any more; 0: none yet. */
uint32_t store_committed(void);

/*
 * Records up to this number have been read out and proved: their room in the reserve may be used again, once
 * the mark itself is committed. Returns 0, also when they were marked before; STORE_E_RANGE: not committed
 * yet; STORE_E_BUSY as store_append().
 */
int store_harvested(uint32_t upto);

/* Since when: `life` survives boots (to the last sector begun), `boot` begins at 0 with each store_open(). */
struct store_counts {
    uint32_t boots;     /* life: this one included */
    uint32_t harvested; /* life: the number of the committed mark */
    uint32_t kept;      /* boot: records written to the reserve */
    uint32_t ring;      /* boot: records written to the ring */
    uint32_t refused;   /* life: STORE_KEPT that found the reserve full and went to the ring */
    uint32_t lost;      /* life: records that found no sector that works */
    uint32_t torn;      /* life: records that a loss of power cut short, or that were damaged at the end */
    uint32_t reserve_slots; /* records the reserve can hold, harvested or not */
    uint32_t reserve_free;  /* records it can still take; 0: full */
    uint32_t ring_slots;
    uint32_t bad_sectors; /* life: of both regions, out of use */
    uint32_t wear_min;    /* erases of the least worn sector that has a header, as of the start or last lap */
    uint32_t wear_max;
    uint32_t queued; /* bytes waiting in the queue */
};
void store_counts(struct store_counts *out);

struct store_record {
    uint32_t number;
    uint16_t boot; /* of the store's count, 65535: that or a later one */
    enum store_class class;
    uint8_t len;
    uint8_t bytes[STORE_RECORD_MAX];
};

/* A reader's place. Any number of them; a zeroed one stands before the first record. */
struct store_cursor {
    uint32_t after;   /* every record up to this number is behind it */
    uint32_t damaged; /* slots it met that hold neither a record nor nothing */
    struct {
        uint32_t next; /* a number found ahead; 0: none */
        uint32_t seq;  /* of the sector; none found: of the region, when it was looked through */
        uint16_t sector;
        uint16_t looked; /* sectors looked at for a place to begin */
        uint8_t slot;
        bool found; /* one of them: sector and seq are set */
        bool below; /* which begins at or below `after` */
        bool in;    /* it is the place; slot is set */
    } region[2];
};

/* Stand before the first record whose number is above `after`. */
void store_seek(struct store_cursor *c, uint32_t after);

/*
 * Take the next committed record: 1, or 0 when there is none yet. STORE_E_BUSY: the flash is at work, or it
 * has not found its place yet; again in the next turn. What the ring overwrites before the cursor comes there
 * is passed over. Reads mostly 300 bytes, at most 16 KiB.
 */
int store_next(struct store_cursor *c, struct store_record *out);

#endif
