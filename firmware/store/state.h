#ifndef STORE_STATE_H
#define STORE_STATE_H
/*
 * state - all that the store knows between two turns; for the files of this directory only
 *
 * One: store_self. Sectors are counted over the whole flash, the reserve's first.
 */
#include "hal/flash.h"
#include "store/layout.h"

#define REGIONS 2
#define REGION_MIN 4 /* sectors */
#define NO_SECTOR 0xFFFFu
#define QUEUE_SIZE \
    10080u /* what two lines at 115,200 Bd bring in 400 ms, the longest erase (SPEC.md, section 7) */
#define QUEUE_ITEM 2                                     /* class and length, before each record */
#define QUEUE_KEPT (4 * (QUEUE_ITEM + STORE_RECORD_MAX)) /* room that is for STORE_KEPT alone */

enum region_of { RESERVE, RING };

/* What the last operation of an earlier life may have left half done: it is done again before anything else.
 */
enum tail {
    TAIL_SOLID,
    TAIL_HEADER,
    TAIL_RECORD,
    TAIL_DEAD, /* zeroed, or to be */
};

struct region {
    uint16_t base; /* first sector */
    uint16_t count;
    uint16_t active; /* where the next record goes; NO_SECTOR: none yet */
    uint16_t ahead;  /* erased in this life and found blank; NO_SECTOR: none */
    uint8_t slot;    /* the active one's next; LAYOUT_SLOTS: it is full, or there is none */
    bool doubtful;   /* that slot may be half programmed though it reads blank */
    enum tail tail;
    uint32_t seq; /* given to a sector last */
    uint32_t ahead_wear;
    uint32_t wear_min;
    uint32_t wear_lap; /* least since the region was last gone through */
    uint32_t wear_max;
    uint8_t retired[LAYOUT_MAP_BITS / 8];
    uint8_t held[LAYOUT_MAP_BITS / 8]; /* has records that are not harvested; the ring's is unused */
};

enum step { STEP_NONE, STEP_PROGRAM, STEP_ERASE, STEP_BLANK };
enum purpose { FOR_RECORD, FOR_HEADER, FOR_TAIL, FOR_DOUBT };

/* The operation of the flash under way. */
struct work {
    enum step step;
    enum purpose purpose;
    enum region_of region;
    uint16_t sector;
    uint16_t at;   /* in the sector */
    uint16_t len;  /* of image */
    uint16_t done; /* bytes programmed, or found blank */
    uint32_t wear; /* of the sector being erased */
    uint8_t image[HAL_FLASH_PAGE];
};

struct store_self {
    bool open;
    bool settled; /* no region has a tail that is not solid */
    struct region region[REGIONS];
    struct work work;
    uint32_t last;      /* number */
    uint32_t committed; /* number; counts when settled */
    uint32_t harvested;
    uint32_t boots;
    uint32_t kept;
    uint32_t ring;
    uint32_t refused;
    uint32_t lost;
    uint32_t torn;
    uint32_t queued; /* records in the queue */
    uint16_t head;   /* of the queue: its oldest byte */
    uint16_t used;
    uint8_t queue[QUEUE_SIZE];
};

extern struct store_self store_self;

/* scan.c: what is in the flash. Nothing runs there meanwhile. */
void scan_all(void);
bool scan_head(uint16_t sector, struct layout_head *out);
enum layout_slot scan_slot(uint16_t sector, uint8_t slot, struct store_record *out);

/* Does the sector hold a record of a number above `upto`? */
bool scan_above(uint16_t sector, uint32_t upto);

/* Which sectors of the reserve have records that are not harvested. */
void scan_held(void);

/* region.c: which sector next. */
bool region_bit(const uint8_t *map, const struct region *r, uint16_t sector);
void region_set(uint8_t *map, const struct region *r, uint16_t sector);
uint16_t region_free(const struct region *r);    /* the next to be erased; NO_SECTOR: none */
uint32_t region_room(const struct region *r);    /* slots that may be written */
uint32_t region_retired(const struct region *r); /* sectors */

/* queue, in store.c */
bool queue_front(struct store_record *out);
void queue_drop(void);

#endif
