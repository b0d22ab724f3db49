#ifndef HAL_HOST_SERIAL_FIND_H
#define HAL_HOST_SERIAL_FIND_H
/*
 * serial_find - USB serial ports by what they say they are
 *
 * By libserialport, which allocates; no port is opened. A build without it finds none, and says so.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The path of the port with this vendor, product and serial number ("": any). 0 or -errno: -ENODEV when there
 * is none, -ENOTUNIQ when there are several, -ENOTSUP in a build without libserialport.
 */
int hal_serial_find(uint16_t vendor, uint16_t product, const char *serial, char *out, size_t size);

/*
 * The path of the port that hangs at this place of the bus, as hal_usb_is_place() takes it. 0 or -errno as
 * above, but needs no libserialport.
 */
int hal_serial_find_at(const char *place, char *out, size_t size);

/* False in a build without libserialport. */
bool hal_serial_finds(void);

#endif
