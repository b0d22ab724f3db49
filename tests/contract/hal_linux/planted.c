/* A port that keeps nothing: the linker puts these in front of the lab's own functions (CMakeLists.txt), and
 * each breaks what one test of the contract is about. */
#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/gpio.h"
#include "hal/random.h"
#include "hal/reset.h"
#include "hal/result.h"
#include "hal/uart.h"
#include "hal/watchdog.h"

#include <string.h>

#define REAL(function) __real_##function
#define PLANT(function) __wrap_##function

/* Only the linker knows these names. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wreserved-identifier"
#endif

uint64_t REAL(hal_clock_us)(void);
int REAL(hal_random)(void *dst, size_t len);
int REAL(hal_uart_start)(enum hal_uart uart, uint32_t baud);
size_t REAL(hal_uart_read)(enum hal_uart uart, uint8_t *dst, size_t size);
size_t REAL(hal_uart_write)(enum hal_uart uart, const uint8_t *src, size_t len);
size_t REAL(hal_uart_room)(enum hal_uart uart);
void REAL(hal_uart_count)(enum hal_uart uart, struct hal_uart_counts *out);
int REAL(hal_flash_read)(uint32_t at, void *dst, size_t len);
int REAL(hal_flash_erase)(uint32_t at);
int REAL(hal_flash_program)(uint32_t at, const void *src, size_t len);
enum hal_reset_cause REAL(hal_reset_cause)(void);
bool REAL(hal_reset_note)(struct hal_reset_note *out);
void REAL(hal_reset_serial)(char dst[HAL_SERIAL_SIZE]);
int REAL(hal_watchdog_start)(uint32_t period_ms);

/* Goes back now and then. */
uint64_t
PLANT(hal_clock_us)(void)
{
    static unsigned calls;

    return REAL(hal_clock_us)() - (++calls % 1000 == 0 ? 500 : 0);
}

/* Always the same, and one byte more. */
int
PLANT(hal_random)(void *dst, size_t len)
{
    memset(dst, 7, len == 2 ? 3 : len);
    return HAL_OK;
}

int
PLANT(hal_uart_start)(enum hal_uart uart, uint32_t baud)
{
    return baud == 0 ? HAL_OK : REAL(hal_uart_start)(uart, baud);
}

/* Seven bits of the server's line. */
size_t
PLANT(hal_uart_read)(enum hal_uart uart, uint8_t *dst, size_t size)
{
    size_t n = REAL(hal_uart_read)(uart, dst, size);

    for (size_t i = 0; i < n && uart == HAL_UART_SERVER; i++) {
        dst[i] &= 0x7F;
    }
    return n;
}

size_t
PLANT(hal_uart_write)(enum hal_uart uart, const uint8_t *src, size_t len)
{
    return uart == HAL_UART_SERVER ? len : REAL(hal_uart_write)(uart, src, len);
}

size_t
PLANT(hal_uart_room)(enum hal_uart uart)
{
    return REAL(hal_uart_room)(uart) + 1;
}

/* Tells no loss, and one byte that never came. */
void
PLANT(hal_uart_count)(enum hal_uart uart, struct hal_uart_counts *out)
{
    REAL(hal_uart_count)(uart, out);
    out->overruns = 0;
    out->received++;
}

void
PLANT(hal_gpio_set)(enum hal_gpio_out role, bool on)
{
    (void)role;
    (void)on;
}

bool
PLANT(hal_gpio_get)(enum hal_gpio_in role)
{
    (void)role;
    return false;
}

/* Gives what an operation is at, ones for the last page, and not what is there at two places. */
int
PLANT(hal_flash_read)(uint32_t at, void *dst, size_t len)
{
    int result = REAL(hal_flash_read)(at, dst, len);

    if (result == HAL_OK && at == 99 && len == 3) {
        ((uint8_t *)dst)[1] = 0x3C;
    }
    if (result == HAL_OK && at == 0 && len == 4) {
        memset(dst, 0, len);
    }
    return result == HAL_E_BUSY ? HAL_OK : result;
}

/* Takes what is off a sector, and leaves the second as it is. */
int
PLANT(hal_flash_erase)(uint32_t at)
{
    return at % HAL_FLASH_SECTOR != 0 || at == HAL_FLASH_SECTOR ? HAL_OK : REAL(hal_flash_erase)(at);
}

int
PLANT(hal_flash_program)(uint32_t at, const void *src, size_t len)
{
    return at == hal_flash_size() - HAL_FLASH_PAGE ? HAL_OK : REAL(hal_flash_program)(at, src, len);
}

/* Lies once, when nothing hangs on it. */
enum hal_reset_cause
PLANT(hal_reset_cause)(void)
{
    static unsigned calls;
    enum hal_reset_cause cause = REAL(hal_reset_cause)();

    return ++calls == 7 ? HAL_RESET_PIN : cause;
}

/* Leaves a note to who has none, tells one twice, and of a fault no place. */
bool
PLANT(hal_reset_note)(struct hal_reset_note *out)
{
    bool noted = REAL(hal_reset_note)(out);

    if (!noted) {
        *out = (struct hal_reset_note){ 9, 9, 9 };
    } else if (out->what == HAL_NOTE_FAULT) {
        out->where = 0;
    }
    return true;
}

void
PLANT(hal_reset_serial)(char dst[HAL_SERIAL_SIZE])
{
    REAL(hal_reset_serial)(dst);
    dst[0] = 'a';
}

int
PLANT(hal_watchdog_start)(uint32_t period_ms)
{
    return period_ms == 0 ? HAL_OK : REAL(hal_watchdog_start)(period_ms);
}

void
PLANT(hal_watchdog_feed)(void)
{
}
