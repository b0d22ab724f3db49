/* A small image with USB for the bench's own test: what the host writes goes out on the console, behind a
 * first line that tells why the chip started. A line "hang" stops the loop, "fault" ends the chip. */
#include "contract/hal/contract.h"

#include "hal/clock.h"
#include "hal/reset.h"
#include "hal/uart.h"
#include "hal/watchdog.h"
#include "usb/usb.h"
#include <string.h>

#define WATCHDOG_MS 3000

void
usb_status(struct usb_status *out)
{
    memset(out, 0, sizeof *out);
    out->boots = (uint32_t)hal_reset_cause();
}

static void
obey(const char *bytes, size_t len)
{
    if (len == 5 && memcmp(bytes, "hang\n", 5) == 0) {
        for (;;) {
        }
    }
    if (len == 6 && memcmp(bytes, "fault\n", 6) == 0) {
        __builtin_trap();
    }
}

int
main(void)
{
    char serial[HAL_SERIAL_SIZE];

    (void)hal_clock_start();
    (void)hal_uart_start(HAL_UART_CONSOLE, CONTRACT_BAUD);
    contract_say("cause ");
    contract_say_number((uint32_t)hal_reset_cause());
    contract_say("\n");
    contract_drain();
    (void)hal_watchdog_start(WATCHDOG_MS);
    contract_say("ready\n");
    hal_reset_serial(serial);
    (void)usb_start(&(struct usb_setup){ .serial = serial });
    for (;;) {
        char bytes[512];

        usb_poll();
        size_t room = hal_uart_room(HAL_UART_CONSOLE);
        size_t len = usb_read(bytes, room < sizeof bytes ? room : sizeof bytes);
        (void)hal_uart_write(HAL_UART_CONSOLE, (const uint8_t *)bytes, len);
        obey(bytes, len);
        hal_watchdog_feed();
        hal_clock_wait(hal_clock_us() + 5000);
    }
}
