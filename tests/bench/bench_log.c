/*
 * bench_log DIR BYTES: a transcript of console text of line "con" in DIR, in parts of 64 MiB, all but the
 * last compressed; a line of a console at 115,200 baud, so 11,520 bytes a second from 2026-01-01 on. For
 * bench_log.sh.
 */
#include "belfry/keeper/sweep.h"
#include "belfry/transcript/transcript.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEGIN_MS INT64_C(1767225600000)
#define SLICE 1152 /* in 100 ms */

static const char *const texts[] = {
    "systemd[1]: Started Session %u of user root.\r\n",
    "kernel: [%8u.%06u] usb 1-1: new high-speed USB device number %u using xhci_hcd\r\n",
    "sshd[%u]: Accepted publickey for admin from 192.0.2.%u port %u ssh2\r\n",
    "postfix/smtpd[%u]: connect from mail%u.example.net[198.51.100.%u]\r\n",
    "cron[%u]: (root) CMD (/usr/lib/check --all %u)\r\n",
};

static size_t
compose(char *out, size_t size, unsigned *seed)
{
    size_t n = 0;

    while (n + 120 < size) {
        unsigned r = (unsigned)rand_r(seed);

        n += (size_t)snprintf(out + n, size - n, texts[r % 5], r >> 8, r % 255, r % 61000);
    }
    return n;
}

static bool
never(void *to)
{
    (void)to;
    return false;
}

int
main(int argc, char **argv)
{
    int dir = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
    uint64_t left = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    struct sweep sweep = { .dir = dir, .stop = never };
    static char text[SLICE];
    struct sweep_result result;
    struct transcripts all;
    struct transcript t;
    int64_t ms = 0;
    unsigned seed = 1;

    if (dir < 0) {
        (void)fprintf(stderr, "usage: bench_log DIR BYTES\n");
        return 2;
    }
    transcripts_init(&all, dir, 0);
    if (transcript_open(&t, &all, "con") != 0) {
        return 1;
    }
    t.direct = true;
    t.rotate_size = TRANSCRIPT_ROTATE_SIZE;
    while (left > 0) {
        size_t n = compose(text, sizeof text, &seed);

        (void)transcript_append(&t, (const uint8_t *)text, n, (BEGIN_MS + ms) * 1000, ms);
        (void)transcript_turn(&t, BEGIN_MS + ms, ms);
        ms += 100;
        left -= n < left ? n : left;
    }
    transcript_close(&t, ms);
    return sweep_run(&sweep, 0, &result);
}
