#ifndef BELFRY_LEDGER_RESERVE_H
#define BELFRY_LEDGER_RESERVE_H
/*
 * reserve - room that is given to the ledger when others have filled the disk
 *
 * One a process. STATE/reserve holds blocks of the file system and nothing else. When the ledger is refused
 * and the disk is full, they are let go: enough for some thousand alarms. They are taken again when there is
 * room.
 */
#include <stdbool.h>
#include <stdint.h>

struct reserve {
    int fd; /* -1 where there is none */
    uint64_t size;
    bool held;
};

/* In the directory at `path`. Without a reserve belfry runs all the same. */
void reserve_open(struct reserve *r, const char *path);

/* The ledger was refused: lets the room go if that is what it lacks. True when it did. */
bool reserve_spend(struct reserve *r);

/* Once a second: takes it again. True when it did. */
bool reserve_look(struct reserve *r);

void reserve_close(struct reserve *r);

#endif
