#ifndef TESTS_UNIT_BELFRY_TELLER_H
#define TESTS_UNIT_BELFRY_TELLER_H
/*
 * teller - programs that belfry's notifiers run, and what they were told
 */
#include "receiver.h"

/* A program of its own that adds a line for each notice it is told of to the file NAME.told. */
static inline void
teller_make(const struct receiver *r, const char *name, const char *more)
{
    char script[600];

    (void)snprintf(script, sizeof script,
            "#!/bin/sh\nD=%s\n%s\necho \"$BELFRY_SEQ $BELFRY_STATE $BELFRY_HOST $BELFRY_DETAIL\" >> "
            "$D/%s.told\n",
            r->dir, more, name);
    receiver_write(receiver_path(r, name), script, 0700);
}

static inline size_t
teller_told(const struct receiver *r, const char *name, char *out, size_t size)
{
    char file[40];
    ssize_t n = 0;
    int fd;

    (void)snprintf(file, sizeof file, "%s.told", name);
    fd = open(receiver_path(r, file), O_RDONLY);
    if (fd >= 0) {
        n = read(fd, out, size - 1);
        (void)close(fd);
    }
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* How often the file of a notifier has this text; 100,000 ms at most until it has it so often. */
static inline unsigned
teller_hears(const struct receiver *r, const char *name, const char *what, unsigned least)
{
    static char text[65536];
    int64_t until = test_ms() + 100000;
    unsigned count;

    for (;;) {
        count = 0;
        (void)teller_told(r, name, text, sizeof text);
        for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
            count++;
        }
        if (count >= least || test_ms() > until) {
            return count;
        }
        test_sleep(20);
    }
}

static inline void
teller_alarms(int fd, struct speaker *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        receiver_say(fd, s, WIRE_CRIT, "daemon.down", detail);
    }
}

#endif
