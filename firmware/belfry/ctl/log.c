#include "belfry/ctl/commands.h"
#include "belfry/ctl/lines.h"

#include "belfry/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define FOLLOW_MS 100

static bool
take_time(const char *text, const char *option, uint64_t *utc_ns)
{
    int64_t utc_ms;

    if (!text_time_parse(text, clock_utc_us() / 1000, &utc_ms) || utc_ms < 0 ||
            utc_ms > INT64_MAX / 1000000) {
        (void)command_error("--%s \"%s\"; expected a time like 2026-11-21T19:34:05, or 90s, 15m, 2h, 7d ago",
                option, command_shown(text));
        return false;
    }
    *utc_ns = (uint64_t)utc_ms * 1000000;
    return true;
}

/* Where to begin and to end. 0 or the exit status after telling. */
static int
find_range(const struct command *c, struct reader *r)
{
    uint64_t since = 0;
    uint64_t until = UINT64_MAX;
    int error = 0;

    if ((c->since != NULL && !take_time(c->since, "since", &since)) ||
            (c->until != NULL && !take_time(c->until, "until", &until))) {
        return COMMAND_ERROR;
    }
    if (c->since != NULL) {
        error = reader_since(r, since);
    }
    reader_until(r, until);
    return error != 0 ? command_error("cannot read: %s", strerror(-error)) : 0;
}

int
command_log(const struct command *c)
{
    static struct reader r;
    static struct lines l;
    bool on;
    int error;

    if (c->raw && c->plain) {
        return command_error("--raw and --plain; expected one of them");
    }
    error = lines_open(c, &r);
    if (error == 0) {
        error = find_range(c, &r);
    }
    if (error != 0) {
        return error;
    }
    l.raw = c->raw;
    on = lines_show(&l, &r);
    while (c->follow && on) {
        (void)poll(NULL, 0, FOLLOW_MS);
        on = lines_show(&l, &r);
    }
    lines_finish(&l);
    reader_close(&r);
    return fflush(stdout) == 0 && !ferror(stdout) ? COMMAND_WELL
                                                  : command_error("cannot write: %s", strerror(errno));
}
