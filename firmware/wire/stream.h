#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H
/*
 * stream - finds sealed lines in whatever a console line carries, and mends the torn ones (SPEC.md, section
 * 6)
 *
 * Fed with raw bytes in pieces of any size. Memory is fixed, whatever comes in and however long it has no
 * line end. A candidate is offered when its check fits; the receiver's answer says whether its tag does too.
 */
#include "wire/line.h"

#define WIRE_STREAM_WIDTH 400   /* columns kept of one physical line */
#define WIRE_STREAM_HISTORY 10  /* physical lines kept for mending */
#define WIRE_STREAM_TRIES 40000 /* most checks computed for one physical line */

enum wire_seen {
    WIRE_SEEN_WHOLE,    /* contiguous in the stream: may be called forged */
    WIRE_SEEN_REPAIRED, /* put together from pieces: never called forged */
};

struct wire_stream_ops {
    /* A line whose check fits. True when it was proved (or is a copy of a proved one). */
    bool (*candidate)(void *to, const struct wire_line *line, enum wire_seen seen);
    /*
     * A line head that stayed without its seal, or with one that does not fit: torn for good, told once.
     * `text` is what there is of it, at most WIRE_STREAM_WIDTH bytes, raw.
     */
    void (*torn)(void *to, const char *text, size_t len);
    /*
     * A physical line in which nothing of ours was found: ordinary console text, raw, without its line end.
     * The second half of a line that could not be mended is told here, too.
     */
    void (*text)(void *to, const char *text, size_t len);
};

struct wire_stream_part {
    char bytes[WIRE_STREAM_WIDTH];
    uint16_t len;
    uint16_t prefix; /* how many bytes from `open` on could be the beginning of a line */
    int16_t open;    /* where a head without a seal begins, or -1 */
    uint32_t serial; /* of the physical line */
};

/* Where in `joined` the bytes of a physical line begin. */
struct wire_stream_joint {
    uint32_t serial;
    uint16_t at;
};

struct wire_stream {
    const struct wire_stream_ops *ops;
    void *to;
    unsigned history_first;
    unsigned history_len;
    struct wire_stream_part now; /* the physical line that is coming in */
    uint64_t overlong;           /* physical lines cut at WIRE_STREAM_WIDTH */
    uint64_t capped;             /* mends given up at WIRE_STREAM_TRIES */
    /* The lines since the last one that ended by itself, without the kernel's records in between. */
    struct wire_stream_joint joint[WIRE_STREAM_HISTORY];
    unsigned joints;
    uint16_t joined_len;
    char joined[WIRE_STREAM_WIDTH];
    /* A ring; the oldest part has an open head. Last: a line without torn ones never touches it. */
    struct wire_stream_part history[WIRE_STREAM_HISTORY];
};

void wire_stream_init(struct wire_stream *s, const struct wire_stream_ops *ops, void *to);

void wire_stream_feed(struct wire_stream *s, const uint8_t *src, size_t len);

/*
 * The stream ended (or has been quiet for long): an unfinished physical line counts as finished, and what is
 * still open is told as torn.
 */
void wire_stream_flush(struct wire_stream *s);

#endif
