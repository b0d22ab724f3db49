/*
 * Any bytes as a USB device's attributes, with 0xff between them: what is taken for the device meant says so
 * in each of them. They lie in heap blocks of their own size, so that one byte too far is seen.
 */
#include "hal/host/usb_find.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
next_part(const uint8_t **at, const uint8_t *end, char **out)
{
    const uint8_t *stop = *at < end ? memchr(*at, 0xff, (size_t)(end - *at)) : NULL;
    size_t len = (size_t)((stop != NULL ? stop : end) - *at);

    *out = malloc(len);
    if (len > 0) {
        memcpy(*out, *at, len);
    }
    *at += len + (stop != NULL);
    return len;
}

static void
must_be(const char *part, size_t len, const char *want)
{
    if (strlen(want) != len || memcmp(part, want, len) != 0) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hal_usb_id id = { .vendor = 0x1209, .product = 0x7c51, .serial = "A1" };
    const uint8_t *at = data;
    struct hal_usb_place place;
    char *part[PARTS];
    size_t len[PARTS];
    char number[8];

    for (unsigned i = 0; i < PARTS; i++) {
        len[i] = next_part(&at, data + size, &part[i]);
    }
    const struct hal_usb_attributes of = { part[0], len[0], part[1], len[1], part[2], len[2], part[3], len[3],
        part[4], len[4] };

    if (hal_usb_matches(&id, &of, &place)) {
        must_be(part[0], len[0], "1209\n");
        must_be(part[2], len[2], "A1\n");
        if (place.bus == 0 || place.address == 0 || strspn(part[4], "0123456789") != len[4] - 1) {
            abort();
        }
        snprintf(number, sizeof(number), "%u", place.bus);
        if (memmem(part[3], len[3], number, strlen(number)) == NULL) {
            abort();
        }
    }
    for (unsigned i = 0; i < PARTS; i++) {
        free(part[i]);
    }
    return 0;
}
