#ifndef BELFRY_PAGE_ROWS_H
#define BELFRY_PAGE_ROWS_H
/*
 * rows - the table of lines and hosts as people see it, the worst first
 *
 * A row is a line with the host that is worst on it, or a host that is heard on no line. What it says is in
 * words; the level stands for a symbol beside them, never instead of them.
 */
#include "belfry/page/model.h"

#define ROWS_MAX (CONF_LINES + MODEL_HOSTS)
#define ROW_STATE 240

enum row_level { ROW_BAD, ROW_WARN, ROW_GOOD, ROW_QUIET, ROW_LEVELS };

struct row {
    enum row_level level;
    int rank;                      /* the higher, the sooner a person has to look */
    const struct model_line *line; /* NULL for a host that is on no line */
    const struct model_host *host; /* NULL for a line without one */
    unsigned others;               /* hosts on this line beside it */
    char state[ROW_STATE];         /* words; text from belfry, not escaped */
};

struct rows {
    unsigned count;
    unsigned level[ROW_LEVELS]; /* how many there are */
    struct row row[ROWS_MAX];
};

void rows_make(struct rows *r, const struct model *m);

/* What to call the row: its line, or its host. */
const char *row_name(const struct row *row);

/* "1.2 kB/s", or "4 m ago", or "nothing yet". `out` has 32 bytes. */
const char *row_bytes(const struct row *row, int64_t now_ms, char *out);

/* "12 B/s", "1.2 kB/s", "3.4 MB/s". `out` has 32 bytes. */
const char *row_rate(double rate, char *out);

/* "critical", "alarm"... of a level, for programs and for those who see no symbol. */
const char *row_level_name(enum row_level level);

#endif
