/*
 * What every sink keeps to, whatever is behind it: never blocks, takes no more than it is given, loses and
 * invents nothing, says that its device is gone, and opens it again when it is back.
 */
#include "hal/host/serial_find.h"
#include "sinks/sink.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define STREAM 16384
#define HANG_MS 20000

static char dir[] = "/tmp/tocsin-sinks-XXXXXX";
static char path[64];
static int far = -1; /* the other end of the line; -1: there is none */

/* clang-format off */
static const struct kind {
    const char *words[6]; /* of the Channel line; "@" stands for the device */
    bool line;   /* the device is a terminal, and its far end can be read */
    bool whole;  /* what comes out are the bytes that went in */
    bool faults;
} kinds[] = {
    { { "serial", "@", "115200", "8n1" },          .line = true, .whole = true },
    { { "serial", "@", "9600", "flow=xonxoff" },   .line = true, .whole = true },
    { { "tty", "@" },                              .line = true, .whole = true },
    { { "console", "@" },                          .line = true },
    { { "screen", "@", "lines", "4" },             .line = true },
    { { "file", "@" },                             .whole = true },
    { { "null", "x" },                             .line = false },
    { { "fault:tty", "@", "seed=7" },              .line = true, .whole = true, .faults = true },
    { { "fault:screen", "@", "seed=8" },           .line = true, .faults = true },
    { { "fault:file", "@", "seed=9" },             .whole = true, .faults = true },
};
/* clang-format on */

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind;
static struct conf_channel channel;
static struct sink sink;

/* A new pseudo-terminal at the same path. */
static void
plug_in(void)
{
    char name[64];

    far = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    CHECK(far >= 0 && grantpt(far) == 0 && unlockpt(far) == 0 && ptsname_r(far, name, sizeof(name)) == 0);
    unlink(path);
    CHECK_INT(symlink(name, path), 0);
}

static void
unplug(void)
{
    close(far);
    far = -1;
    unlink(path);
}

static void
use(const struct kind *k)
{
    const char *words[6];
    size_t lens[6];
    unsigned count = 0;
    const char *expected;

    kind = k;
    unlink(path);
    if (k->line) {
        plug_in();
    }
    for (; count < 6 && k->words[count] != NULL; count++) {
        words[count] = strcmp(k->words[count], "@") == 0 ? path : k->words[count];
        lens[count] = strlen(words[count]);
    }
    CHECK_INT(conf_channel_parse(words, lens, count, &channel, &expected), count);
    CHECK(sink_init(&sink, &channel));
    CHECK_INT(sink.fd, -1);
}

static void
forget(void)
{
    if (sink.fd >= 0) {
        sink.ops->close(&sink);
    }
    if (far >= 0) {
        unplug();
    }
    unlink(path);
}

/* As a wire does it. Faults fail some of the openings. */
static int
open_sink(void)
{
    int error = -ENODEV;

    for (int i = 0; error < 0 && i < (kind->faults ? 20 : 1); i++) {
        int fd = sink.ops->open(&channel);
        if (fd < 0) {
            return fd;
        }
        sink.fd = fd;
        error = sink.ops->adopt != NULL ? sink.ops->adopt(&sink) : 0;
        if (error < 0) {
            sink.ops->close(&sink);
            CHECK_INT(sink.fd, -1);
        }
    }
    return error;
}

static size_t
read_out(char *to, size_t size)
{
    int fd = kind->line ? far : open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;

    while (len < size && (n = read(fd, to + len, size - len)) > 0) {
        len += (size_t)n;
    }
    if (!kind->line) {
        close(fd);
    }
    return len;
}

/* Writes all of it while the far end is read. Returns what came out. */
static size_t
carry(const char *src, size_t len, char *out, size_t size)
{
    size_t at = 0;
    size_t got = 0;

    for (int turn = 0; turn < HANG_MS && (at < len || sink.ops->queued(&sink) > 0); turn++) {
        int n = at < len ? sink.ops->write(&sink, src + at, len - at) : 0;
        CHECK(n <= (int)(len - at));
        if (n < 0) {
            CHECK(kind->faults);
            sink.ops->close(&sink);
            CHECK_INT(open_sink(), 0);
        }
        at += n > 0 ? (size_t)n : 0;
        if (kind->line) {
            got += read_out(out + got, size - got);
        }
        if (n == 0) {
            poll(NULL, 0, 1);
        }
    }
    CHECK_INT(at, len);
    return got + read_out(out + got, size - got);
}

static void
each_opens_to_a_descriptor_that_does_not_block_and_is_closed_on_exec(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        use(&kinds[i]);
        CHECK_INT(open_sink(), 0);
        CHECK((fcntl(sink.fd, F_GETFL) & O_NONBLOCK) != 0);
        CHECK((fcntl(sink.fd, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(sink.ops->queued(&sink) >= 0);
        sink.ops->close(&sink);
        CHECK_INT(sink.fd, -1);
        forget();
    }
}

static void
a_device_that_is_not_there_is_an_error_and_no_descriptor_is_left(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        use(&kinds[i]);
        if (kind->line) {
            unplug();
            CHECK_INT(open_sink(), -ENOENT);
            CHECK_INT(sink.fd, -1);
        }
        forget();
    }
}

static void
a_usb_port_that_nobody_has_is_not_found(void)
{
    static const struct kind usb = { { "serial", "usb:dead:beef:no such port" }, .faults = false };

    use(&usb);
    int error = open_sink();
    CHECK(error == (hal_serial_finds() ? -ENODEV : -ENOTSUP) || error == -ENOENT);
    forget();
}

static void
what_goes_in_comes_out_once_and_in_order(void)
{
    static char in[STREAM];
    static char out[STREAM * 40];

    for (size_t i = 0; i < STREAM; i++) {
        in[i] = i % 100 == 99 ? '\n' : (char)('a' + i * 7 % 26);
    }
    for (size_t i = 0; i < KINDS; i++) {
        use(&kinds[i]);
        CHECK_INT(open_sink(), 0);
        size_t got = carry(in, sizeof(in), out, sizeof(out));
        if (kind->whole) {
            CHECK_INT(got, sizeof(in));
            CHECK_MEM(out, in, sizeof(in));
        }
        forget();
    }
}

static void
one_whose_far_end_reads_nothing_takes_some_then_nothing_and_goes_on_when_it_is_read(void)
{
    static char block[4096];
    static char out[1 << 20];

    memset(block, 'x', sizeof(block));
    for (size_t i = 0; i < KINDS; i++) {
        use(&kinds[i]);
        if (kind->line && !kind->faults) {
            unsigned refused = 0;
            CHECK_INT(open_sink(), 0);
            for (unsigned turn = 0; turn < 2000 && refused < 20; turn++) {
                int n = sink.ops->write(&sink, block, sizeof(block));
                CHECK(n >= 0);
                refused = n == 0 ? refused + 1 : 0;
                poll(NULL, 0, n == 0 ? 1 : 0);
            }
            CHECK_INT(refused, 20);
            size_t got = carry("y\n", 2, out, sizeof(out));
            CHECK(got > 2 && (!kind->whole || out[got - 2] == 'y'));
        }
        forget();
    }
}

static void
what_was_taken_comes_out_though_it_is_closed_at_once(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        char out[16] = "";
        size_t got = 0;

        use(&kinds[i]);
        if (kind->line && kind->whole && !kind->faults) {
            CHECK_INT(open_sink(), 0);
            CHECK_INT(sink.ops->write(&sink, "out\n", 4), 4);
            sink.ops->close(&sink);
            for (int turn = 0; turn < HANG_MS && got < 4; turn++) {
                got += read_out(out + got, sizeof(out) - got);
                poll(NULL, 0, got < 4 ? 1 : 0);
            }
            CHECK_MEM(out, "out\n", 4);
        }
        forget();
    }
}

static void
one_that_nobody_touched_is_as_it_should_be(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        use(&kinds[i]);
        CHECK_INT(open_sink(), 0);
        for (int look = 0; look < 3; look++) {
            char word[SINK_WORD] = "";
            int found = sink.ops->check != NULL ? sink.ops->check(&sink, word) : 0;
            CHECK(found == 0 || kind->faults);
            CHECK(found != 0 || word[0] == '\0');
            CHECK(memchr(word, '\0', sizeof(word)) != NULL);
        }
        forget();
    }
}

static void
one_that_was_unplugged_says_so_and_carries_again_when_it_is_back(void)
{
    static char out[65536];

    for (size_t i = 0; i < KINDS; i++) {
        use(&kinds[i]);
        if (kind->line) {
            char word[SINK_WORD] = "";
            CHECK_INT(open_sink(), 0);
            unplug();
            CHECK(sink.ops->check(&sink, word) < 0 || kind->faults);
            int n = 0;
            for (int turn = 0; turn < 50 && n >= 0; turn++) {
                n = sink.ops->write(&sink, "abc\n", 4);
            }
            CHECK(n < 0);
            sink.ops->close(&sink);
            CHECK_INT(sink.fd, -1);
            CHECK_INT(open_sink(), -ENOENT);
            plug_in();
            CHECK_INT(open_sink(), 0);
            CHECK(carry("back\n", 5, out, sizeof(out)) > 0);
        }
        forget();
    }
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    snprintf(path, sizeof(path), "%s/device", dir);
    CHECK_RUN(each_opens_to_a_descriptor_that_does_not_block_and_is_closed_on_exec);
    CHECK_RUN(a_device_that_is_not_there_is_an_error_and_no_descriptor_is_left);
    CHECK_RUN(a_usb_port_that_nobody_has_is_not_found);
    CHECK_RUN(what_goes_in_comes_out_once_and_in_order);
    CHECK_RUN(one_whose_far_end_reads_nothing_takes_some_then_nothing_and_goes_on_when_it_is_read);
    CHECK_RUN(what_was_taken_comes_out_though_it_is_closed_at_once);
    CHECK_RUN(one_that_nobody_touched_is_as_it_should_be);
    CHECK_RUN(one_that_was_unplugged_says_so_and_carries_again_when_it_is_back);
    rmdir(dir);
    return check_result();
}
