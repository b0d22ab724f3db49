#ifndef BELFRY_KEEPER_PACK_H
#define BELFRY_KEEPER_PACK_H
/*
 * pack - compresses one rotated part: NAME.raw.BASE becomes NAME.zst.BASE, its index stays
 *
 * Killed at any step, it loses nothing: the compressed file has another name until it is on the disk whole,
 * and the plain one goes last. Whoever comes next cleans up. About 3 MB while it works.
 */
#include <stdint.h>

/* 0 or -errno; then the part is as it was. */
int pack_part(int dir, const char *name, uint64_t base);

#endif
