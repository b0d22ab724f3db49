#ifndef TESTS_SIM_DEVICE_H
#define TESTS_SIM_DEVICE_H
/*
 * device - the whole recorder in a process: the application, the store, the USB core, over ports in which
 * only the test moves the time
 *
 * One a program. The flash keeps what it has over lives; each turn of the main loop costs DEVICE_TURN_US.
 */
#include "hal/linux/flash_faults.h"
#include "hal/linux/sim/sim.h"
#include "logger/state.h"
#include "store/store.h"
#include "support/check.h"
#include "unit/logger/lines.h"

#define DEVICE_TURN_US 60 /* some 2900 cycles at 48 MHz */
#define DEVICE_FLASH (1u << 20)

struct device_setup {
    uint32_t flash; /* bytes */
    uint32_t program_us;
    uint32_t erase_us;
};

/* A blank flash and no power yet. NULL: DEVICE_FLASH and the datasheet's typical times. */
void device_new(const struct device_setup *setup);

/*
 * Power, and turns of the main loop until `us` have passed, the flash's power is cut, or the device starts
 * again (the cause, else SIM_RETURNED). world() is called before each turn and may be NULL.
 */
int device_live(uint64_t us, void (*world)(void));

/* The power comes back after a cut, or goes and comes. */
void device_power_cycle(void);

/* Turns until the log has nothing more to do. Not in a life. */
void device_settle(void);

/* Gives a line and its end to a serial line. */
void device_type(enum hal_uart uart, const struct lines_line *line);

/* Takes what the console's transmitter has sent: the next line without its end; 0: none is whole yet. */
size_t device_read(char line[256]);

/* How often `len` bytes are a record of the log. */
unsigned device_stored(const char *bytes, size_t len);

/* How many records have this text in them; the last one in `out` unless it is NULL. */
unsigned device_notes(const char *text, char out[STORE_RECORD_MAX + 1]);

/* Calls seen() with each record; returns how many there were. */
unsigned device_records(void (*seen)(const struct store_record *record, void *to), void *to);

/* Plugs the USB cable in and configures the device. Between turns. */
bool device_plug(void);

/* One packet to the device: how many bytes it took, 0 when it is behind. */
size_t device_usb(const uint8_t *src, size_t len);

#endif
