#include "belfry/ctl/commands.h"
#include "belfry/ctl/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define TAIL_BACK 4096 /* so much of the transcript is shown at first */
#define FOLLOW_MS 100

/* Begins behind a line end, so that the first line shown is whole. */
static int
find_start(struct reader *r)
{
    struct reader_piece piece;
    uint64_t before = 0;
    int error = reader_back(r, TAIL_BACK);

    if (error != 0 || (r->at == 0 && r->volume.base == 0)) {
        return error;
    }
    for (;;) {
        const uint8_t *nl;

        reader_next(r, &piece);
        if (piece.what == READER_END || before >= TAIL_BACK) {
            return reader_back(r, TAIL_BACK);
        }
        nl = piece.what == READER_BYTES_CAME ? memchr(piece.bytes, '\n', piece.len) : NULL;
        if (nl != NULL) {
            before += (uint64_t)(nl - piece.bytes) + 1;
            return reader_back(r, TAIL_BACK - before);
        }
        before += piece.what == READER_BYTES_CAME ? piece.len : 0;
    }
}

int
command_tail(const struct command *c)
{
    static struct reader r;
    static struct lines l;
    int error = lines_open(c, &r);
    bool fine;

    if (error != 0) {
        return error;
    }
    error = find_start(&r);
    if (error != 0) {
        return command_error("cannot read: %s", strerror(-error));
    }
    fine = lines_show(&l, &r);
    while (c->follow && fine) {
        (void)poll(NULL, 0, FOLLOW_MS);
        fine = lines_show(&l, &r);
    }
    lines_finish(&l);
    reader_close(&r);
    return fine && fflush(stdout) == 0 ? COMMAND_WELL : command_error("cannot read on: %s", strerror(errno));
}
