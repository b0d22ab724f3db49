#include "contract.h"

#include "hal/clock.h"
#include "hal/uart.h"
#include <string.h>

#define ANSWER_US 2000000u
#define WIRE_MS 20 /* from an empty ring to the last bit on the wire: queues of chips hold up to 32 bytes */

static const char *running;
static bool broken;
static bool skipped;

void
contract_say(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t len = strlen(text);

    while (len > 0) {
        size_t n = hal_uart_write(HAL_UART_CONSOLE, at, len);

        at += n;
        len -= n;
        if (len > 0) {
            hal_clock_wait(hal_clock_us() + 1000);
        }
    }
}

void
contract_say_number(uint32_t n)
{
    char digits[11];
    char *at = digits + sizeof digits - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    contract_say(at);
}

void
contract_drain(void)
{
    while (hal_uart_room(HAL_UART_CONSOLE) < HAL_UART_RING) {
        hal_clock_wait(hal_clock_us() + 1000);
    }
    contract_rest(WIRE_MS);
}

void
contract_rest(uint32_t ms)
{
    uint64_t until = hal_clock_us() + (uint64_t)ms * 1000;

    while (hal_clock_us() < until) {
        hal_clock_wait(until);
    }
}

void
contract_begin(const char *test)
{
    running = test;
    broken = false;
    skipped = false;
}

void
contract_end(void)
{
    if (!skipped) {
        contract_say(broken ? "FAIL " : "ok ");
        contract_say(running);
        contract_say("\n");
    }
}

void
contract_broken(unsigned line, const char *condition)
{
    broken = true;
    contract_say("line ");
    contract_say_number(line);
    contract_say(" not true: ");
    contract_say(condition);
    contract_say("\n");
}

void
contract_skip(const char *why)
{
    skipped = true;
    contract_say("skip ");
    contract_say(running);
    contract_say(": ");
    contract_say(why);
    contract_say("\n");
}

static void
forget_input(void)
{
    uint8_t old[32];

    while (hal_uart_read(HAL_UART_CONSOLE, old, sizeof old) > 0) {
    }
}

static bool
take_line(char *dst, size_t size)
{
    uint64_t until = hal_clock_us() + ANSWER_US;
    size_t len = 0;

    while (hal_clock_us() < until) {
        uint8_t c;

        if (hal_uart_read(HAL_UART_CONSOLE, &c, 1) == 0) {
            hal_clock_wait(hal_clock_us() + 1000);
        } else if (c == '\n') {
            dst[len] = '\0';
            return true;
        } else if (len + 1 < size) {
            dst[len++] = (char)c;
        }
    }
    dst[0] = '\0';
    return false;
}

bool
contract_ask(const char *question, char *dst, size_t size)
{
    forget_input();
    contract_say("> ");
    contract_say(question);
    contract_say("\n");
    return take_line(dst, size);
}

bool
contract_same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}
