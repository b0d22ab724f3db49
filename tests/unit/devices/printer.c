/*
 * The printer's sink before a printer that fails at random, in the place of hal/host/printer.c. The wire is
 * played as it is: a line is written, its queue looked at, the device checked, and opened again when it is
 * gone.
 */
#include "hal/host/printer.h"
#include "sinks/descriptor.h"
#include "sinks/sink.h"
#include "unit/wire/lab.h"
#include "wire/stream.h"
#include <errno.h>

#define LINES 3000

static const struct lab_agent agent = {
    .host = "web03", .nonce = "K3QF", .session = 17, .key = { .bytes = { 1, 2, 3 } }, .mono_s = 812
};

static struct lab_random random_source;

static struct {
    struct wire_stream stream;
    unsigned proved[LINES];
    unsigned wrong;
    unsigned column;
    unsigned widest;
} paper;

/* The driver and the printer behind it. */
static struct {
    bool usb; /* what it takes is under way for a while; else the printer has each byte at once */
    enum hal_printer_state state;
    char flight[512]; /* of a USB printer: taken by the driver */
    size_t flight_len;
    char row[512]; /* of a parallel one: what it has of the row that it prints when that ends */
    size_t row_len;
} device;

static void
print(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        paper.column = bytes[i] == '\n' || bytes[i] == '\r' ? 0 : paper.column + 1;
        paper.widest = paper.column > paper.widest ? paper.column : paper.widest;
    }
    wire_stream_feed(&paper.stream, (const uint8_t *)bytes, len);
}

int
hal_printer_open(const char *path)
{
    (void)path;
    device.flight_len = 0;
    return device.state == HAL_PRINTER_GONE ? -ENODEV : 7;
}

static void
strobe(const char *src, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        device.row[device.row_len++] = src[i];
        if (src[i] == '\n') {
            print(device.row, device.row_len);
            device.row_len = 0;
        }
    }
}

/* The one function of sinks/descriptor.c that a printer's sink uses. */
void
sink_fd_close(struct sink *s)
{
    s->fd = -1;
}

int
hal_printer_write(int fd, const char *src, size_t len)
{
    CHECK_INT(fd, 7);
    if (device.state == HAL_PRINTER_GONE || device.state == HAL_PRINTER_SILENT) {
        return -ENODEV;
    }
    if (device.usb) {
        if (device.flight_len > 0) {
            return 0;
        }
        memcpy(device.flight, src, len);
        device.flight_len = len;
        return (int)len;
    }
    if (device.state != HAL_PRINTER_READY) {
        return -EIO;
    }
    size_t n = lab_draw(&random_source, (uint32_t)len + 1);

    strobe(src, n);
    return (int)n;
}

enum hal_printer_state
hal_printer_state(int fd)
{
    CHECK_INT(fd, 7);
    return device.state;
}

bool
hal_printer_idle(int fd)
{
    CHECK_INT(fd, 7);
    return device.flight_len == 0;
}

/* One thing that may happen to a printer. What is under way when it goes, or half printed when it is switched
 * off, is gone. */
static void
fate(void)
{
    static const enum hal_printer_state ills[] = { HAL_PRINTER_PAPER, HAL_PRINTER_OFFLINE, HAL_PRINTER_ERROR,
        HAL_PRINTER_GONE, HAL_PRINTER_SILENT };
    bool ready = device.state == HAL_PRINTER_READY;

    if (ready && device.flight_len > 0 && lab_draw(&random_source, 3) == 0) {
        print(device.flight, device.flight_len);
        device.flight_len = 0;
    }
    if (lab_draw(&random_source, ready ? 10 : 4) != 0) {
        return;
    }
    device.state = ready ? ills[lab_draw(&random_source, device.usb ? 5 : 3)] : HAL_PRINTER_READY;
    if (device.state == HAL_PRINTER_GONE || device.state == HAL_PRINTER_SILENT) {
        print(device.flight, device.flight_len / 2);
        device.flight_len = 0;
    }
    if (device.state == HAL_PRINTER_OFFLINE || device.state == HAL_PRINTER_ERROR) {
        print(device.row, device.row_len / 2);
        device.row_len = 0;
    }
}

static bool
open_again(struct sink *s)
{
    int fd = s->ops->open(s->channel);

    if (fd < 0) {
        return false;
    }
    s->fd = fd;
    CHECK_INT(s->ops->adopt(s), 0);
    return true;
}

/* One step of a wire. True when the line is out. */
static bool
step(struct sink *s, const char *line, size_t len, size_t *at)
{
    char word[SINK_WORD] = "";

    if (s->fd < 0) {
        *at = 0;
        (void)open_again(s);
        return false;
    }
    if (*at < len) {
        int n = s->ops->write(s, line + *at, len - *at);

        CHECK(n >= 0);
        *at += (size_t)n;
    }
    bool out = *at == len && s->ops->queued(s) == 0;
    int found = s->ops->check(s, word);

    CHECK((found == 0) == (word[0] == '\0'));
    if (found < 0) {
        s->ops->close(s);
    }
    return out;
}

static void
print_all(bool usb, uint64_t seed)
{
    static const struct conf_channel channel = { .scheme = "printer", .device = "/dev/lp0", .columns = 80 };
    struct sink s = { .ops = &sink_printer_ops, .channel = &channel, .fd = -1 };
    unsigned lost = 0;
    unsigned twice = 0;

    memset(&device, 0, sizeof(device));
    memset(&random_source, 0, sizeof(random_source));
    random_source.state = seed;
    device.usb = usb;
    for (uint32_t i = 0; i < LINES; i++) {
        struct lab_line l = lab_seal(&agent, i, "integrity.changed", "path=/etc/passwd mode=0644>0666");
        size_t at = 0;
        unsigned turns = 0;
        char out[WIRE_LINE_MAX + 3];

        snprintf(out, sizeof(out), "%s\r\n", l.text);
        while (!step(&s, out, l.len + 2, &at) && ++turns < 10000) {
            fate();
        }
        lost += paper.proved[i] == 0;
        twice += paper.proved[i] > 1;
        fate();
    }
    CHECK_INT(lost, 0);
    CHECK_INT(paper.wrong, 0);
    CHECK(paper.widest <= channel.columns);
    /* Only what was cut off by the end of the device is there again. */
    CHECK(twice < LINES / 10);
}

static bool
on_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    struct wire_key leaf;

    (void)to;
    (void)seen;
    wire_tree_at(&agent.key, line->head.number, WIRE_TREE_DEPTH, &leaf);
    if (!wire_tag_proves(&leaf, line) || line->head.number >= LINES) {
        paper.wrong++;
        return false;
    }
    paper.proved[line->head.number]++;
    return true;
}

static void
on_rest(void *to, const char *text, size_t len)
{
    (void)to;
    (void)text;
    (void)len;
}

static const struct wire_stream_ops paper_ops = {
    .candidate = on_candidate, .torn = on_rest, .text = on_rest
};

static void
a_line_that_counts_as_out_is_on_the_paper_of_a_parallel_printer_whatever_fails(void)
{
    memset(&paper, 0, sizeof(paper));
    wire_stream_init(&paper.stream, &paper_ops, NULL);
    print_all(false, 0x9E3779B97F4A7C15);
}

static void
a_line_that_counts_as_out_is_on_the_paper_of_a_usb_printer_whatever_fails(void)
{
    memset(&paper, 0, sizeof(paper));
    wire_stream_init(&paper.stream, &paper_ops, NULL);
    print_all(true, 0xD1B54A32D192ED03);
}

int
main(void)
{
    CHECK_RUN(a_line_that_counts_as_out_is_on_the_paper_of_a_parallel_printer_whatever_fails);
    CHECK_RUN(a_line_that_counts_as_out_is_on_the_paper_of_a_usb_printer_whatever_fails);
    return check_result();
}
