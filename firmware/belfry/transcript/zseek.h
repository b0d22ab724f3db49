#ifndef BELFRY_TRANSCRIPT_ZSEEK_H
#define BELFRY_TRANSCRIPT_ZSEEK_H
/*
 * zseek - the table at the end of a compressed part: where its frames begin, so that any byte is one frame
 * away
 *
 * Zstandard Seekable Format 0.1.0 (zstd's contrib/seekable_format): independent frames, then a skippable
 * frame with their sizes, which zstdcat passes over. Ours have ZSEEK_FRAME bytes each, the last one fewer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZSEEK_FRAME 262144
#define ZSEEK_FRAMES_MAX 1048576
#define ZSEEK_FOOTER 9
#define ZSEEK_HEADER 8

struct zseek {
    uint32_t frames;
    uint64_t *packed; /* frames + 1 offsets in the file */
    uint64_t *plain;  /* frames + 1 offsets in what it holds */
};

/* How long the table is whose last ZSEEK_FOOTER bytes these are; 0 when they are none. */
size_t zseek_table_size(const uint8_t footer[ZSEEK_FOOTER]);

/*
 * The table, `len` bytes long at the end of a file of `file_size`. 0, -EBADMSG when it does not fit that file
 * or itself, or -ENOMEM. zseek_free() is due after 0.
 */
int zseek_parse(const uint8_t *src, size_t len, uint64_t file_size, struct zseek *out);

void zseek_free(struct zseek *z);

/* The frame that holds byte `at`, which must be less than plain[frames]. */
uint32_t zseek_find(const struct zseek *z, uint64_t at);

/* Writes the table of `frames` pairs of sizes, packed and plain, and returns its length: ZSEEK_HEADER + 8 a
 * frame + ZSEEK_FOOTER. */
size_t zseek_write(uint8_t *out, const uint32_t (*size)[2], uint32_t frames);

#endif
