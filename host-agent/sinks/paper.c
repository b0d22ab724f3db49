#include "sinks/paper.h"
#include <string.h>

/* How much of it goes into one row. */
static size_t
row_len(const char *line, size_t len, size_t columns)
{
    if (len <= columns) {
        return len;
    }
    for (size_t n = columns; n > 0; n--) {
        if (line[n] == ' ') {
            return n;
        }
    }
    return columns;
}

static unsigned
rows_of(const char *line, size_t len, size_t columns)
{
    unsigned rows = 0;

    do {
        size_t n = row_len(line, len, columns);

        line += n;
        len -= n;
        rows++;
    } while (len > 0);
    return rows;
}

static size_t
put(char out[PAPER_ROOM], size_t at, const char *bytes, size_t len)
{
    memcpy(out + at, bytes, len);
    return at + len;
}

size_t
paper_lay(struct paper *p, const char *line, size_t len, char out[PAPER_ROOM])
{
    unsigned rows = rows_of(line, len, p->columns);
    size_t at = 0;

    if (p->page > 0 && (!p->begun || p->row + rows > p->page)) {
        at = put(out, at, "\r\f", 2);
        p->row = 0;
    }
    p->begun = true;
    p->row += rows;
    do {
        size_t n = row_len(line, len, p->columns);

        at = put(out, at, line, n);
        at = put(out, at, "\r\n", 2);
        line += n;
        len -= n;
    } while (len > 0);
    return at;
}
