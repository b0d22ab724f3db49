#ifndef WATCH_FS_FINDING_H
#define WATCH_FS_FINDING_H
/*
 * fs_finding - a difference in words: "mode=0644>0666 size=12>40 was=0A1B2C now=3D4E5F"
 */
#include "alarm/finding.h"
#include "watch/fs_compare.h"

#define FS_TOKEN_MAX 320

/* One "key=value" of a difference; the value is escaped for the wire. */
typedef void fs_token_fn(void *to, const char *key, const char *value);

/* Tells only what changed, or for FS_ADDED what was added. */
void fs_tokens(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs, fs_token_fn *token, void *to);

/* The finding for a verdict. For FS_SAME (and whatever else is well) it is a FINDING_CLOSE. */
void fs_finding(struct finding *f, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs);

/* Says that all is well at a path. */
void fs_finding_well(struct finding *f, const uint8_t *path, size_t len);

/* The first six characters of a digest, NUL-terminated. */
void fs_digest_short(const uint8_t *digest, char out[7]);

#endif
