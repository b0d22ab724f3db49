#include "hal/host/serial_find.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libserialport.h>

#define PORTS "/sys/class/tty"

static bool
is_it(struct sp_port *port, uint16_t vendor, uint16_t product, const char *serial)
{
    int v;
    int p;

    if (sp_get_port_usb_vid_pid(port, &v, &p) != SP_OK || v != vendor || p != product) {
        return false;
    }
    const char *own = sp_get_port_usb_serial(port);
    return serial[0] == '\0' || (own != NULL && strcmp(own, serial) == 0);
}

/* Its own way to list ports opens each 8250, which moves the modem lines of ports that are not ours. */
static bool
name_fits(const char *name, uint16_t vendor, uint16_t product, const char *serial)
{
    char path[64];
    struct sp_port *port;

    if (strncmp(name, "ttyUSB", 6) != 0 && strncmp(name, "ttyACM", 6) != 0) {
        return false;
    }
    int n = snprintf(path, sizeof path, "/dev/%s", name);
    if (n < 0 || (size_t)n >= sizeof path || sp_get_port_by_name(path, &port) != SP_OK) {
        return false;
    }
    bool fits = is_it(port, vendor, product, serial);
    sp_free_port(port);
    return fits;
}

int
hal_serial_find(uint16_t vendor, uint16_t product, const char *serial, char *out, size_t size)
{
    DIR *ports = opendir(PORTS);
    const struct dirent *entry;
    unsigned found = 0;

    if (ports == NULL) {
        return -errno;
    }
    while ((entry = readdir(ports)) != NULL) {
        if (name_fits(entry->d_name, vendor, product, serial)) {
            (void)snprintf(out, size, "/dev/%s", entry->d_name);
            found++;
        }
    }
    (void)closedir(ports);
    if (found != 1) {
        return found == 0 ? -ENODEV : -ENOTUNIQ;
    }
    return 0;
}

bool
hal_serial_finds(void)
{
    return true;
}
