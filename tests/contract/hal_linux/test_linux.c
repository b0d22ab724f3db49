/* The lab process keeps the contract of hal/include; this is the peer at the far end of its wires
 * (tests/contract/hal/README.md). */
#include "lab.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"

#define LIMIT_S 100 /* of the whole run; it takes about five */
#define LINE_MOST 256

static struct lab lab;
static unsigned lives;
static unsigned failed;
static unsigned skipped;
static bool ended;

/* What the contract promises, a test each, and whether it was kept: in every life that tried. */
static struct {
    const char *name;
    bool plantable; /* planted.c breaks it */
    unsigned kept;
} promises[] = {
    { "clock_and_lines_start", false, 0 },
    { "the_clock_never_goes_back", true, 0 },
    { "time_passes_without_sleep", false, 0 },
    { "waiting_again_and_again_ends_at_the_time_asked_for", false, 0 },
    { "a_wait_for_what_has_passed_returns_at_once", false, 0 },
    { "no_two_draws_are_the_same", true, 0 },
    { "only_what_was_asked_for_is_filled", true, 0 },
    { "speeds_no_line_has_are_refused", true, 0 },
    { "the_server_s_line_only_receives", true, 0 },
    { "a_line_takes_as_much_as_it_says_it_has_room_for", true, 0 },
    { "every_byte_comes_as_it_was_sent", true, 0 },
    { "a_full_ring_loses_the_newest_and_counts_it", true, 0 },
    { "starting_again_empties_the_ring_and_the_counts", true, 0 },
    { "the_lamp_is_lit_when_it_is_set", true, 0 },
    { "the_relay_is_closed_when_it_is_set", true, 0 },
    { "the_button_reads_pressed_while_it_is", true, 0 },
    { "the_modem_line_reads_ready_while_it_is", true, 0 },
    { "the_flash_starts", false, 0 },
    { "the_log_s_part_is_whole_sectors", false, 0 },
    { "what_is_not_inside_is_refused", true, 0 },
    { "an_erase_makes_one_sector_ones_and_no_other", true, 0 },
    { "the_last_page_is_as_good_as_the_first", true, 0 },
    { "a_program_only_clears_bits", true, 0 },
    { "the_source_of_a_program_is_copied", true, 0 },
    { "nothing_else_begins_while_an_operation_runs", true, 0 },
    { "the_cause_is_the_same_however_often_it_is_asked", true, 0 },
    { "power_leaves_no_note", true, 0 },
    { "the_serial_number_is_sixteen_hex_digits", true, 0 },
    { "a_note_outlives_the_reset_and_is_found_once", true, 0 },
    { "a_watchdog_that_cannot_be_is_refused", true, 0 },
    { "a_watchdog_that_is_fed_does_not_bite", true, 0 },
    { "a_bite_is_told_as_the_cause", true, 0 },
    { "a_fault_is_told_as_the_cause_with_a_note", true, 0 },
};

#define PROMISES (sizeof promises / sizeof promises[0])

static void
answer(const char *text)
{
    lab_send(lab.console, text, strlen(text));
    lab_send(lab.console, "\n", 1);
}

static void
send_hex(char line, const char *hex)
{
    uint8_t bytes[16];

    CHECK_INT(strlen(hex), 2 * sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)strtoul((char[3]){ hex[2 * i], hex[2 * i + 1], '\0' }, NULL, 16);
    }
    lab_send(line == 's' ? lab.server : lab.console, bytes, sizeof bytes);
}

static void
flood(unsigned long len)
{
    answer("ok");
    for (unsigned long i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)i;

        lab_send(lab.server, &byte, 1);
    }
}

static void
serve(const char *question)
{
    char name[LINE_MOST];
    char line;

    if (sscanf(question, "send %c %255s", &line, name) == 2) {
        send_hex(line, name);
    } else if (strncmp(question, "flood s ", 8) == 0) {
        flood(strtoul(question + 8, NULL, 10));
    } else if (strncmp(question, "see ", 4) == 0) {
        answer((char[2]){ lab_pin(&lab, question + 4), '\0' });
    } else if (strncmp(question, "set ", 4) == 0) {
        lab_pins(&lab, question + 4);
        answer("ok");
    } else {
        printf("unknown question: %s\n", question);
        failed++;
    }
}

static void
take(const char *line)
{
    if (strncmp(line, "> ", 2) == 0) {
        serve(line + 2);
        return;
    }
    printf("    %s\n", line);
    lives += strcmp(line, "contract: begin") == 0 ? 1 : 0;
    ended = ended || strcmp(line, "contract: end") == 0;
    for (size_t i = 0; i < PROMISES && strncmp(line, "ok ", 3) == 0; i++) {
        promises[i].kept += strcmp(line + 3, promises[i].name) == 0 ? 1 : 0;
    }
    failed += strncmp(line, "FAIL ", 5) == 0 ? 1 : 0;
    skipped += strncmp(line, "skip ", 5) == 0 ? 1 : 0;
}

static void
hear_console(void)
{
    static char line[LINE_MOST];
    static size_t len;
    char c;

    while (read(lab.console, &c, 1) == 1) {
        if (c == '\n' && len > 0) {
            line[len] = '\0';
            len = 0;
            take(line);
        } else if (c != '\n' && len + 1 < sizeof line) {
            line[len++] = c;
        }
    }
}

static void
run(const char *image)
{
    time_t until = time(NULL) + LIMIT_S;

    lives = 0;
    failed = 0;
    skipped = 0;
    ended = false;
    for (size_t i = 0; i < PROMISES; i++) {
        promises[i].kept = 0;
    }
    CHECK(lab_start(&lab, image));
    lab_pins(&lab, "power 1");
    while (!ended && time(NULL) < until) {
        (void)poll(&(struct pollfd){ .fd = lab.console, .events = POLLIN }, 1, 100);
        hear_console();
    }
    CHECK(ended);
    CHECK_INT(lab_stop(&lab), 0);
}

static void
the_lab_process_keeps_the_contract(void)
{
    run("contract-lab");
    CHECK_INT(failed, 0);
    CHECK_INT(lives, 4);
    CHECK_INT(skipped, 0);
    for (size_t i = 0; i < PROMISES; i++) {
        if (promises[i].kept == 0) {
            printf("never kept: %s\n", promises[i].name);
            CHECK(promises[i].kept > 0);
        }
    }
}

static void
a_port_that_breaks_a_promise_is_found_out(void)
{
    run("contract-lab-planted");
    for (size_t i = 0; i < PROMISES; i++) {
        if (promises[i].plantable && promises[i].kept > 0) {
            printf("broken and not found out: %s\n", promises[i].name);
            CHECK(promises[i].kept == 0);
        }
    }
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK_RUN(the_lab_process_keeps_the_contract);
    CHECK_RUN(a_port_that_breaks_a_promise_is_found_out);
    return check_result();
}
