#ifndef DUMP_DUMP_H
#define DUMP_DUMP_H
/*
 * dump - the stream in which a logger gives its records away, byte by byte in SPEC.md
 *
 * For both ends: the device encodes, tools decode. No state but a reader's own, no heap.
 */
#include <stddef.h>
#include <stdint.h>

#define DUMP_VERSION 1
#define DUMP_SERIAL 16 /* characters */
#define DUMP_BYTES_MAX 240
#define DUMP_FRAME_MAX 256

enum dump_kind {
    DUMP_HEAD = 0xF1,
    DUMP_RECORD = 0xF2,
    DUMP_END = 0xF3,
};

enum dump_class { DUMP_KEPT, DUMP_RING, DUMP_CLASSES };

struct dump_head {
    uint32_t boot;
    uint32_t committed;
    uint32_t harvested;
    char serial[DUMP_SERIAL + 1];
};

struct dump_record {
    uint8_t class; /* enum dump_class */
    uint32_t number;
    uint32_t boot;
    const uint8_t *bytes;
    size_t len; /* 1 to DUMP_BYTES_MAX */
};

struct dump_end {
    uint32_t records;
    uint32_t spoilt;
    uint32_t last;
};

/* Each writes one frame and returns its size. What a serial number or a record has too much is left out. */
size_t dump_put_head(const struct dump_head *head, uint8_t out[DUMP_FRAME_MAX]);
size_t dump_put_record(const struct dump_record *record, uint8_t out[DUMP_FRAME_MAX]);
size_t dump_put_end(const struct dump_end *end, uint8_t out[DUMP_FRAME_MAX]);

struct dump_frame {
    enum dump_kind kind;
    struct dump_head head;
    struct dump_record record; /* its bytes are the reader's, until it is fed again */
    struct dump_end end;
};

struct dump_reader {
    uint8_t bytes[DUMP_FRAME_MAX];
    size_t len;
    size_t used;      /* of them: the frame that was given last */
    uint64_t rubbish; /* bytes that were no part of a frame */
};

#define DUMP_MORE 0  /* all bytes are taken */
#define DUMP_FOUND 1 /* a frame is in *out; there may be more */

void dump_reader_init(struct dump_reader *r);

/* Takes bytes until a frame is whole; *took says how many. */
int dump_feed(struct dump_reader *r, const uint8_t *src, size_t len, size_t *took, struct dump_frame *out);

/*
 * The stream is over. What began as a frame and is none may have hidden one behind it: call it until it says
 * DUMP_MORE, then what is left was counted as rubbish.
 */
int dump_finish(struct dump_reader *r, struct dump_frame *out);

#endif
