#include "hal/host/usb_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/usbdevice_fs.h>

#define SYSFS_DEVICES "/sys/bus/usb/devices"
#define USB_DEVICE_MAJOR 189
#define ATTRIBUTE 256 /* bytes that are read of one; a longer one is none of ours */
#define NAME 64       /* of a device's folder: "1-1.4.2" */

/* What getdents64(2) fills; the C library keeps its own form private. */
struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly four digits. */
static bool
take_hex(const char *text, size_t len, uint16_t *out)
{
    unsigned value = 0;

#ifdef PLANT_USBFIND
    len = 4;
#endif
    if (len != 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(text[i]);

        if (digit < 0) {
            return false;
        }
        value = value << 4 | (unsigned)digit;
    }
    *out = (uint16_t)value;
    return true;
}

/* A number from 1 to 255. */
static bool
take_small(const char *text, size_t len, uint8_t *out)
{
    unsigned value = 0;

    if (len == 0 || len > 3) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = (uint8_t)value;
    return value >= 1 && value <= UINT8_MAX;
}

/* An attribute without its newline; 0 when it has none, as it is then not the whole of it. */
static size_t
whole(const char *text, size_t len)
{
    return len > 0 && text[len - 1] == '\n' ? len - 1 : 0;
}

bool
hal_usb_matches(const struct hal_usb_id *id, const struct hal_usb_attributes *of, struct hal_usb_place *out)
{
    size_t wanted = strlen(id->serial);
    struct hal_usb_place place;
    uint16_t vendor;
    uint16_t product;

    if (!take_hex(of->vendor, whole(of->vendor, of->vendor_len), &vendor) || vendor != id->vendor ||
            !take_hex(of->product, whole(of->product, of->product_len), &product) || product != id->product) {
        return false;
    }
    if (wanted > 0 &&
            (whole(of->serial, of->serial_len) != wanted || memcmp(of->serial, id->serial, wanted) != 0)) {
        return false;
    }
    if (!take_small(of->bus, whole(of->bus, of->bus_len), &place.bus) ||
            !take_small(of->address, whole(of->address, of->address_len), &place.address)) {
        return false;
    }
    *out = place;
    return true;
}

/* Bytes read; 0 when there is no such attribute, or it does not fit. */
static size_t
read_attribute(int folder, const char *device, const char *name, char out[ATTRIBUTE])
{
    char path[NAME + 16];

    snprintf(path, sizeof path, "%s/%s", device, name);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, out, ATTRIBUTE);

    close(fd);
    return n > 0 && n < ATTRIBUTE ? (size_t)n : 0;
}

static bool
is_meant(int folder, const char *device, const struct hal_usb_id *id, struct hal_usb_place *out)
{
    char vendor[ATTRIBUTE];
    char product[ATTRIBUTE];
    char serial[ATTRIBUTE];
    char bus[ATTRIBUTE];
    char address[ATTRIBUTE];
    struct hal_usb_attributes of = { .vendor = vendor,
        .product = product,
        .serial = serial,
        .bus = bus,
        .address = address,
        .vendor_len = read_attribute(folder, device, "idVendor", vendor) };

    if (of.vendor_len == 0) {
        return false; /* an interface, not a device */
    }
    of.product_len = read_attribute(folder, device, "idProduct", product);
    of.serial_len = read_attribute(folder, device, "serial", serial);
    of.bus_len = read_attribute(folder, device, "busnum", bus);
    of.address_len = read_attribute(folder, device, "devnum", address);
    return hal_usb_matches(id, &of, out);
}

int
hal_usb_find(const char *folder, const struct hal_usb_id *id, struct hal_usb_place *out)
{
    _Alignas(struct entry) char entries[4096];
    int found = -ENODEV;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long len = 0;

    if (fd < 0) {
        return errno == ENOENT ? -ENODEV : -errno;
    }
    while (found != -ENOTUNIQ && (len = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
        for (long at = 0; at < len && found != -ENOTUNIQ;) {
            const struct entry *e = (const void *)(entries + at);

            at += e->length;
            if (e->name[0] != '.' && strlen(e->name) < NAME && is_meant(fd, e->name, id, out)) {
                found = found == 0 ? -ENOTUNIQ : 0;
            }
        }
    }
    if (len < 0) {
        found = -errno;
    }
    close(fd);
    return found;
}

/* The address may have gone to another device since it was read: the descriptor tells. */
static bool
is_still(int fd, const struct hal_usb_id *id)
{
    uint8_t descriptor[18];

    return pread(fd, descriptor, sizeof descriptor, 0) == (ssize_t)sizeof descriptor &&
           (descriptor[8] | descriptor[9] << 8) == id->vendor &&
           (descriptor[10] | descriptor[11] << 8) == id->product;
}

int
hal_usb_open(const struct hal_usb_id *id)
{
    uint32_t any_interface = UINT32_MAX;
    struct hal_usb_place place = { .bus = 0 };
    char path[32];
    struct stat st;
    int error = hal_usb_find(SYSFS_DEVICES, id, &place);

    if (error != 0) {
        return error;
    }
    snprintf(path, sizeof path, "/dev/bus/usb/%03u/%03u", place.bus, place.address);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) != USB_DEVICE_MAJOR ||
            !is_still(fd, id)) {
        close(fd);
        return -ENODEV;
    }
    (void)ioctl(fd, USBDEVFS_DROP_PRIVILEGES, &any_interface);
    return fd;
}
