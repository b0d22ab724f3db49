#ifndef COURIER_KEEPER_H
#define COURIER_KEEPER_H
/*
 * keeper - takes the core's lines into the spool and tells the core what has become of them; all of the
 * courier that waits for the disk
 *
 * A line goes out only when it is on the disk: spool_peek() sees to that. While the disk is at it the spool
 * is the syncer's: lines wait here, none is handed out, and what was acknowledged is noted.
 */
#include "courier/address.h"
#include "courier/news.h"
#include "courier/spool.h"

#define KEEPER_SYNC_MS 20 /* from one fdatasync to the next */
#define KEEPER_STUCK_MS 5000
#define KEEPER_RETRY_MS 250 /* when the disk took nothing, or made no room yet */

struct keeper {
    struct spool spool;
    struct news *news;
    uint32_t number;  /* of the last line that was taken into the spool */
    bool owes;        /* the core waits to hear about it */
    bool busy;        /* the spool is the syncer's */
    bool answers;     /* ... and the core waits for what comes of it */
    uint32_t given;   /* `number` when it became so */
    int error;        /* of the last sync */
    int64_t sync_ms;  /* when that began */
    uint32_t refused; /* no sealed lines, or more than the core may give */
    bool any_acked;   /* meanwhile */
    uint64_t acked;   /* the position */
    bool rewinds;     /* meanwhile the connection ended */
    bool means;       /* `meant` is not on the disk yet */
    bool unsaved;     /* as the disk did not take it */
    unsigned waits;   /* lines that came meanwhile */
    struct line_message waiting[COURIER_WINDOW];
    struct addresses_order meant;
    struct addresses_order given_meant;
};

/* `dir` is the spool's directory. 0 or -errno. */
int keeper_open(struct keeper *k, int dir, struct news *news);

/* A LINE_WRITE of the core. */
void keeper_take(struct keeper *k, const struct line_message *m);

/* Ends a sync that is done; to be called when syncer_fd() can be read. */
void keeper_end_sync(struct keeper *k);

/*
 * Begins to put on the disk what is due, all there is when `now`. When to call again. What could be sent
 * between the end of one sync and this is sent, whatever the disk does.
 */
int64_t keeper_sync(struct keeper *k, bool now, int64_t now_ms);

/* The next line to be sent, as spool_peek(). */
bool keeper_peek(struct keeper *k, struct spool_line *out);

void keeper_acked(struct keeper *k, uint64_t position);

/* The connection is over: what is not acknowledged is to be sent again. */
void keeper_rewind(struct keeper *k);

/* What the receiver's name means goes to the disk as soon as it can, and until it is there; `name` stays. */
void keeper_mean(struct keeper *k, const char *name, const struct addresses *list);

/* True when all that came is on the disk, or known not to be, and what went is off it. */
bool keeper_settled(const struct keeper *k);

/* True when the disk has been at it for so long that lines do not get through. */
bool keeper_stuck(const struct keeper *k, int64_t now_ms);

#endif
