/*
 * usbip_plug attach PORT: makes the logger that is offered at PORT of this machine a USB device of the
 * kernel's (vhci_hcd), as usbip(8) does
 *
 * usbip_plug say SOCKET WORDS...: pulls wires of a logger-lab, one after the other
 * (boards/linux-lab/README.md)
 */
#include "hal/linux/usbip.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ATTACH "/sys/devices/platform/vhci_hcd.0/attach"
#define BUS_ID "1-1"
#define PAUSE_NS 300000000L /* for what a word does to be done */

static bool
read_all(int fd, uint8_t *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = read(fd, to + at, len - at);

        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static bool
import(int fd, struct usbip_device *device)
{
    const struct usbip_op ask = { .code = USBIP_REQ_IMPORT };
    uint8_t out[USBIP_OP_SIZE + USBIP_BUS_ID_SIZE];
    uint8_t head[USBIP_OP_SIZE];
    uint8_t body[USBIP_DEVICE_SIZE];
    struct usbip_op op;

    usbip_op_put(&ask, out);
    usbip_bus_id_put(BUS_ID, out + USBIP_OP_SIZE);
    return write(fd, out, sizeof(out)) == sizeof(out) && read_all(fd, head, sizeof(head)) &&
           usbip_op_parse(head, sizeof(head), &op) == 0 && op.status == 0 &&
           read_all(fd, body, sizeof(body)) && usbip_device_parse(body, sizeof(body), device) == 0;
}

/* The kernel keeps the connection when we are gone. */
static int
attach(const char *port)
{
    const struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct usbip_device device;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 || !import(fd, &device)) {
        perror("usbip_plug: import");
        return 1;
    }
    FILE *f = fopen(ATTACH, "w");

    if (f == NULL || fprintf(f, "0 %d %u %u", fd, device.bus << 16 | device.device, device.speed) < 0 ||
            fclose(f) != 0) {
        perror("usbip_plug: " ATTACH);
        return 1;
    }
    return 0;
}

static int
say(const char *path, int words, char **word)
{
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < words; i++) {
        if (dprintf(fd, "%s\n", word[i]) < 0) {
            perror(path);
            return 1;
        }
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "attach") == 0) {
        return attach(argv[2]);
    }
    if (argc > 3 && strcmp(argv[1], "say") == 0) {
        return say(argv[2], argc - 3, argv + 3);
    }
    fprintf(stderr, "usage: usbip_plug attach PORT | say SOCKET WORDS...\n");
    return 2;
}
