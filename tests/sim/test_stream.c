/*
 * Both serial lines and USB at full speed for ten minutes (TOCSIN_STREAM_MINUTES): no byte is lost and no
 * line. And the longest erase the datasheet allows, in the middle of a burst.
 */
#include <stdlib.h>

#include "hal/uart.h"
#include "sim/device.h"

#define SECOND_US 1000000u
#define ALARM_EACH 997 /* of so many lines one is an alarm: few enough for the reserve */
#define ALARMS_MAX 2048

struct input {
    const char *host;
    uint32_t lines; /* made */
    char text[WIRE_LINE_MAX + 2];
    size_t len;
    size_t at; /* how much of the last one made is given */
};

static struct input inputs[INTAKES];
static struct lines_line alarms[ALARMS_MAX];
static unsigned alarm_count;
static uint64_t usb_next_us;
static bool plugged;
static uint64_t burst_each_us; /* 0: always */
static uint64_t burst_us;

static void
make_line(struct input *in)
{
    bool alarm = in->lines % ALARM_EACH == ALARM_EACH / 2;
    struct lines_line l = lines_make(alarm ? WIRE_ERRO : WIRE_INFO, in->host, in->lines,
            alarm ? "daemon.down" : "agent.beat", alarm ? "name=sshd pid=812" : "next=30 open=0", 7);

    if (alarm && alarm_count < ALARMS_MAX) {
        alarms[alarm_count++] = l;
    }
    memcpy(in->text, l.text, l.len);
    memcpy(in->text + l.len, "\r\n", 2);
    in->len = l.len + 2;
    in->at = 0;
    in->lines++;
}

static void
give_serial(enum intake_input which, enum hal_uart uart)
{
    struct input *in = &inputs[which];

    while (sim_uart_coming(uart) < 512) {
        if (in->at == in->len) {
            make_line(in);
        }
        in->at += sim_uart_feed(uart, in->text + in->at, in->len - in->at);
    }
}

static void
give_usb(void)
{
    struct input *in = &inputs[INTAKE_USB];

    plugged = plugged || device_plug();
    while (usb_next_us < sim_now_us()) {
        size_t n;

        if (in->at == in->len) {
            make_line(in);
        }
        n = device_usb((const uint8_t *)in->text + in->at, in->len - in->at);
        in->at += n;
        usb_next_us = n > 0 ? usb_next_us + 53 : sim_now_us();
    }
}

static void
world(void)
{
    char line[256];

    while (device_read(line) > 0) {
    }
    if (app.mode != MODE_RECORD) {
        return;
    }
    give_usb();
    if (burst_each_us == 0 || sim_now_us() % burst_each_us < burst_us) {
        give_serial(INTAKE_SERVER, HAL_UART_SERVER);
        give_serial(INTAKE_CONSOLE, HAL_UART_CONSOLE);
    }
}

static void
start(const struct device_setup *setup)
{
    memset(inputs, 0, sizeof(inputs));
    inputs[INTAKE_SERVER].host = "web03";
    inputs[INTAKE_CONSOLE].host = "db01";
    inputs[INTAKE_USB].host = "mail-2";
    alarm_count = 0;
    plugged = false;
    usb_next_us = 0;
    device_new(setup);
}

struct tally {
    unsigned found;
};

static void
count_alarm(const struct store_record *record, void *to)
{
    struct tally *t = to;

    if (t->found < alarm_count) {
        for (unsigned i = 0; i < alarm_count; i++) {
            if (alarms[i].len == record->len && memcmp(alarms[i].text, record->bytes, record->len) == 0) {
                t->found++;
                alarms[i].len = 0; /* a second one is not found */
            }
        }
    }
}

/* Every line that was made, but the last of each input, was taken and given to the log. */
static void
check_all_taken(void)
{
    struct store_counts counts;
    struct tally tally = { .found = 0 };
    uint32_t made = 0;
    uint32_t found = 0;

    device_settle();
    for (unsigned i = 0; i < INTAKES; i++) {
        const struct assembler_counts *c = &app.intake[i].assembler.counts;

        CHECK(c->lines + 24 >= inputs[i].lines && c->lines <= inputs[i].lines);
        CHECK_INT(c->torn + c->bad, 0);
        made += inputs[i].lines;
        found += c->lines - app.intake[i].held;
    }
    for (unsigned i = 0; i < HAL_UARTS; i++) {
        struct hal_uart_counts uart;

        hal_uart_count((enum hal_uart)i, &uart);
        CHECK_INT(uart.overruns, 0);
    }
    store_counts(&counts);
    CHECK_INT(store_last(), found + app.report.place.number - app.uptime_s / 60);
    CHECK_INT(counts.kept + counts.ring, store_last());
    CHECK_INT(counts.lost + counts.refused, 0);
    device_records(count_alarm, &tally);
    CHECK(tally.found + 3 >= alarm_count && alarm_count > 0);
    printf("%u lines made, %u taken, %u of %u alarms in the log; server %u, console %u, usb %u\n", made,
            found, tally.found, alarm_count, inputs[0].lines, inputs[1].lines, inputs[2].lines);
}

static void
ten_minutes_of_all_inputs_at_full_speed_lose_no_byte_and_no_line(void)
{
    const char *env = getenv("TOCSIN_STREAM_MINUTES");
    uint64_t minutes = env != NULL ? strtoull(env, NULL, 10) : 10;

    start(NULL);
    burst_each_us = 0;
    CHECK_INT(device_live(minutes * 60 * SECOND_US, world), SIM_RETURNED);
    check_all_taken();
    CHECK(inputs[INTAKE_SERVER].lines > minutes * 60 * 11520 / 120);
    CHECK(inputs[INTAKE_CONSOLE].lines > minutes * 60 * 11520 / 120);
    CHECK(inputs[INTAKE_USB].lines > minutes * 60);
}

/* What the queue is for: both lines bring for 400 ms what they can while each erase takes as long as one may.
 */
static void
bursts_of_the_longest_erase_lose_nothing(void)
{
    const struct device_setup slow = { .flash = DEVICE_FLASH, .program_us = 3000, .erase_us = 400000 };

    start(&slow);
    burst_each_us = 9700000;
    burst_us = 400000;
    CHECK_INT(device_live(600 * (uint64_t)SECOND_US, world), SIM_RETURNED);
    check_all_taken();
}

static bool fast;

static void
world_fast(void)
{
    char line[256];

    while (device_read(line) > 0) {
    }
    if (app.mode != MODE_RECORD) {
        return;
    }
    if (!fast) {
        CHECK_INT(hal_uart_start(HAL_UART_SERVER, 3000000), 0);
        fast = true;
    }
    for (unsigned i = 0; i < 8; i++) {
        give_serial(INTAKE_SERVER, HAL_UART_SERVER);
    }
    give_serial(INTAKE_CONSOLE, HAL_UART_CONSOLE);
}

/* What a line brings too fast is lost, counted and told, and is its own loss: not the other line's, and no
 * hang. */
static void
a_line_at_3_megabaud_takes_nothing_from_the_other_one(void)
{
    const struct assembler_counts *c = &app.intake[INTAKE_CONSOLE].assembler.counts;
    struct hal_uart_counts uart;

    start(NULL);
    fast = false;
    CHECK_INT(device_live(120 * (uint64_t)SECOND_US, world_fast), SIM_RETURNED);
    hal_uart_count(HAL_UART_CONSOLE, &uart);
    CHECK_INT(uart.overruns, 0);
    CHECK(c->lines + 24 >= inputs[INTAKE_CONSOLE].lines && c->torn + c->bad == 0);
    hal_uart_count(HAL_UART_SERVER, &uart);
    CHECK(uart.overruns > 0);
    CHECK(device_notes("logger.lost in=server", NULL) >= 1);
    printf("3 Mbaud: %u bytes taken, %u lost, %u lines a second\n", uart.received, uart.overruns,
            app.intake[INTAKE_SERVER].assembler.counts.lines / 120);
}

int
main(void)
{
    CHECK_RUN(ten_minutes_of_all_inputs_at_full_speed_lose_no_byte_and_no_line);
    CHECK_RUN(a_line_at_3_megabaud_takes_nothing_from_the_other_one);
    CHECK_RUN(bursts_of_the_longest_erase_lose_nothing);
    return check_result();
}
