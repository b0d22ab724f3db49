#ifndef TESTS_POWERCUT_WORLD_H
#define TESTS_POWERCUT_WORLD_H
/*
 * world - what a log must hold, known without looking into the store
 *
 * The world sees every operation of the flash before it is done and every record that is committed, so it
 * knows in which sector each record lies and when a sector with it is erased. It is copied with each
 * operation: such a copy says what must be found when the power goes in that operation.
 */
#include <stdbool.h>
#include <stdint.h>

#include "hal/linux/flash_faults.h"
#include "store/store.h"

#define WORLD_SECTORS 12u
#define WORLD_RESERVE 6u /* the first half */
#define WORLD_RECORDS 4000u

enum state {
    WAITING,   /* appended */
    COMMITTED, /* must be found */
    CUT,       /* waited when the power went: may be found, and is committed then */
    GONE,      /* its sector was rightly erased, or it was cut short: may be found */
};

struct known {
    uint32_t number;
    uint32_t value; /* what its content follows from */
    uint8_t class;
    uint8_t state;
    uint8_t sector;
};

struct world {
    uint32_t count;
    uint32_t next_value;
    uint32_t harvested;   /* committed */
    uint32_t mark;        /* asked for */
    uint32_t mark_number; /* of the mark as a record; 0 after a cut: what the store finds counts */
    uint8_t sector;       /* programmed last */
    struct known record[WORLD_RECORDS];
};

extern struct world world;

/* One line that says what and where, and the end of the program. `where` is kept up by who makes the cuts. */
extern char world_where[200];
_Noreturn void world_failed(const char *what, uint32_t a, uint32_t b);

/*
 * A new flash, all blank, and a store on it. Two sectors are bad if asked for. Appending and settling end
 * early when the power goes in them (flash_cut_at).
 */
void world_begin(bool bad_sectors, uint64_t seed);

/* Is told each operation before it is done, when the world knows of it; NULL: nobody. */
extern void (*world_also)(const struct flash_op *op);

/* Appends the next record. */
void world_append(enum store_class class);

/* Marks as harvested all that is committed but the newest `but`. */
void world_harvest(uint32_t but);

/* Turns until all is committed and erases ahead are done. */
void world_settle(void);

/* Power again: what was waiting may be found, or not. Opens the store. */
void world_power_on(void);

/* Reads all of the log: nothing but what was appended, all that was committed, in order. */
void world_check(void);

#endif
