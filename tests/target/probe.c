/*
 * probe - an image without an application: each letter on the console's receiver tries one thing of hal
 *
 * It answers with one line. What comes on the server's line is passed on. Every control transfer is stalled.
 */
#include <string.h>

#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/gpio.h"
#include "hal/random.h"
#include "hal/reset.h"
#include "hal/result.h"
#include "hal/uart.h"
#include "hal/usbd.h"
#include "hal/watchdog.h"

#define BAUD 115200
#define BAUD_FAST 3000000
#define FAST_US 1000000
#define WATCHDOG_MS 500
#define SLEEP_US 10000

int main(void);

static void
say(const char *text)
{
    while (hal_uart_room(HAL_UART_CONSOLE) < strlen(text)) {
    }
    hal_uart_write(HAL_UART_CONSOLE, (const uint8_t *)text, strlen(text));
}

static void
say_hex(const char *name, uint32_t value)
{
    char text[12];

    for (unsigned i = 0; i < 8; i++) {
        text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    }
    text[8] = '\n';
    text[9] = '\0';
    say(name);
    say(" ");
    say(text);
}

static int
flash_wait(void)
{
    int r = hal_flash_poll();

    while (r == HAL_E_BUSY) {
        hal_watchdog_feed();
        r = hal_flash_poll();
    }
    return r;
}

/* Erase, program, read back, over the end of a word. */
static void
flash_try(void)
{
    static uint8_t out[HAL_FLASH_PAGE];
    static uint8_t in[HAL_FLASH_PAGE];
    uint32_t at = hal_flash_size() - HAL_FLASH_SECTOR;

    for (unsigned i = 0; i < sizeof out; i++) {
        out[i] = (uint8_t)(i ^ 0x5a);
    }
    bool ok = hal_flash_erase(at) == HAL_OK && hal_flash_read(at, in, 1) == HAL_E_BUSY &&
              flash_wait() == HAL_OK;
    ok = ok && hal_flash_program(at + 3, out, sizeof out - 3) == HAL_OK && flash_wait() == HAL_OK;
    ok = ok && hal_flash_read(at + 3, in, sizeof in - 3) == HAL_OK && memcmp(in, out, sizeof in - 3) == 0;
    ok = ok && hal_flash_read(at + sizeof out, in, 1) == HAL_OK && in[0] == 0xff;
    ok = ok && hal_flash_read(at, in, 3) == HAL_OK && in[2] == 0xff;
    ok = ok && hal_flash_program(at + 200, out, 100) == HAL_E_RANGE;
    say(ok ? "flash ok\n" : "flash BAD\n");
}

/* Everything the server's line brings for a second, at the fastest the device can. */
static void
count_fast(void)
{
    uint8_t some[64];
    struct hal_uart_counts counts;
    uint32_t taken = 0;

    (void)hal_uart_start(HAL_UART_SERVER, BAUD_FAST);
    say("now\n");
    for (uint64_t end = hal_clock_us() + FAST_US; hal_clock_us() < end;) {
        hal_watchdog_feed();
        taken += hal_uart_read(HAL_UART_SERVER, some, sizeof some);
    }
    hal_uart_count(HAL_UART_SERVER, &counts);
    say_hex("taken", taken);
    say_hex("overruns", counts.overruns);
}

static void
try(char letter)
{
    struct hal_reset_note note = { .what = 7, .where = 0x1234, .from = 0x5678 };
    uint32_t number = 0;

    switch (letter) {
    case 'f':
        flash_try();
        break;
    case 'u':
        count_fast();
        break;
    case 'r':
        say(hal_random(&number, sizeof number) == HAL_OK ? "random ok\n" : "random BAD\n");
        say_hex("random", number);
        break;
    case 'l':
        hal_gpio_set(HAL_GPIO_LAMP, true);
        hal_gpio_set(HAL_GPIO_RELAY, true);
        say("on\n");
        break;
    case 'b':
        say(hal_gpio_get(HAL_GPIO_BUTTON) ? "button on\n" : "button off\n");
        break;
    case 'h':
        for (;;) {
        }
    case 'n':
        hal_reset_now(&note);
    case 'x':
        __asm volatile("udf #1");
        break;
    default:
        say("?\n");
    }
}

void
hal_usbd_event(const struct hal_usbd_event *event)
{
    if (event->what == HAL_USBD_POWER) {
        say_hex("power", event->len);
    }
    if (event->what == HAL_USBD_RESET) {
        say("bus reset\n");
    }
    if (event->what == HAL_USBD_SETUP) {
        hal_usbd_stall(0);
    }
}

static void
hello(int clock, enum hal_reset_cause cause)
{
    struct hal_reset_note note;
    char serial[HAL_SERIAL_SIZE];

    say("hello\n");
    say_hex("cause", cause);
    if (hal_reset_note(&note)) {
        say_hex("what", note.what);
        say_hex("where", note.where);
        say_hex("from", note.from);
    }
    hal_reset_serial(serial);
    say("serial ");
    say(serial);
    say(clock == HAL_OK ? "\nclock ok\n" : "\nclock BAD\n");
    say_hex("flash", hal_flash_size());
}

int
main(void)
{
    enum hal_reset_cause cause = hal_reset_cause();
    int clock = hal_clock_start();
    uint8_t byte = 0;

    hal_gpio_start();
    hal_uart_start(HAL_UART_CONSOLE, BAUD);
    hal_uart_start(HAL_UART_SERVER, BAUD);
    (void)hal_flash_start();
    hello(clock, cause);
    hal_watchdog_start(WATCHDOG_MS);
    hal_usbd_start();
    for (;;) {
        hal_watchdog_feed();
        hal_usbd_poll();
        while (hal_uart_room(HAL_UART_CONSOLE) != 0 && hal_uart_read(HAL_UART_SERVER, &byte, 1) == 1) {
            hal_uart_write(HAL_UART_CONSOLE, &byte, 1);
        }
        if (hal_uart_read(HAL_UART_CONSOLE, &byte, 1) == 1) {
            try((char)byte);
        }
        hal_clock_wait(hal_clock_us() + SLEEP_US);
    }
}
