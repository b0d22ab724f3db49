/* Finding a USB device in a folder as sysfs has it. */
#include "hal/host/usb_find.h"
#include "support/check.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/usb_find.XXXXXX";

static void
put(const char *device, const char *name, const char *text, size_t len)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, device);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, device, name);
    FILE *f = fopen(path, "w");

    CHECK(f != NULL && fwrite(text, 1, len, f) == len);
    if (f != NULL) {
        fclose(f);
    }
}

static void
plug(const char *device, const char *vendor, const char *product, const char *serial, const char *address)
{
    put(device, "idVendor", vendor, strlen(vendor));
    put(device, "idProduct", product, strlen(product));
    put(device, "busnum", "2\n", 2);
    put(device, "devnum", address, strlen(address));
    if (serial != NULL) {
        put(device, "serial", serial, strlen(serial));
    }
}

static void
unplug_all(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s/*", folder);
    CHECK_INT(system(command), 0);
}

static int
find(uint16_t vendor, uint16_t product, const char *serial, struct hal_usb_place *out)
{
    const struct hal_usb_id id = { .vendor = vendor, .product = product, .serial = serial };

    return hal_usb_find(folder, &id, out);
}

static void
a_device_is_found_among_others_by_what_it_says(void)
{
    struct hal_usb_place at;

    plug("usb1", "1d6b\n", "0002\n", "dummy_hcd.0\n", "1\n");
    plug("2-1", "1209\n", "7c51\n", "A1\n", "7\n");
    plug("2-1.4", "1209\n", "7c52\n", NULL, "255\n");
    put("2-1:1.0", "bInterfaceClass", "ff\n", 3);
    CHECK_INT(find(0x1209, 0x7c51, "", &at), 0);
    CHECK_INT(at.bus, 2);
    CHECK_INT(at.address, 7);
    CHECK_INT(find(0x1209, 0x7c51, "A1", &at), 0);
    CHECK_INT(find(0x1209, 0x7c52, "", &at), 0);
    CHECK_INT(at.address, 255);
    CHECK_INT(find(0x1209, 0x7c53, "", &at), -ENODEV);
    CHECK_INT(find(0x1209, 0x7c51, "A", &at), -ENODEV);
    CHECK_INT(find(0x1209, 0x7c51, "A12", &at), -ENODEV);
    CHECK_INT(find(0x1209, 0x7c52, "A1", &at), -ENODEV);
    unplug_all();
}

static void
two_of_the_same_are_told_apart_by_their_serial_number_or_not_at_all(void)
{
    struct hal_usb_place at;

    plug("1-1", "1209\n", "7c51\n", "A1\n", "3\n");
    plug("2-1", "1209\n", "7c51\n", "A2\n", "4\n");
    CHECK_INT(find(0x1209, 0x7c51, "", &at), -ENOTUNIQ);
    CHECK_INT(find(0x1209, 0x7c51, "A2", &at), 0);
    CHECK_INT(at.address, 4);
    plug("3-1", "1209\n", "7c51\n", "A2\n", "5\n");
    CHECK_INT(find(0x1209, 0x7c51, "A2", &at), -ENOTUNIQ);
    unplug_all();
}

static void
what_no_kernel_writes_matches_nothing(void)
{
    static const struct {
        const char *vendor;
        const char *product;
        const char *address;
    } row[] = {
        { "1209", "7c51\n", "1\n" },
        { "1209\n", "7c51 \n", "1\n" },
        { "01209\n", "7c51\n", "1\n" },
        { "209\n", "7c51\n", "1\n" },
        { "12g9\n", "7c51\n", "1\n" },
        { "1209\n", "7c51\n", "0\n" },
        { "1209\n", "7c51\n", "256\n" },
        { "1209\n", "7c51\n", "-1\n" },
        { "1209\n", "7c51\n", "../../mem\n" },
        { "1209\n", "7c51\n", "\n" },
        { "1209\n", "", "1\n" },
    };
    struct hal_usb_place at;

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        plug("1-1", row[i].vendor, row[i].product, NULL, row[i].address);
        CHECK_INT(find(0x1209, 0x7c51, "", &at), -ENODEV);
        unplug_all();
    }
}

static void
a_serial_number_of_any_bytes_does_no_harm(void)
{
    char longest[4096];
    struct hal_usb_place at;

    plug("1-1", "1209\n", "7c51\n", "A1\nA2\n", "9\n");
    CHECK_INT(find(0x1209, 0x7c51, "A1", &at), -ENODEV);
    CHECK_INT(find(0x1209, 0x7c51, "A2", &at), -ENODEV);
    put("1-1", "serial", "A\0B\n", 4);
    CHECK_INT(find(0x1209, 0x7c51, "A", &at), -ENODEV);
    memset(longest, 'A', sizeof(longest));
    put("1-1", "serial", longest, sizeof(longest));
    CHECK_INT(find(0x1209, 0x7c51, "A", &at), -ENODEV);
    CHECK_INT(find(0x1209, 0x7c51, "", &at), 0);
    CHECK_INT(at.address, 9);
    unplug_all();
}

static void
a_machine_without_usb_has_no_such_device(void)
{
    const struct hal_usb_id id = { .vendor = 1, .product = 2, .serial = "" };
    struct hal_usb_place at;

    CHECK_INT(hal_usb_find("/nonexistent", &id, &at), -ENODEV);
    CHECK_INT(hal_usb_find(folder, &id, &at), -ENODEV);
}

int
main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    CHECK_RUN(a_device_is_found_among_others_by_what_it_says);
    CHECK_RUN(two_of_the_same_are_told_apart_by_their_serial_number_or_not_at_all);
    CHECK_RUN(what_no_kernel_writes_matches_nothing);
    CHECK_RUN(a_serial_number_of_any_bytes_does_no_harm);
    CHECK_RUN(a_machine_without_usb_has_no_such_device);
    rmdir(folder);
    return check_result();
}
