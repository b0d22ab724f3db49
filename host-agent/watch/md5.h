#ifndef WATCH_MD5_H
#define WATCH_MD5_H
/*
 * md5 - MD5 (RFC 1321), because that is what dpkg keeps of the files it installed
 *
 * Only to compare with dpkg's records. It proves nothing against whoever can choose both files: what the
 * agent itself relies on is BLAKE3 (wire/hash.h).
 */
#include <stddef.h>
#include <stdint.h>

#define MD5_SIZE 16
#define MD5_BLOCK 64

struct md5 {
    uint32_t state[4];
    uint64_t len;
    uint8_t block[MD5_BLOCK];
};

void md5_init(struct md5 *m);
void md5_update(struct md5 *m, const void *src, size_t len);
void md5_final(struct md5 *m, uint8_t digest[MD5_SIZE]);

#endif
