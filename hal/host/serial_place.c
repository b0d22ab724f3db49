#include "hal/host/serial_find.h"

#include "hal/host/usb_name.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PORTS "/sys/class/tty"

/* Whether the interface that the port belongs to, the last of its path that looks like one, is the place or
 * in it. */
static bool
is_at(const char *name, const char *place)
{
    char link[64 + NAME_MAX];
    char target[PATH_MAX];
    char *save = NULL;
    const char *last = "";

    (void)snprintf(link, sizeof link, PORTS "/%s", name);
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n <= 0) {
        return false;
    }
    target[n] = '\0';
    for (const char *part = strtok_r(target, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save)) {
        if (hal_usb_is_place(part) && strchr(part, ':') != NULL) {
            last = part;
        }
    }
    size_t len = strlen(place);
    return strncmp(last, place, len) == 0 && (last[len] == '\0' || last[len] == ':');
}

int
hal_serial_find_at(const char *place, char *out, size_t size)
{
    DIR *ports = opendir(PORTS);
    const struct dirent *entry;
    unsigned found = 0;

    if (ports == NULL) {
        return -errno;
    }
    while ((entry = readdir(ports)) != NULL) {
        if (is_at(entry->d_name, place)) {
            (void)snprintf(out, size, "/dev/%s", entry->d_name);
            found++;
        }
    }
    (void)closedir(ports);
    return found == 1 ? 0 : found == 0 ? -ENODEV : -ENOTUNIQ;
}
