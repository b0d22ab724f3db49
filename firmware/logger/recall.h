#ifndef LOGGER_RECALL_H
#define LOGGER_RECALL_H
/*
 * recall - what the log still knows behind a start: lines that have been seen, and an alarm nobody
 * acknowledged
 *
 * One an image, over store/. Whoever switches the power off and on shall neither end a call nor have copies
 * recorded again. Reads what is not harvested, the newest part of it first, then older and larger ones, one
 * record a turn, when the log has nothing else to do; who does not let it come to an answer for RECALL_S
 * shall not end a call either. The windows of copies then know the newest part whole, and of what is older as
 * much as they have room for.
 */
#include "logger/copies.h"
#include "store/store.h"

#define RECALL_S 30     /* s since the start, after which an alarm is taken for granted */
#define RECALL_HOLD_S 2 /* s since the start, for which USB may wait; a host's transfer has 3 */

struct recall {
    struct store_cursor cursor;
    uint32_t upto; /* number of the last record of the part that is read; 0: not known yet */
    uint32_t from; /* the number before its first */
    uint32_t part; /* numbers in it */
    uint32_t harvested;
    bool done;
    bool newest; /* the newest part has been read */
    bool known;  /* whether an alarm calls: */
    bool alarm;  /* one is behind the last acknowledgement, or what was harvested */
    bool acknowledged;
};

void recall_init(struct recall *r);

/*
 * True while lines that can wait shall: a host sends again at once what it does not know to be recorded, and
 * what has not been read yet would not be known. Who keeps the log from being read does not stop them.
 */
bool recall_holds(const struct recall *r, uint32_t uptime_s);

/* Reads a record and adds its mark to the window of its class. True once, when it is known that an alarm
 * calls. */
bool recall_poll(struct recall *r, const struct copies_key *key, struct copies windows[STORE_CLASSES]);

#endif
