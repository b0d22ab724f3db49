/* The serial line's pace, rings and counts. */
#include "hal/linux/line.h"
#include "hal/result.h"
#include "support/check.h"

#define BAUD 115200u
#define SECOND_US 1000000u

static struct line line;
static uint8_t bytes[2 * HAL_UART_RING];

static void
a_second_brings_what_the_baud_rate_allows_within_a_ten_thousandth(void)
{
    static const uint32_t bauds[] = { 300, 9600, 115200, 921600, 3000000 };

    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        CHECK_INT(line_start(&line, bauds[i], 7), HAL_OK);
        size_t due = line_due(&line, 7 + SECOND_US);

        CHECK(due >= bauds[i] / 10 && due <= bauds[i] / 10 + bauds[i] / 100000 + 2);
        CHECK_INT(line_due(&line, 7), 0);
    }
}

static void
speeds_that_no_line_has_are_refused(void)
{
    static const uint32_t bauds[] = { 0, 1, 299, 3000001, UINT32_MAX };

    CHECK_INT(line_start(&line, BAUD, 0), HAL_OK);
    for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
        CHECK_INT(line_start(&line, bauds[i], 0), HAL_E_RANGE);
        CHECK_INT(line.baud, BAUD);
    }
}

static void
what_the_ring_has_no_room_for_is_lost_and_counted(void)
{
    uint8_t got[sizeof bytes];

    CHECK_INT(line_start(&line, BAUD, 0), HAL_OK);
    line_arrived(&line, bytes, HAL_UART_RING - 1, true, SECOND_US);
    line_arrived(&line, bytes, 3, true, SECOND_US);
    CHECK_INT(line.counts.received, HAL_UART_RING);
    CHECK_INT(line.counts.overruns, 2);
    CHECK_INT(line_read(&line, got, sizeof got), HAL_UART_RING);
    CHECK_INT(line_read(&line, got, sizeof got), 0);
}

static void
bytes_come_out_of_the_ring_as_they_went_in(void)
{
    uint8_t next_in = 0;
    uint8_t next_out = 0;

    CHECK_INT(line_start(&line, BAUD, 0), HAL_OK);
    for (int round = 0; round < 100; round++) {
        uint8_t chunk[97];

        for (size_t i = 0; i < sizeof chunk; i++) {
            chunk[i] = next_in++;
        }
        line_arrived(&line, chunk, sizeof chunk, true, 0);
        CHECK_INT(line_read(&line, chunk, sizeof chunk), sizeof chunk);
        for (size_t i = 0; i < sizeof chunk; i++) {
            CHECK_INT(chunk[i], next_out++);
        }
    }
}

static void
nothing_is_sent_faster_than_the_line(void)
{
    uint64_t now_us = 0;
    size_t sent = 0;

    CHECK_INT(line_start(&line, BAUD, 0), HAL_OK);
    CHECK_INT(line_write(&line, bytes, sizeof bytes), HAL_UART_RING);
    CHECK_INT(line_room(&line), 0);
    CHECK_INT(line_sent(&line, bytes, sizeof bytes, 0), 0);
    while (sent < HAL_UART_RING && now_us < SECOND_US) {
        now_us += 100;
        sent += line_sent(&line, bytes, sizeof bytes, now_us);
        CHECK(sent <= now_us * (BAUD / 10) / SECOND_US + 1);
    }
    CHECK_INT(sent, HAL_UART_RING);
    CHECK(now_us > 177000 && now_us < 179000);
}

static void
a_silent_transmitter_saves_up_no_speed(void)
{
    CHECK_INT(line_start(&line, BAUD, 0), HAL_OK);
    CHECK_INT(line_sent(&line, bytes, sizeof bytes, SECOND_US), 0);
    CHECK_INT(line_write(&line, bytes, 100), 100);
    CHECK_INT(line_sent(&line, bytes, sizeof bytes, SECOND_US + 900), 10);
}

static void
a_silent_wire_saves_up_no_bytes(void)
{
    CHECK_INT(line_start(&line, BAUD, 0), HAL_OK);
    line_arrived(&line, bytes, 0, true, SECOND_US);
    CHECK_INT(line_due(&line, SECOND_US), 0);
    CHECK_INT(line_due(&line, SECOND_US + 900), 10);
}

static void
a_line_that_was_not_started_takes_and_gives_nothing(void)
{
    line = (struct line){ 0 };
    CHECK_INT(line_write(&line, bytes, 1), 0);
    CHECK_INT(line_room(&line), 0);
    CHECK_INT(line_due(&line, SECOND_US), 0);
    CHECK_INT(line_sent(&line, bytes, 1, SECOND_US), 0);
    CHECK_INT(line_read(&line, bytes, 1), 0);
}

int
main(void)
{
    CHECK_RUN(a_second_brings_what_the_baud_rate_allows_within_a_ten_thousandth);
    CHECK_RUN(speeds_that_no_line_has_are_refused);
    CHECK_RUN(what_the_ring_has_no_room_for_is_lost_and_counted);
    CHECK_RUN(bytes_come_out_of_the_ring_as_they_went_in);
    CHECK_RUN(nothing_is_sent_faster_than_the_line);
    CHECK_RUN(a_silent_transmitter_saves_up_no_speed);
    CHECK_RUN(a_silent_wire_saves_up_no_bytes);
    CHECK_RUN(a_line_that_was_not_started_takes_and_gives_nothing);
    return check_result();
}
