#include "support/check.h"

#include "belfry/rota.h"

#include <poll.h>
#include <unistd.h>

static struct rota rota;
static int from[2][2]; /* two lines, each a pipe */
static int64_t now_ms;

static void
open_both(void)
{
    now_ms = 1000000;
    CHECK_INT(rota_init(&rota), 0);
    CHECK_INT(rota_arrange(&rota, 2, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(pipe(from[i]), 0);
        rota_served(&rota, i, from[i][0], 0, INT64_MAX, now_ms);
    }
    CHECK(rota_due(&rota, now_ms) == INT64_MAX);
}

static void
close_both(void)
{
    for (unsigned i = 0; i < 2; i++) {
        (void)close(from[i][0]);
        (void)close(from[i][1]);
    }
    rota_free(&rota);
}

/* What poll() and the loop would do at this time: how many quiet lines spoke. */
static unsigned
ask(void)
{
    struct pollfd p = { .fd = rota_fd(&rota, now_ms), .events = POLLIN };

    (void)poll(&p, 1, 0);
    if (p.revents != 0) {
        rota_wake(&rota, now_ms);
        return rota.woken;
    }
    return 0;
}

/* The line is looked at when it is due, and gives so much; how long it was waited for. */
static int64_t
look(size_t got)
{
    int64_t waited = rota.due_ms[0] - now_ms;

    now_ms = rota.due_ms[0];
    rota_served(&rota, 0, from[0][0], got, INT64_MAX, now_ms);
    return waited;
}

/* It has spoken for a while: 12 bytes a look. */
static void
tire(void)
{
    rota_served(&rota, 0, from[0][0], 12, INT64_MAX, now_ms);
    for (int i = 0; i < ROTA_CREDIT + 10; i++) {
        (void)look(12);
    }
}

static void
a_quiet_line_is_served_as_soon_as_it_speaks(void)
{
    open_both();
    CHECK_INT(ask(), 0);
    CHECK_INT(write(from[1][1], "a", 1), 1);
    CHECK_INT(ask(), 1);
    CHECK_INT(rota.wake[0], 1);
    close_both();
}

static void
a_line_that_goes_on_wakes_nobody_and_after_a_while_is_read_more_and_more_seldom(void)
{
    open_both();
    CHECK_INT(write(from[0][1], "a", 1), 1);
    CHECK_INT(ask(), 1);
    rota_served(&rota, 0, from[0][0], 12, INT64_MAX, now_ms);
    for (int i = 1; i < ROTA_CREDIT; i++) {
        (void)look(12);
        CHECK(rota.due_ms[0] - now_ms <= ROTA_FIRST_MS * 5 / 4);
    }
    for (int want = 2 * ROTA_FIRST_MS; want < ROTA_LAST_MS; want *= 2) {
        (void)look(12);
        CHECK(rota.due_ms[0] > now_ms && rota.due_ms[0] - now_ms <= want);
        CHECK_INT(ask(), 0);
    }
    for (int i = 0; i < 10; i++) {
        (void)look(ROTA_LITTLE - 1);
        CHECK(rota.due_ms[0] > now_ms && rota.due_ms[0] - now_ms <= ROTA_LAST_MS);
    }
    (void)look(0);
    CHECK(rota.due_ms[0] == INT64_MAX);
    CHECK_INT(ask(), 1); /* the byte is still there */
    close_both();
}

static void
a_line_that_gives_much_is_read_on_at_once_and_more_often(void)
{
    open_both();
    tire();
    CHECK_INT(look(ROTA_MUCH) >= ROTA_LAST_MS, 1);
    CHECK(rota.due_ms[0] == now_ms);
    CHECK_INT(look(ROTA_LITTLE), 0);
    CHECK(rota.due_ms[0] - now_ms <= ROTA_LAST_MS / 2 * 5 / 4);
    close_both();
}

static void
a_line_that_was_quiet_for_a_while_is_looked_at_soon_again(void)
{
    open_both();
    tire();
    (void)look(0);
    now_ms += ROTA_MEMORY_MS + 1;
    rota_served(&rota, 0, from[0][0], 12, INT64_MAX, now_ms);
    CHECK(rota.due_ms[0] - now_ms <= ROTA_FIRST_MS * 5 / 4);
    close_both();
}

static void
a_line_that_speaks_now_and_then_is_never_made_to_wait(void)
{
    open_both();
    tire();
    now_ms += (int64_t)ROTA_CREDIT * ROTA_EARN_MS;
    for (int i = 0; i < 100; i++) {
        now_ms += INT64_C(2) * ROTA_EARN_MS;
        rota_served(&rota, 0, from[0][0], 130, INT64_MAX, now_ms);
        CHECK(rota.due_ms[0] - now_ms <= ROTA_FIRST_MS * 5 / 4);
        (void)look(0);
    }
    close_both();
}

static void
many_quiet_lines_wake_us_once_in_a_tick(void)
{
    open_both();
    CHECK_INT(write(from[0][1], "a", 1), 1);
    CHECK_INT(ask(), 1);
    CHECK_INT(write(from[1][1], "a", 1), 1);
    CHECK_INT(rota_fd(&rota, now_ms), -1);
    CHECK(rota_due(&rota, now_ms) == now_ms + ROTA_FIRST_MS);
    now_ms += ROTA_FIRST_MS;
    CHECK_INT(ask(), 1);
    close_both();
}

static void
lines_that_say_no_more_wake_nobody_again(void)
{
    open_both();
    CHECK_INT(write(from[0][1], "a", 1), 1);
    CHECK_INT(ask(), 1);
    now_ms += ROTA_FIRST_MS;
    rota_wake(&rota, now_ms); /* as after that pause, unasked; the line is not in epoll any more */
    CHECK_INT(rota.woken, 0);
    CHECK(rota_due(&rota, now_ms) == INT64_MAX);
    CHECK(rota_fd(&rota, now_ms) >= 0);
    close_both();
}

/* So many different times at which lines that speak, and were looked at a millisecond apart, are due. */
static unsigned
turns(unsigned count)
{
    static int64_t due_ms[200];
    unsigned different = 0;

    CHECK_INT(rota_init(&rota), 0);
    CHECK_INT(rota_arrange(&rota, count, NULL), 0);
    now_ms = 1000000;
    for (unsigned look = 0; look < 10 * ROTA_CREDIT; look++) {
        for (unsigned i = 0; i < count; i++) {
            rota_served(&rota, i, -1, 12, INT64_MAX, now_ms + i % ROTA_LAST_MS);
        }
        now_ms += ROTA_LAST_MS;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned before = 0;

        while (before < different && due_ms[before] != rota.due_ms[i]) {
            before++;
        }
        due_ms[before] = rota.due_ms[i];
        different += before == different;
    }
    rota_free(&rota);
    return different;
}

static void
lines_that_speak_are_looked_at_together_and_many_of_them_in_parts(void)
{
    CHECK_INT(turns(10), 1);
    CHECK(turns(200) > 3);
}

static void
what_epoll_does_not_take_and_what_is_down_is_served_by_the_clock(void)
{
    FILE *file = tmpfile();

    open_both();
    rota_served(&rota, 0, fileno(file), 0, INT64_MAX, now_ms);
    CHECK(rota.due_ms[0] == now_ms + ROTA_LAST_MS);
    rota_served(&rota, 0, -1, 0, now_ms + 500, now_ms);
    CHECK(rota_due(&rota, now_ms) == now_ms + 500);
    rota_down(&rota, 1, now_ms + 100);
    CHECK(rota_due(&rota, now_ms) == now_ms + 100);
    (void)fclose(file);
    close_both();
}

int
main(void)
{
    CHECK_RUN(a_quiet_line_is_served_as_soon_as_it_speaks);
    CHECK_RUN(a_line_that_goes_on_wakes_nobody_and_after_a_while_is_read_more_and_more_seldom);
    CHECK_RUN(a_line_that_gives_much_is_read_on_at_once_and_more_often);
    CHECK_RUN(a_line_that_was_quiet_for_a_while_is_looked_at_soon_again);
    CHECK_RUN(a_line_that_speaks_now_and_then_is_never_made_to_wait);
    CHECK_RUN(many_quiet_lines_wake_us_once_in_a_tick);
    CHECK_RUN(lines_that_say_no_more_wake_nobody_again);
    CHECK_RUN(lines_that_speak_are_looked_at_together_and_many_of_them_in_parts);
    CHECK_RUN(what_epoll_does_not_take_and_what_is_down_is_served_by_the_clock);
    return check_result();
}
