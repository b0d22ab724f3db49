#include "init/devices.h"

#include "init/say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct button {
    int fd;
    char name[32];
};

static int events = -1;
static struct button button[DEVICES_BUTTONS];

void
devices_open(void)
{
    struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = 1 };

    for (unsigned i = 0; i < DEVICES_BUTTONS; i++) {
        button[i].fd = -1;
    }
    events = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (events < 0 || bind(events, (struct sockaddr *)&at, sizeof at) != 0) {
        say_fault("no word of devices that come and go: %s", strerror(errno));
    }
}

unsigned
devices_polls(struct pollfd poll[DEVICES_POLLS])
{
    poll[0] = (struct pollfd){ .fd = events, .events = POLLIN };
    for (unsigned i = 0; i < DEVICES_BUTTONS; i++) {
        poll[1 + i] = (struct pollfd){ .fd = button[i].fd, .events = POLLIN };
    }
    return DEVICES_POLLS;
}

static bool
pressed(struct button *b)
{
    struct input_event e;
    ssize_t n;
    bool power = false;

    while ((n = read(b->fd, &e, sizeof e)) == (ssize_t)sizeof e) {
        power = power || (e.type == EV_KEY && e.code == KEY_POWER && e.value == 1);
    }
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        (void)close(b->fd);
        b->fd = -1;
    }
    return power;
}

bool
devices_take(const struct pollfd *poll, unsigned polls, bool *changed)
{
    char event[4096];
    bool power = false;

    *changed = false;
    while (poll[0].revents != 0 && recv(events, event, sizeof event, 0) >= 0) {
        *changed = true;
    }
    for (unsigned i = 1; i < polls; i++) {
        power = (poll[i].revents != 0 && pressed(&button[i - 1])) || power;
    }
    return power;
}

static void
open_button(const char *name)
{
    unsigned char keys[KEY_MAX / 8 + 1] = { 0 };
    struct button *place = NULL;
    char path[64];

    for (unsigned i = 0; i < DEVICES_BUTTONS; i++) {
        if (button[i].fd < 0) {
            place = &button[i];
        } else if (strcmp(button[i].name, name) == 0) {
            return;
        }
    }
    if (place == NULL) {
        return;
    }
    (void)snprintf(path, sizeof path, "/dev/input/%s", name);
    place->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    (void)snprintf(place->name, sizeof place->name, "%s", name);
    if (place->fd >= 0 && (ioctl(place->fd, EVIOCGBIT(EV_KEY, sizeof keys), keys) < 0 ||
                                  (keys[KEY_POWER / 8] >> KEY_POWER % 8 & 1) == 0)) {
        (void)close(place->fd);
        place->fd = -1;
    }
}

static void
open_buttons(void)
{
    DIR *folder = opendir("/dev/input");
    struct dirent *e;

    while (folder != NULL && (e = readdir(folder)) != NULL) {
        if (strncmp(e->d_name, "event", 5) == 0 && strlen(e->d_name) < sizeof button[0].name) {
            open_button(e->d_name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

/* The kernel writes there: whoever reads it is in nobody's transcript. */
static bool
is_console(const char *name)
{
    char line[128];
    char console[32];
    bool is = false;
    FILE *file = fopen("/proc/consoles", "re");

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        is = is || (sscanf(line, "%31s", console) == 1 && strcmp(console, name) == 0);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return is;
}

/* A port that answers: of the 8250's places most are empty. */
static bool
is_serial(const char *name)
{
    char path[160];
    char type[8] = "";
    FILE *file;

    (void)snprintf(path, sizeof path, "/sys/class/tty/%s/device", name);
    if (access(path, F_OK) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/sys/class/tty/%s/type", name);
    file = fopen(path, "re");
    if (file == NULL) {
        return true; /* USB */
    }
    (void)!fgets(type, sizeof type, file);
    (void)fclose(file);
    return type[0] != '0';
}

unsigned
devices_settle(unsigned user)
{
    DIR *folder = opendir("/sys/class/tty");
    struct dirent *e;
    unsigned ports = 0;

    while (folder != NULL && (e = readdir(folder)) != NULL) {
        char path[80];

        if (e->d_name[0] == '.' || strlen(e->d_name) > 32 || !is_serial(e->d_name) || is_console(e->d_name)) {
            continue;
        }
        (void)snprintf(path, sizeof path, "/dev/%s", e->d_name);
        ports += chown(path, user, user) == 0 && chmod(path, 0600) == 0;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    open_buttons();
    return ports;
}
