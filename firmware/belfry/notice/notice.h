#ifndef BELFRY_NOTICE_NOTICE_H
#define BELFRY_NOTICE_NOTICE_H
/*
 * notice - patterns on ordinary console text: a kernel panic, an I/O error, a login as root
 *
 * What they find was written by whoever writes to the console: it is never proved and never a sign of life,
 * it becomes a record of a kind of its own (RECORD_NOTICE). One object of sets a configuration, read-only
 * once loaded; a watch a line. Main loop only: a look ends after NOTICE_TEXT bytes and NOTICE_STEPS steps of
 * PCRE2, and a line gets NOTICE_BYTES_S bytes of looking a second.
 */
#include "belfry/conf.h"
#include "wire/line.h"

#define NOTICE_RULES 128      /* a set */
#define NOTICE_NAME 16        /* of a rule, with the NUL */
#define NOTICE_PATTERN 400    /* bytes, with the NUL */
#define NOTICE_FILE_MAX 65536 /* bytes */
#define NOTICE_TEXT 400       /* bytes looked at of a physical line: what wire/stream.h keeps of one */
#define NOTICE_STEPS 20000    /* match limit of PCRE2: endless backtracking ends in a millisecond */
#define NOTICE_BYTES_S 65536  /* five times what 115200 baud carry */
#define NOTICE_GIVEN_UP \
    4096 /* a pattern given up costs the second so many of these bytes: half a millisecond */
#define NOTICE_A_MINUTE 10 /* records of one line; what is above is counted */
#define NOTICE_SHOWN 240   /* characters of the text on record, with the NUL */
#define NOTICE_MINUTE_MS 60000
#define NOTICE_SECOND_MS 1000

struct notice_sets;
struct notice_set;

struct notice_found {
    const char *rule; /* lives as long as the sets */
    enum wire_severity severity;
};

struct notice_watch {
    int64_t second_ms; /* when the second began in which `bytes` were looked at */
    int64_t minute_ms; /* when the minute began in which `told` were told */
    uint32_t bytes;    /* at most NOTICE_BYTES_S */
    uint32_t told;
    uint32_t more;   /* found and not told, this minute */
    uint32_t unseen; /* bytes that were not looked at, or given up at NOTICE_STEPS, this minute */
};

/*
 * Reads and compiles the sets that the configuration names, and looks whether every line's set is among them.
 * With errors (the count; told in `errors` as "FILE:LINE: ...") `out` is NULL. NULL without an error: none is
 * named.
 */
unsigned notice_load(const struct conf *conf, struct conf_errors *errors, struct notice_sets **out);

/* The set of this name; NULL when there is none, and for NULL and "no". */
const struct notice_set *notice_set(const struct notice_sets *sets, const char *name);

void notice_free(struct notice_sets *sets);

/*
 * Looks at one physical line, raw and without its end: true when the first rule that fits (in the order of
 * the file) is to be told now.
 */
bool notice_look(const struct notice_set *set, struct notice_watch *w, const char *text, size_t len,
        int64_t now_ms, struct notice_found *found);

/* True when a minute is over in which there was more than was told: `more` and `unseen` say how much. */
bool notice_minute(struct notice_watch *w, int64_t now_ms, uint32_t *more, uint32_t *unseen);

/*
 * One rule of a file, without its line end: NAME SEVERITY PATTERN. False with a text in `error` that says
 * what was found and what was expected.
 */
struct notice_rule {
    char name[NOTICE_NAME];
    enum wire_severity severity;
    char pattern[NOTICE_PATTERN];
};

bool notice_parse(const char *src, size_t len, struct notice_rule *out, char error[CONF_ERROR_TEXT]);

/* Console text without escape sequences and control bytes: at most `len` bytes. Returns how many. */
size_t notice_plain(char *to, const char *src, size_t len);

#endif
