#ifndef BELFRY_TRANSCRIPT_PART_H
#define BELFRY_TRANSCRIPT_PART_H
/*
 * part - the names of a transcript's files in STATE/lines
 *
 *     NAME.raw  NAME.idx           being written
 *     NAME.raw.BASE NAME.idx.BASE  a part that was rotated away: it begins with byte BASE of the line
 *                                  (decimal, 16 or more digits)
 *     NAME.zst.BASE                the same bytes compressed, in the place of NAME.raw.BASE
 *     ... .new                     not finished; means nothing
 * NAME may itself look like any of them: names are read from their end.
 */
#include "belfry/conf.h"

#define PART_NEW ".new"
#define PART_FILE (CONF_NAME + 32)

enum part_kind { PART_RAW, PART_INDEX, PART_ZST };

struct part {
    uint64_t base;
    bool raw;
    bool zst;
    bool index;
};

struct part_list {
    unsigned count;
    struct part *part; /* by base */
};

/* The newest part of each line of a directory. */
struct part_newest;

/* Writes the name of the file that is being written. PART_ZST has none. */
void part_head(char out[PART_FILE], const char *name, enum part_kind kind);

void part_name(char out[PART_FILE], const char *name, enum part_kind kind, uint64_t base);

/* Takes a rotated part's file name apart. False when it is none. */
bool part_parse(const char *file, char name[CONF_NAME], enum part_kind *kind, uint64_t *base);

/* The rotated parts of one line that have bytes. 0 or -errno; part_list_free() is due after 0 only. */
int part_list(int dir, const char *name, struct part_list *out);

void part_list_free(struct part_list *list);

/* For all lines in one pass. 0 or -errno; part_newest_free() is due after 0 only. */
int part_newest_read(int dir, struct part_newest **out);

/* The newest part with bytes, or NULL when the line has none. It is part of `all`. */
const struct part *part_newest_find(const struct part_newest *all, const char *name);

void part_newest_free(struct part_newest *all);

#endif
