#include "contract.h"

#include "hal/clock.h"
#include "hal/result.h"
#include "hal/uart.h"
#include <string.h>

#define FLOOD 4096

static void
speeds_no_line_has_are_refused(void)
{
    HOLDS(hal_uart_start(HAL_UART_SERVER, 0) == HAL_E_RANGE);
    HOLDS(hal_uart_start(HAL_UART_SERVER, UINT32_MAX) == HAL_E_RANGE);
    HOLDS(hal_uart_start(HAL_UART_SERVER, CONTRACT_BAUD) == HAL_OK);
}

static void
the_server_s_line_only_receives(void)
{
    HOLDS(hal_uart_write(HAL_UART_SERVER, (const uint8_t *)"x", 1) == 0);
    HOLDS(hal_uart_room(HAL_UART_SERVER) == 0);
}

static void
a_line_takes_as_much_as_it_says_it_has_room_for(void)
{
    static uint8_t ends[HAL_UART_RING + 1];

    memset(ends, '\n', sizeof ends);
    contract_drain();
    HOLDS(hal_uart_room(HAL_UART_CONSOLE) == HAL_UART_RING);
    HOLDS(hal_uart_write(HAL_UART_CONSOLE, ends, 10) == 10);
    HOLDS(hal_uart_room(HAL_UART_CONSOLE) >= HAL_UART_RING - 10);
    size_t most = hal_uart_room(HAL_UART_CONSOLE);
    size_t taken = hal_uart_write(HAL_UART_CONSOLE, ends, sizeof ends);
    HOLDS(taken >= most && taken <= HAL_UART_RING);
    contract_drain();
}

/* Takes len bytes from the line within two seconds. */
static size_t
take(enum hal_uart uart, uint8_t *dst, size_t len)
{
    uint64_t until = hal_clock_us() + 2000000;
    size_t got = 0;

    while (got < len && hal_clock_us() < until) {
        got += hal_uart_read(uart, dst + got, len - got);
        hal_clock_wait(hal_clock_us() + 1000);
    }
    return got;
}

/* The peer sends the 16 bytes first to first + 15 on the line. Whether they came. */
static bool
comes(enum hal_uart uart, unsigned first)
{
    static const char hex[] = "0123456789abcdef";
    char question[] = "send s 00000000000000000000000000000000";
    uint8_t got[16];

    question[5] = uart == HAL_UART_SERVER ? 's' : 'c';
    for (unsigned i = 0; i < 16; i++) {
        question[7 + 2 * i] = hex[(first + i) / 16 % 16];
        question[8 + 2 * i] = hex[(first + i) % 16];
    }
    contract_say("> ");
    contract_say(question);
    contract_say("\n");
    bool same = take(uart, got, sizeof got) == sizeof got;
    for (unsigned i = 0; same && i < 16; i++) {
        same = got[i] == first + i;
    }
    return same;
}

static void
every_byte_comes_as_it_was_sent(void)
{
    static const enum hal_uart uarts[] = { HAL_UART_SERVER, HAL_UART_CONSOLE };

    for (size_t i = 0; i < sizeof uarts / sizeof uarts[0]; i++) {
        struct hal_uart_counts before;
        struct hal_uart_counts after;
        bool missing = false;

        hal_uart_count(uarts[i], &before);
        for (unsigned first = 0; first < 256 && !missing; first += 16) {
            missing = !comes(uarts[i], first);
            HOLDS(!missing);
        }
        hal_uart_count(uarts[i], &after);
        HOLDS(after.received == before.received + 256);
        HOLDS(after.overruns == before.overruns && after.framing == before.framing);
        HOLDS(after.parity == 0 && after.breaks == before.breaks);
    }
}

static void
a_full_ring_loses_the_newest_and_counts_it(void)
{
    static uint8_t got[FLOOD];
    struct hal_uart_counts counts;
    char answer[16];

    HOLDS(hal_uart_start(HAL_UART_SERVER, CONTRACT_BAUD) == HAL_OK);
    HOLDS(contract_ask("flood s 4096", answer, sizeof answer));
    contract_rest(FLOOD * 10 * 1000 / CONTRACT_BAUD + 300);
    hal_uart_count(HAL_UART_SERVER, &counts);
    HOLDS(counts.received >= HAL_UART_RING && counts.received < FLOOD);
    HOLDS(counts.overruns >= 1 && counts.overruns <= FLOOD - counts.received);
    HOLDS(take(HAL_UART_SERVER, got, counts.received) == counts.received);
    for (size_t i = 0; i < HAL_UART_RING; i++) {
        if (got[i] != (uint8_t)i) {
            HOLDS(got[i] == (uint8_t)i);
            break;
        }
    }
}

static void
starting_again_empties_the_ring_and_the_counts(void)
{
    struct hal_uart_counts counts;
    uint8_t got[4];
    char answer[16];

    HOLDS(contract_ask("flood s 16", answer, sizeof answer));
    contract_rest(100);
    HOLDS(hal_uart_start(HAL_UART_SERVER, CONTRACT_BAUD) == HAL_OK);
    hal_uart_count(HAL_UART_SERVER, &counts);
    HOLDS(counts.received == 0 && counts.overruns == 0 && counts.framing == 0 && counts.breaks == 0);
    HOLDS(hal_uart_read(HAL_UART_SERVER, got, sizeof got) == 0);
}

void
contract_uart(void)
{
    KEEPS(speeds_no_line_has_are_refused);
    KEEPS(the_server_s_line_only_receives);
    KEEPS(a_line_takes_as_much_as_it_says_it_has_room_for);
    KEEPS(every_byte_comes_as_it_was_sent);
    KEEPS(a_full_ring_loses_the_newest_and_counts_it);
    KEEPS(starting_again_empties_the_ring_and_the_counts);
}
