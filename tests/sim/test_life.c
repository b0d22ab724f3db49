/* The life of a recorder: silence, alarms, the button, a full reserve, lost signals, resets, noise, reading
 * out. */
#include <stdlib.h>

#include "dump/dump.h"
#include "hal/clock.h"
#include "sim/device.h"
#include "support/fake_usbd.h"
#include "support/usb_os.h"
#include "usb/status.h"
#include "usb/usb.h"

#define S 1000000u

/* ---- what a person sees, and what the console hears */

static char lamp[LAMP_STEPS + 1]; /* of the last two seconds */
static uint64_t lamp_due_us;
static char heard[64][256]; /* lines on the console's line, the newest ones */
static unsigned heard_count;

static void
watch(void)
{
    while (sim_now_us() >= lamp_due_us) {
        memmove(lamp, lamp + 1, LAMP_STEPS - 1);
        lamp[LAMP_STEPS - 1] = sim_gpio_out(HAL_GPIO_LAMP) ? '#' : '.';
        lamp_due_us += LAMP_STEP_MS * 1000u;
    }
    while (device_read(heard[heard_count % 64]) > 0) {
        heard_count++;
    }
}

static bool
lamp_says(const char *pattern)
{
    char twice[2 * LAMP_STEPS + 1];

    snprintf(twice, sizeof(twice), "%s%s", pattern, pattern);
    return strstr(twice, lamp) != NULL;
}

static unsigned
times_heard(const char *text)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 64 && i < heard_count; i++) {
        n += strstr(heard[i], text) != NULL;
    }
    return n;
}

/* ---- a script: what happens when */

struct step {
    uint64_t at_ms;
    void (*act)(void);
};

static const struct step *script;

static void
play(void)
{
    watch();
    while (script->act != NULL && sim_now_us() >= script->at_ms * 1000) {
        (script++)->act();
    }
}

/* A new device with this script, for so many seconds. */
static int
live(const struct step *steps, uint64_t seconds)
{
    lamp_due_us = 0;
    heard_count = 0;
    script = steps;
    return device_live(seconds * S, play);
}

static uint32_t next_number;

static void
type(enum wire_severity severity, const char *code, const char *detail)
{
    struct lines_line l = lines_make(severity, "web03", next_number++, code, detail, 0);

    device_type(HAL_UART_SERVER, &l);
}

static void
beat(void)
{
    type(WIRE_INFO, "agent.beat", "next=10 open=0");
}

static void
alarm(void)
{
    type(WIRE_CRIT, "process.hidden", "pid=4711");
}

static void
copy_of_alarm(void)
{
    next_number--;
    alarm();
}

static void
press(void)
{
    sim_gpio_in(HAL_GPIO_BUTTON, true);
}

static void
let_go(void)
{
    sim_gpio_in(HAL_GPIO_BUTTON, false);
}

static void
relay_is_open(void)
{
    CHECK(!sim_gpio_out(HAL_GPIO_RELAY));
}

static void
relay_is_closed(void)
{
    CHECK(sim_gpio_out(HAL_GPIO_RELAY));
}

static void
lamp_ok(void)
{
    CHECK(lamp_says("#..................."));
}

static void
lamp_fault(void)
{
    CHECK(lamp_says("###################."));
}

static void
lamp_alarm(void)
{
    CHECK(lamp_says("#.#.#.#.#.#.#.#.#.#."));
}

static void
lamp_silence(void)
{
    CHECK(lamp_says("##########.........."));
}

static void
lamp_reserve(void)
{
    CHECK(lamp_says("#.#................."));
}

/* ---- the tests */

static void
takes_lines(void)
{
    CHECK_INT(app.mode, MODE_RECORD);
    CHECK_INT(app.intake[INTAKE_SERVER].assembler.counts.lines, 1);
}

static void
a_tenth_of_a_second_after_the_start_it_takes_lines_and_has_lost_none(void)
{
    static const struct step steps[] = { { 0, alarm }, { 100, takes_lines }, { 0, NULL } };

    device_new(NULL);
    CHECK_INT(live(steps, 1), SIM_RETURNED);
    CHECK_INT(device_notes("process.hidden", NULL), 1);
}

static void
silence_calls_until_a_person_comes_and_shows_until_the_host_is_back(void)
{
    static const struct step steps[] = {
        { 1000, beat },
        { 6000, beat },
        { 9000, lamp_ok },
        { 41500, relay_is_open },
        { 43500, relay_is_closed },
        { 50000, lamp_silence },
        { 60000, press },
        { 60200, relay_is_open },
        { 60300, let_go },
        { 70000, lamp_silence },
        { 80000, beat },
        { 80300, relay_is_open },
        { 83000, lamp_ok },
        { 0, NULL },
    };

    device_new(NULL);
    CHECK_INT(live(steps, 90), SIM_RETURNED);
    CHECK_INT(times_heard("logger.silent host=web03 for=36 ~"), 1);
    CHECK_INT(times_heard("logger.ack alarm=0 silence=1 reserve=0 fault=0 ~"), 1);
    CHECK_INT(times_heard("logger.back host=web03 for=74 ~"), 1);
    CHECK_INT(device_notes("logger.silent", NULL), 1);
    CHECK_INT(device_notes("logger.ack", NULL), 1);
    CHECK_INT(device_notes("logger.back", NULL), 1);
}

static void
eight_beat(const char *name, const char *detail)
{
    for (unsigned i = 0; i < DEADMAN_HOSTS; i++) {
        char host[8];
        struct lines_line l;

        snprintf(host, sizeof(host), "%s%u", name, i);
        l = lines_make(WIRE_INFO, host, next_number++, "agent.beat", detail, 0);
        device_type(HAL_UART_SERVER, &l);
    }
}

static void
eight_old(void)
{
    eight_beat("old", "next=1");
}

static void
eight_new(void)
{
    eight_beat("new", "next=60");
}

static void
silence_ends_when_the_places_of_all_who_are_silent_went_to_others(void)
{
    static const struct step steps[] = {
        { 1000, eight_old },
        { 24000, lamp_silence },
        { 25000, press },
        { 25500, let_go },
        { 29000, lamp_silence },
        { 30000, eight_new },
        { 35000, lamp_ok },
        { 0, NULL },
    };

    device_new(NULL);
    CHECK_INT(live(steps, 40), SIM_RETURNED);
    CHECK_INT(deadman_silent(&app.deadman), 0);
}

static void
a_recorder_that_hears_nobody_says_so(void)
{
    static const struct step steps[] = { { 185000, relay_is_open }, { 187500, relay_is_closed },
        { 0, NULL } };

    device_new(NULL);
    CHECK_INT(live(steps, 190), SIM_RETURNED);
    CHECK_INT(times_heard("logger.silent host= for=186 ~"), 1);
}

static void
an_alarm_calls_until_a_person_comes_and_its_copy_does_not_call_again(void)
{
    static const struct step steps[] = {
        { 1000, beat },
        { 2000, alarm },
        { 2200, relay_is_closed },
        { 5000, lamp_alarm },
        { 6000, press },
        { 6200, relay_is_open },
        { 6300, let_go },
        { 7000, copy_of_alarm },
        { 8500, relay_is_open },
        { 9500, lamp_ok },
        { 10000, alarm },
        { 10200, relay_is_closed },
        { 0, NULL },
    };
    struct lines_line first;

    next_number = 0;
    device_new(NULL);
    CHECK_INT(live(steps, 12), SIM_RETURNED);
    first = lines_make(WIRE_CRIT, "web03", 1, "process.hidden", "pid=4711", 0);
    CHECK_INT(device_stored(first.text, first.len), 1);
    CHECK_INT(times_heard(first.text), 2);
    CHECK_INT(device_notes("process.hidden", NULL), 2);
}

static void
a_start_ends_no_call_and_makes_no_copy_new(void)
{
    static const struct step before[] = { { 1000, beat }, { 2000, alarm }, { 2500, relay_is_closed },
        { 0, NULL } };
    static const struct step called[] = { { 1000, relay_is_closed }, { 1500, copy_of_alarm }, { 3000, press },
        { 3200, relay_is_open }, { 3300, let_go }, { 0, NULL } };
    static const struct step seen[] = { { 1000, relay_is_open }, { 1500, copy_of_alarm },
        { 3000, relay_is_open }, { 3500, lamp_ok }, { 0, NULL } };

    device_new(NULL);
    CHECK_INT(live(before, 4), SIM_RETURNED);
    device_power_cycle();
    CHECK_INT(live(called, 5), SIM_RETURNED);
    device_power_cycle();
    CHECK_INT(live(seen, 5), SIM_RETURNED);
    CHECK_INT(device_notes("process.hidden", NULL), 1);
    CHECK_INT(device_notes("logger.boot", NULL), 3);
}

static void
many_alarms(void)
{
    for (unsigned i = 0; i < 100 && sim_uart_coming(HAL_UART_SERVER) < 60000; i++) {
        alarm();
    }
}

static void
a_full_reserve_is_told_keeps_the_first_and_sends_on_the_rest(void)
{
    static const struct device_setup small = { .flash = 1u << 16, .program_us = 400, .erase_us = 45000 };
    static const struct step steps[] = {
        { 1000, many_alarms },
        { 3000, many_alarms },
        { 5000, many_alarms },
        { 8000, press },
        { 8100, let_go },
        { 10500, lamp_reserve },
        { 10600, relay_is_open },
        { 0, NULL },
    };
    struct store_counts counts;
    struct lines_line first;

    next_number = 0;
    device_new(&small);
    CHECK_INT(live(steps, 11), SIM_RETURNED);
    first = lines_make(WIRE_CRIT, "web03", 0, "process.hidden", "pid=4711", 0);
    CHECK_INT(device_stored(first.text, first.len), 1);
    store_counts(&counts);
    CHECK_INT(counts.reserve_free, 0);
    CHECK(counts.refused > 50);
    CHECK_INT(times_heard("logger.reserve free=0"), 1);
    CHECK_INT(times_heard("logger.ack alarm=1 silence=0 reserve=1"), 1);
    first = lines_make(WIRE_CRIT, "web03", next_number - 1, "process.hidden", "pid=4711", 0);
    CHECK_INT(device_stored(first.text, first.len), 1);
}

static void
dtr_off(void)
{
    sim_gpio_in(HAL_GPIO_DTR, false);
}

static void
dtr_on(void)
{
    sim_gpio_in(HAL_GPIO_DTR, true);
}

static void
vbus_off(void)
{
    cable_power(false);
}

static void
vbus_on(void)
{
    cable_power(true);
}

static void
lost_dtr_and_lost_vbus_are_recorded_and_flapping_is_counted(void)
{
    static const struct step steps[] = {
        { 0, dtr_on },
        { 2000, dtr_off },
        { 2100, dtr_on },
        { 2200, dtr_off },
        { 3000, vbus_off },
        { 20000, vbus_on },
        { 30000, dtr_on },
        { 0, NULL },
    };

    device_new(NULL);
    CHECK_INT(live(steps, 40), SIM_RETURNED);
    CHECK_INT(device_notes("logger.dtr state=lost changes=1 ~", NULL), 1);
    CHECK_INT(device_notes("logger.dtr state=lost changes=2 ~", NULL), 1);
    CHECK_INT(device_notes("logger.dtr state=back changes=1 ~", NULL), 1);
    CHECK_INT(device_notes("logger.vbus state=lost changes=1 ~", NULL), 1);
    CHECK_INT(device_notes("logger.vbus state=back changes=1 ~", NULL), 1);
}

static void
hang(void)
{
    sim_clock_advance(5 * S);
}

static void
fail(void)
{
    hal_reset_now(
            &(struct hal_reset_note){ .what = HAL_NOTE_FAULT, .where = 0x20001234, .from = 0x2000ABCD });
}

static void
a_loop_that_hangs_and_a_fault_are_told_by_the_next_start(void)
{
    static const struct step hangs[] = { { 1000, hang }, { 0, NULL } };
    static const struct step fails[] = { { 7000, fail }, { 0, NULL } };
    static const struct step shows[] = { { 11000, lamp_fault }, { 11000, relay_is_open }, { 12000, press },
        { 12300, let_go }, { 15000, lamp_ok }, { 0, NULL } };

    device_new(NULL);
    CHECK_INT(live(hangs, 10), HAL_RESET_WATCHDOG);
    CHECK_INT(live(fails, 10), HAL_RESET_FAULT);
    CHECK_INT(live(shows, 10), SIM_RETURNED);
    CHECK(script->act == NULL);
    CHECK_INT(device_notes("#1 NOTE 51A0000000000001 1.0@0 logger.boot cause=power mode=record ~", NULL), 1);
    CHECK_INT(
            device_notes("#1 ERRO 51A0000000000001 2.0@0 logger.boot cause=watchdog mode=record ~", NULL), 1);
    CHECK_INT(device_notes("#1 ERRO 51A0000000000001 3.0@0 logger.boot cause=fault mode=record what=1 "
                           "where=20001234 "
                           "from=2000ABCD ~",
                      NULL),
            1);
}

static struct lines_random noise_random = { .state = 4242 };
static uint64_t noise_bytes;
static uint64_t noise_most;

/* Half of it is any byte, the other half what lines are made of. */
static void
noise(void)
{
    static const char of_lines[] =
            "!1 CRITERRO web03 17-K3QF.42@812 20261121T193405Z daemon.down name=sshd ~\r\n";
    uint8_t packet[64];

    watch();
    if (app.mode != MODE_RECORD || noise_bytes >= noise_most) {
        return;
    }
    for (unsigned i = 0; i < sizeof(packet); i++) {
        uint32_t draw = lines_draw(&noise_random, 512);

        packet[i] = (uint8_t)(draw < 256 ? draw : (uint8_t)of_lines[draw % (sizeof(of_lines) - 1)]);
    }
    for (unsigned i = 0; i < HAL_UARTS; i++) {
        if (sim_uart_coming((enum hal_uart)i) < 512) {
            noise_bytes += sim_uart_feed((enum hal_uart)i, packet, sizeof(packet));
        }
    }
    if (fake_usbd_address() == 0) {
        CHECK(device_plug());
    }
    noise_bytes += device_usb(packet, sizeof(packet));
}

/* TOCSIN_NOISE: how many bytes, 10,000,000. */
static void
noise_on_all_inputs_is_counted_and_leaves_nothing(void)
{
    const char *env = getenv("TOCSIN_NOISE");
    unsigned others;

    noise_most = env != NULL ? strtoull(env, NULL, 10) : 10000000;
    noise_bytes = 0;
    lamp_due_us = 0;
    heard_count = 0;
    device_new(NULL);
    while (noise_bytes < noise_most) {
        CHECK_INT(device_live(180 * (uint64_t)S, noise), SIM_RETURNED);
        CHECK_INT(sim_gpio_changes(HAL_GPIO_RELAY), 0);
        CHECK_INT(app.panel.latch[PANEL_ALARM], LATCH_CLEAR);
        for (unsigned i = 0; i < INTAKES; i++) {
            const struct assembler_counts *c = &app.intake[i].assembler.counts;

            CHECK_INT(c->lines, 0);
            CHECK_INT(c->rubbish + app.intake[i].assembler.len, c->bytes);
        }
        device_power_cycle();
    }
    CHECK_INT(device_live(1000000, NULL), SIM_RETURNED);
    others = device_notes("logger.boot", NULL) + device_notes("logger.lost", NULL);
    CHECK_INT(store_last(), others);
}

static void
echo(void)
{
    char byte;

    while (sim_uart_sent(HAL_UART_CONSOLE, &byte, 1) == 1) {
        sim_uart_feed(HAL_UART_CONSOLE, &byte, 1);
    }
    if (script->act != NULL && sim_now_us() >= script->at_ms * 1000) {
        (script++)->act();
    }
}

static void
a_console_that_echoes_hears_each_line_once(void)
{
    static const struct step steps[] = { { 1000, beat }, { 2000, alarm }, { 0, NULL } };

    device_new(NULL);
    script = steps;
    CHECK_INT(device_live(30 * (uint64_t)S, echo), SIM_RETURNED);
    CHECK_INT(app.intake[INTAKE_CONSOLE].assembler.counts.lines, 2);
    CHECK_INT(device_notes("web03", NULL), 2);
}

static void
a_line_that_comes_by_two_ways_is_recorded_once(void)
{
    static const struct step steps[] = { { 0, NULL } };
    struct lines_line l = lines_make(WIRE_CRIT, "web03", 1, "process.hidden", "pid=4711", 0);

    device_new(NULL);
    device_type(HAL_UART_SERVER, &l);
    device_type(HAL_UART_CONSOLE, &l);
    CHECK_INT(live(steps, 3), SIM_RETURNED);
    CHECK_INT(device_stored(l.text, l.len), 1);
}

/* ---- a ring that is worn out */

static char usb_text[2048 * (WIRE_LINE_MAX + 1)];
static size_t usb_len;
static size_t usb_at;
static bool endless; /* begin again at the end; what is no copy by then is a line */

static void
usb_line(enum wire_severity severity, const char *code, const char *detail)
{
    struct lines_line l = lines_make(severity, "web03", next_number++, code, detail, 0);

    memcpy(usb_text + usb_len, l.text, l.len);
    usb_len += l.len;
}

static void
write_by_usb(void)
{
    if (sim_now_us() > S && !usb_ready()) {
        CHECK(device_plug());
    }
    if (usb_ready()) {
        usb_at += device_usb((const uint8_t *)usb_text + usb_at, usb_len - usb_at);
        usb_at = endless && usb_at == usb_len ? 0 : usb_at;
    }
    play();
}

static void
lines_that_a_dead_ring_loses_do_not_close_usb_to_alarms(void)
{
    static const struct step steps[] = { { 0, NULL } };

    device_new(NULL);
    for (uint32_t sector = DEVICE_FLASH / 4096 / 2; sector < DEVICE_FLASH / 4096; sector++) {
        flash_bad(sector, FLASH_BAD_ERASE);
    }
    usb_len = 0;
    usb_at = 0;
    for (unsigned i = 0; i < 500; i++) {
        usb_line(WIRE_INFO, "mount.ok", "of=3");
    }
    usb_line(WIRE_CRIT, "process.hidden", "pid=4711");
    lamp_due_us = 0;
    heard_count = 0;
    script = steps;
    CHECK_INT(device_live(100 * (uint64_t)S, write_by_usb), SIM_RETURNED);
    CHECK_INT(usb_at, usb_len);
    CHECK(sim_gpio_out(HAL_GPIO_RELAY));
    CHECK_INT(device_notes("process.hidden", NULL), 1);
    CHECK(device_notes("logger.fault what=flash", NULL) > 0);
}

/* A new life in which the host writes so many lesser lines by USB as fast as it can. */
static void
live_with_flood(unsigned lines, uint64_t seconds)
{
    static const struct step steps[] = { { 0, NULL } };

    usb_len = 0;
    usb_at = 0;
    for (unsigned i = 0; i < lines; i++) {
        usb_line(WIRE_INFO, "mount.ok", "of=3");
    }
    lamp_due_us = 0;
    heard_count = 0;
    script = steps;
    CHECK_INT(device_live(seconds * S, write_by_usb), SIM_RETURNED);
}

static void
no_flood_before_a_start_or_behind_it_ends_the_call_of_an_alarm(void)
{
    static const struct step steps[] = { { 1000, alarm }, { 2000, relay_is_closed }, { 0, NULL } };

    device_new(NULL);
    CHECK_INT(live(steps, 3), SIM_RETURNED);
    device_power_cycle();
    live_with_flood(2000, 10);
    device_settle();
    device_power_cycle();
    live_with_flood(0, 10);
    CHECK(sim_gpio_out(HAL_GPIO_RELAY));
    device_power_cycle();
    endless = true;
    live_with_flood(2000, 40);
    endless = false;
    CHECK(sim_gpio_out(HAL_GPIO_RELAY));
}

static void
without_a_log_lines_still_call_and_are_sent_on(void)
{
    static const struct device_setup none = { .flash = 1u << 13, .program_us = 400, .erase_us = 45000 };
    static const struct step steps[] = { { 1000, alarm }, { 1500, relay_is_closed }, { 0, NULL } };

    device_new(&none);
    CHECK_INT(live(steps, 5), SIM_RETURNED);
    CHECK_INT(times_heard("logger.fault what=log"), 1);
    CHECK_INT(times_heard("process.hidden"), 1);
    CHECK(lamp_says("###################."));
    CHECK_INT(app.unsaved, 1);
}

static void
ask_status(void)
{
    const struct os_setup ask = { USB_STATUS_TYPE, USB_STATUS_REQUEST, 0, 0, USB_STATUS_SIZE };
    uint8_t page[USB_STATUS_SIZE];
    struct usb_status status;

    CHECK(device_plug());
    CHECK_INT(os_control(&ask, page), USB_STATUS_SIZE);
    CHECK_INT(usb_status_decode(page, sizeof(page), &status), 0);
    CHECK_INT(status.flags, USB_STATUS_READY | USB_STATUS_ALARM);
    CHECK_INT(status.boots, 1);
    CHECK_INT(status.uptime_s, 5);
    CHECK_INT(status.lines, 2);
    CHECK_INT(status.number, next_number - 1);
    CHECK_INT(status.session, 17);
    CHECK_INT(status.kept, 2); /* the start and the alarm */
    CHECK_INT(status.ring, 1);
    CHECK_INT(status.committed, 3);
    CHECK_INT(status.rubbish, 4);
}

static void
a_host_that_asks_is_told_the_counters(void)
{
    static const struct step steps[] = { { 1000, beat }, { 2000, alarm }, { 5500, ask_status }, { 0, NULL } };

    device_new(NULL);
    CHECK_INT(live(steps, 6), SIM_RETURNED);
}

/* ---- reading out */

static struct dump_reader reader;
static struct dump_end dump_end;
static unsigned dump_records;
static bool dump_whole;

static void
take_dump(const uint8_t *src, size_t len)
{
    struct dump_frame frame;
    size_t took;

    while (dump_feed(&reader, src, len, &took, &frame) == DUMP_FOUND) {
        dump_records += frame.kind == DUMP_RECORD;
        if (frame.kind == DUMP_END) {
            dump_end = frame.end;
            dump_whole = true;
        }
        src += took;
        len -= took;
    }
}

/* A host that configures the device once and then asks for the dump. */
static void
harvest(void)
{
    uint8_t packet[64];
    int n;

    play();
    if (app.mode < MODE_DUMP) {
        return;
    }
    if (fake_usbd_address() == 0) {
        dump_reader_init(&reader);
        dump_records = 0;
        dump_whole = false;
        CHECK(device_plug());
    }
    n = cable_in(0x82, packet);
    if (n > 0) {
        take_dump(packet, (size_t)n);
    }
}

static int
live_reading(const struct step *steps, uint64_t seconds)
{
    lamp_due_us = 0;
    heard_count = 0;
    script = steps;
    return device_live(seconds * S, harvest);
}

static void
dumped(void)
{
    CHECK(dump_whole);
    CHECK(lamp_says("#####.....#####....."));
}

static void
not_harvested_yet(void)
{
    struct store_counts counts;

    store_counts(&counts);
    CHECK_INT(counts.harvested, 0);
}

static void
harvested(void)
{
    struct store_counts counts;

    store_counts(&counts);
    CHECK_INT(counts.harvested, dump_end.last);
    CHECK(lamp_says("#####.#............."));
}

static void
the_log_is_read_out_whole_and_only_a_second_long_press_marks_it(void)
{
    static const struct step recording[] = { { 1000, many_alarms }, { 3000, beat }, { 0, NULL } };
    static const struct step reading[] = {
        { 3000, relay_is_open },
        { 3500, let_go },
        { 9000, dumped },
        { 9100, press },
        { 10900, let_go },
        { 11500, not_harvested_yet },
        { 12000, press },
        { 14500, let_go },
        { 18000, harvested },
        { 0, NULL },
    };
    uint32_t last;

    next_number = 0;
    device_new(NULL);
    CHECK_INT(live(recording, 6), SIM_RETURNED);
    device_settle();
    last = store_committed();
    CHECK(last > 100);
    device_power_cycle();
    press();
    CHECK_INT(live_reading(reading, 20), SIM_RETURNED);
    CHECK_INT(dump_records, last + 1); /* and the note of this start */
    CHECK_INT(dump_end.records, dump_records);
    CHECK_INT(dump_end.last, last + 1);
    CHECK_INT(dump_end.spoilt, 0);
    CHECK_INT(reader.rubbish, 0);
    CHECK_INT(device_notes("logger.boot cause=power mode=dump", NULL), 1);
    CHECK_INT(device_notes("logger.harvested upto=", NULL), 1);
    CHECK(app.intake[INTAKE_SERVER].assembler.counts.bytes == 0);
}

static void
no_press_marks_what_was_not_read_to_its_end(void)
{
    static const struct step recording[] = { { 1000, many_alarms }, { 0, NULL } };
    static const struct step reading[] = { { 3000, let_go }, { 4000, press }, { 9000, not_harvested_yet },
        { 9500, let_go }, { 0, NULL } };

    device_new(NULL);
    CHECK_INT(live(recording, 6), SIM_RETURNED);
    device_power_cycle();
    press();
    CHECK_INT(live(reading, 12), SIM_RETURNED);
    CHECK_INT(app.mode, MODE_DUMP);
    CHECK_INT(device_notes("logger.harvested", NULL), 0);
}

int
main(void)
{
    CHECK_RUN(a_tenth_of_a_second_after_the_start_it_takes_lines_and_has_lost_none);
    CHECK_RUN(silence_calls_until_a_person_comes_and_shows_until_the_host_is_back);
    CHECK_RUN(silence_ends_when_the_places_of_all_who_are_silent_went_to_others);
    CHECK_RUN(a_recorder_that_hears_nobody_says_so);
    CHECK_RUN(an_alarm_calls_until_a_person_comes_and_its_copy_does_not_call_again);
    CHECK_RUN(a_start_ends_no_call_and_makes_no_copy_new);
    CHECK_RUN(a_full_reserve_is_told_keeps_the_first_and_sends_on_the_rest);
    CHECK_RUN(lost_dtr_and_lost_vbus_are_recorded_and_flapping_is_counted);
    CHECK_RUN(a_loop_that_hangs_and_a_fault_are_told_by_the_next_start);
    CHECK_RUN(noise_on_all_inputs_is_counted_and_leaves_nothing);
    CHECK_RUN(a_console_that_echoes_hears_each_line_once);
    CHECK_RUN(a_line_that_comes_by_two_ways_is_recorded_once);
    CHECK_RUN(lines_that_a_dead_ring_loses_do_not_close_usb_to_alarms);
    CHECK_RUN(no_flood_before_a_start_or_behind_it_ends_the_call_of_an_alarm);
    CHECK_RUN(without_a_log_lines_still_call_and_are_sent_on);
    CHECK_RUN(a_host_that_asks_is_told_the_counters);
    CHECK_RUN(the_log_is_read_out_whole_and_only_a_second_long_press_marks_it);
    CHECK_RUN(no_press_marks_what_was_not_read_to_its_end);
    return check_result();
}
