/*
 * A day of as much as the inputs carry: junk, and forged lines of severity ERRO, behind one true alarm.
 * TOCSIN_FLOOD_MINUTES (30; 1440 for the whole day) sets how many minutes are simulated.
 */
#include <stdlib.h>

#include "sim/device.h"

#define MINUTE_US 60000000u
#define JUNK 4096
#define USB_PACKET_US 53 /* 19 packets a millisecond: the most a full-speed bus carries */

static struct lines_line alarm_line;
static struct lines_random rnd = { .state = 2026 };
static uint8_t junk[JUNK];
static uint32_t forged;
static uint64_t usb_due_us;
static bool plugged;
static unsigned told_full; /* notes on the console's line */
static unsigned beats;
static char usb_line[WIRE_LINE_MAX + 2];
static size_t usb_len;
static size_t usb_at;

static struct lines_line
forge(void)
{
    forged++;
    return lines_make(forged % 2 ? WIRE_ERRO : WIRE_EMRG, "web03", forged & WIRE_NUMBER_MAX, "daemon.down",
            "name=sshd pid=812", forged);
}

/* Two of three bytes are forged lines, and the rest is junk. */
static void
flood_line(enum hal_uart uart)
{
    while (sim_uart_coming(uart) < 1024) {
        struct lines_line line = forge();

        device_type(uart, &line);
        sim_uart_feed(uart, junk + lines_draw(&rnd, JUNK - 100), 60);
    }
}

static void
flood_usb(void)
{
    if (!plugged) {
        plugged = device_plug();
        CHECK(plugged);
    }
    while (usb_due_us < sim_now_us()) {
        if (usb_at == usb_len) {
            struct lines_line line = forge();

            memcpy(usb_line, line.text, line.len);
            memcpy(usb_line + line.len, "\n", 1);
            usb_len = line.len + 1;
            usb_at = 0;
        }
        size_t n = device_usb((const uint8_t *)usb_line + usb_at, usb_len - usb_at);

        usb_at += n;
        usb_due_us = n > 0 ? usb_due_us + USB_PACKET_US : sim_now_us();
        if (n == 0) {
            break;
        }
    }
}

static void
hear(void)
{
    char line[256];

    while (device_read(line) > 0) {
        told_full += strstr(line, "logger.reserve free=0") != NULL;
        beats += strstr(line, "logger.beat next=60") != NULL;
    }
}

static void
flood(void)
{
    hear();
    if (app.mode == MODE_RECORD && sim_now_us() > 1000000) {
        flood_line(HAL_UART_SERVER);
        flood_line(HAL_UART_CONSOLE);
        flood_usb();
    }
}

static void
after_a_day_of_flood_the_alarm_is_still_there_and_the_console_was_told(void)
{
    const char *env = getenv("TOCSIN_FLOOD_MINUTES");
    uint64_t minutes = env != NULL ? strtoull(env, NULL, 10) : 30;
    struct store_counts counts;

    for (unsigned i = 0; i < JUNK; i++) {
        junk[i] = (uint8_t)lines_draw(&rnd, 256);
    }
    alarm_line = lines_make(WIRE_CRIT, "web03", 0, "process.hidden", "pid=4711", 0);
    device_new(NULL);
    device_type(HAL_UART_SERVER, &alarm_line);
    CHECK_INT(device_live(minutes * MINUTE_US, flood), SIM_RETURNED);
    CHECK_INT(device_stored(alarm_line.text, alarm_line.len), 1);
    CHECK_INT(device_notes("logger.boot cause=power", NULL), 1);
    CHECK_INT(told_full, 1);
    CHECK(beats + 3 >= minutes);
    store_counts(&counts);
    CHECK_INT(counts.reserve_free, 0);
    CHECK_INT(counts.lost, 0);
    for (unsigned i = 0; i < HAL_UARTS; i++) {
        struct hal_uart_counts uart;

        hal_uart_count((enum hal_uart)i, &uart);
        CHECK_INT(uart.overruns, 0);
        printf("%s: %u bytes, %u lines\n", intake_name((enum intake_input)i), uart.received,
                app.intake[i].assembler.counts.lines);
    }
    printf("usb: %u bytes, %u lines\n", app.intake[INTAKE_USB].assembler.counts.bytes,
            app.intake[INTAKE_USB].assembler.counts.lines);
    printf("%u forged, %u to the reserve, %u to the ring; wear %u to %u; out %u + %u not sent\n", forged,
            counts.kept, counts.ring, counts.wear_min, counts.wear_max, app.outq.ring[OUTQ_GRAVE].lost,
            app.outq.ring[OUTQ_OTHER].lost);
    CHECK(flash_weak_programmed() == 0);
}

int
main(void)
{
    CHECK_RUN(after_a_day_of_flood_the_alarm_is_still_there_and_the_console_was_told);
    return check_result();
}
