/*
 * The power goes at random operations of the flash, torn at random bytes, while lines come in.
 * TOCSIN_SIM_CUTS (400) and TOCSIN_SIM_SEED (1) set how many and which. Nothing that was committed is gone,
 * nothing is there that nobody sent, and the log takes more.
 */
#include <stdlib.h>

#include "sim/device.h"

#define CUTS_A_DEVICE 20
#define NUMBERS 8192  /* records of a device */
#define OPERATIONS 50 /* most before a cut */

static const struct device_setup small = { .flash = 1u << 18, .program_us = 400, .erase_us = 45000 };
static uint32_t fed;              /* lines made since the device was new */
static uint32_t committed;        /* as the device said last before the cut */
static uint32_t last;             /* number given last, as of the turn before */
static uint32_t taken;            /* lines, as of the turn before */
static uint32_t line_at[NUMBERS]; /* by a record's number: that of its line and one, or 0 */

/* Any line is known again by its number. */
static struct lines_line
line_of(uint32_t number)
{
    return lines_make(number % 3 == 0 ? WIRE_CRIT : WIRE_INFO, "web03", number,
            number % 3 == 0 ? "daemon.down" : "mount.ok", "path=/var/lib", 11);
}

/* A turn takes at most one line, and gives it the first number. */
static void
note_numbers(void)
{
    uint32_t lines = app.intake[INTAKE_SERVER].assembler.counts.lines - app.intake[INTAKE_SERVER].held;

    if (lines > taken && last + 1 < NUMBERS) {
        line_at[last + 1] = app.number + 1;
    }
    taken = lines;
    last = store_last();
    committed = store_committed() > committed ? store_committed() : committed;
}

static void
feed(void)
{
    while (sim_uart_coming(HAL_UART_SERVER) < 300) {
        struct lines_line l = line_of(fed++);

        device_type(HAL_UART_SERVER, &l);
    }
    note_numbers();
}

struct check {
    uint32_t number;    /* of the record before */
    uint32_t boot;      /* of the line before */
    uint32_t line;      /* number of the line before */
    bool lines;         /* there was one */
    uint32_t committed; /* lines that were said to be */
};

static void
check_record(const struct store_record *record, void *to)
{
    struct check *c = to;
    struct wire_line line;
    struct lines_line want;

    CHECK(record->number > c->number);
    c->number = record->number;
    if (record->bytes[0] == '#') {
        CHECK(wire_check_ok((const char *)record->bytes, record->len));
        return;
    }
    if (wire_line_parse((const char *)record->bytes, record->len, &line) != 0) {
        CHECK(false);
        return;
    }
    want = line_of(line.head.number);
    CHECK(record->len == want.len && memcmp(record->bytes, want.text, want.len) == 0);
    if (record->number <= committed && line_at[record->number] != 0) {
        CHECK_INT(line_at[record->number], line.head.number + 1);
        c->committed++;
    }
    CHECK_INT(record->class, line.head.severity <= WIRE_ERRO ? STORE_KEPT : STORE_RING);
    if (c->lines && c->boot == record->boot) {
        CHECK_INT(line.head.number, c->line + 1);
    } else {
        CHECK(!c->lines || line.head.number > c->line);
    }
    c->lines = true;
    c->boot = record->boot;
    c->line = line.head.number;
}

/* Returns how many records there are. */
static uint32_t
check_log(void)
{
    struct check c = { .number = 0 };
    uint32_t want = 0;
    uint32_t n = device_records(check_record, &c);

    for (uint32_t number = 0; number < NUMBERS; number++) {
        want += number <= committed && line_at[number] != 0;
        line_at[number] = number <= committed ? line_at[number] : 0;
    }
    CHECK_INT(c.committed, want);
    return n;
}

static void
no_cut_takes_what_was_committed_or_leaves_what_nobody_sent(void)
{
    const char *cuts_env = getenv("TOCSIN_SIM_CUTS");
    const char *seed_env = getenv("TOCSIN_SIM_SEED");
    unsigned cuts = cuts_env != NULL ? (unsigned)strtoul(cuts_env, NULL, 10) : 400;
    struct lines_random r = { .state = seed_env != NULL ? strtoull(seed_env, NULL, 10) | 1 : 1 };
    unsigned missed = 0;
    uint32_t records = 0;

    for (unsigned cut = 0; cut < cuts; cut++) {
        if (cut % CUTS_A_DEVICE == 0) {
            device_new(&small);
            fed = 0;
            committed = 0;
            memset(line_at, 0, sizeof(line_at));
        }
        taken = 0;
        flash_cut_at(1 + lines_draw(&r, OPERATIONS), lines_draw(&r, UINT32_MAX));
        device_live(20000000, feed);
        missed += !flash_is_cut();
        device_power_cycle();
        device_live(0, NULL);
        records += check_log();
        device_power_cycle();
    }
    CHECK_INT(missed, 0);
    CHECK_INT(flash_weak_programmed(), 0);
    printf("%u cuts; %u records looked at\n", cuts, records);
}

int
main(void)
{
    CHECK_RUN(no_cut_takes_what_was_committed_or_leaves_what_nobody_sent);
    return check_result();
}
