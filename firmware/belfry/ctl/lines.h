#ifndef BELFRY_CTL_LINES_H
#define BELFRY_CTL_LINES_H
/*
 * lines - a transcript as a person reads it on standard output: physical lines, each with the time when it
 * began to arrive, nothing but printable ASCII
 *
 * What is missing stands between them. With `raw` the bytes as they came instead, and what is missing on
 * standard error.
 */
#include "belfry/ctl/commands.h"
#include "belfry/text.h"
#include "belfry/transcript/reader.h"

#define LINES_WIDTH 1024 /* a longer physical line is shown in pieces */

struct lines {
    bool raw;
    uint64_t begun_ns; /* of the line that is being put together */
    uint64_t shown_ns; /* whose text `time` is */
    char time[TEXT_TIME];
    size_t len;
    char line[LINES_WIDTH];
};

/* Opens the transcript of the line that the command's first argument names. 0, or the exit status after
 * telling. */
int lines_open(const struct command *c, struct reader *r);

/* Prints what is there. False when nothing more can come or be written. */
bool lines_show(struct lines *l, struct reader *r);

/* The unfinished line, if there is one. */
void lines_finish(struct lines *l);

#endif
