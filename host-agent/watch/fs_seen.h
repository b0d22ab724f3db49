#ifndef WATCH_FS_SEEN_H
#define WATCH_FS_SEEN_H
/*
 * fs_seen - how each entry of the baseline looked when it was last read and found to be as it should be
 *
 * 64 bits an entry, a keyed digest of what statx(2) tells, by the entry's number in a pass through all roots.
 * What still looks the same need not be read by every sweep; a pass through all content comes nevertheless.
 * In memory that is given back between two uses, so that it does not count as resident.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct fs_seen {
    uint64_t *print; /* 0: not known */
    uint64_t count;
    uint64_t key[2];
};

/* What was looked at, and when. */
struct fs_sight {
    struct stat st;
    uint32_t flags;
    uint64_t number; /* of the entry */
    int64_t at_ns;   /* since 1970, before it was read */
};

/* Forgets everything and makes room for so many entries. 0 or -errno: then nothing is ever known. */
int fs_seen_reset(struct fs_seen *s, uint64_t count);

/* True when it looks as it did when it was noted. */
bool fs_seen_same(const struct fs_seen *s, const struct fs_sight *sight);

/*
 * Keeps how it looks, if it was as it should be, else forgets it. What was changed so shortly before the look
 * that another change need not show in its times is not kept.
 */
void fs_seen_note(const struct fs_seen *s, const struct fs_sight *sight, bool good);

/* Gives the memory's pages back until they are used again; nothing is forgotten. */
void fs_seen_rest(const struct fs_seen *s);

/* Now, since 1970. */
int64_t fs_seen_now(void);

#endif
