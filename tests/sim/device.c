#include "sim/device.h"

#include <stdlib.h>

#include "hal/flash.h"
#include "logger/app.h"
#include "support/fake_usbd.h"
#include "support/usb_os.h"

static struct {
    uint64_t until_us;
    void (*world)(void);
    char sent[256]; /* a line of the console that is not whole yet */
    size_t sent_len;
} device;

void
device_new(const struct device_setup *setup)
{
    struct flash_setup flash = {
        .size = DEVICE_FLASH, .program_us = FLASH_PROGRAM_US, .erase_us = FLASH_ERASE_US
    };

    if (setup != NULL) {
        flash.size = setup->flash;
        flash.program_us = setup->program_us;
        flash.erase_us = setup->erase_us;
    }
    CHECK_INT(flash_fit(&flash), 0);
    CHECK_INT(hal_flash_start(), 0);
    flash_faults_begin(1);
    device_power_cycle();
}

void
device_power_cycle(void)
{
    flash_power_on();
    sim_power_on();
    sim_clock_step(UINT64_MAX);
    fake_usbd_power_up(0);
    device.sent_len = 0;
}

static void
life(void)
{
    app_start();
    device.until_us += sim_now_us();
    while (sim_now_us() < device.until_us && !flash_is_cut()) {
        if (device.world != NULL) {
            device.world();
        }
        sim_clock_advance(DEVICE_TURN_US);
        app_poll();
    }
}

int
device_live(uint64_t us, void (*world)(void))
{
    device.until_us = us;
    device.world = world;
    return sim_live(life);
}

void
device_settle(void)
{
    for (unsigned i = 0; i < 1000000 && !store_idle(); i++) {
        sim_clock_advance(100);
        store_poll();
    }
    CHECK(store_idle());
}

void
device_type(enum hal_uart uart, const struct lines_line *line)
{
    CHECK_INT(sim_uart_feed(uart, line->text, line->len), line->len);
    CHECK_INT(sim_uart_feed(uart, "\r\n", 2), 2);
}

size_t
device_read(char line[256])
{
    while (device.sent_len < sizeof(device.sent) &&
            sim_uart_sent(HAL_UART_CONSOLE, device.sent + device.sent_len, 1)) {
        if (device.sent[device.sent_len++] == '\n') {
            size_t len = device.sent_len - 1;

            len -= len > 0 && device.sent[len - 1] == '\r';
            memcpy(line, device.sent, len);
            line[len] = '\0';
            device.sent_len = 0;
            if (len > 0) {
                return len;
            }
        }
    }
    return 0;
}

unsigned
device_records(void (*seen)(const struct store_record *record, void *to), void *to)
{
    struct store_cursor cursor = { .after = 0 };
    struct store_record record;
    unsigned n = 0;
    int got;

    device_settle();
    for (unsigned later = 0; (got = store_next(&cursor, &record)) != 0 && later < 1000; later += got < 0) {
        if (got > 0) {
            n++;
            seen(&record, to);
        }
    }
    CHECK_INT(got, 0);
    CHECK_INT(cursor.damaged, 0);
    return n;
}

struct search {
    const char *text;
    size_t len;
    bool whole;
    unsigned found;
    char *out;
};

static void
compare(const struct store_record *record, void *to)
{
    struct search *s = to;

    if (s->whole ? record->len == s->len && memcmp(record->bytes, s->text, s->len) == 0
                 : memmem(record->bytes, record->len, s->text, s->len) != NULL) {
        s->found++;
        if (s->out != NULL) {
            memcpy(s->out, record->bytes, record->len);
            s->out[record->len] = '\0';
        }
    }
}

unsigned
device_stored(const char *bytes, size_t len)
{
    struct search s = { .text = bytes, .len = len, .whole = true };

    device_records(compare, &s);
    return s.found;
}

unsigned
device_notes(const char *text, char out[STORE_RECORD_MAX + 1])
{
    struct search s = { .text = text, .len = strlen(text), .out = out };

    device_records(compare, &s);
    return s.found;
}

bool
device_plug(void)
{
    struct os_device found;

    return os_enumerate_linux(&found);
}

size_t
device_usb(const uint8_t *src, size_t len)
{
    int n = cable_out(0x01, src, len < 64 ? len : 64);

    return n > 0 ? (size_t)n : 0;
}
