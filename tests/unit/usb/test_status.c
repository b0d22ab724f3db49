#include "support/check.h"
#include "usb/status.h"

/* Every field another value, every byte of it another. */
static struct usb_status
example(void)
{
    return (struct usb_status){ .flags = USB_STATUS_READY | USB_STATUS_FAULT,
        .cause = 2,
        .boots = 0x04030201,
        .uptime_s = 0x08070605,
        .committed = 0x0C0B0A09,
        .harvested = 0x100F0E0D,
        .kept = 0x14131211,
        .ring = 0x18171615,
        .reserve_free = 0x1C1B1A19,
        .refused = 0x201F1E1D,
        .torn = 0x24232221,
        .bad_sectors = 0x28272625,
        .wear_min = 0x2C2B2A29,
        .wear_max = 0x302F2E2D,
        .session = 0x34333231,
        .number = 0x38373635,
        .lines = 0x3C3B3A39,
        .rubbish = 0x403F3E3D,
        .overruns = 0x44434241,
        .usb_refused = 0x48474645 };
}

static void
the_bytes_stand_where_the_document_says(void)
{
    static const uint8_t head[8] = { 1, 80, 0x21, 0x00, 2, 0, 0, 0 };
    struct usb_status s = example();
    uint8_t page[USB_STATUS_SIZE];

    usb_status_encode(&s, page);
    CHECK_MEM(page, head, sizeof(head));
    for (size_t i = sizeof(head); i < sizeof(page); i++) {
        CHECK_INT(page[i], i - sizeof(head) + 1);
    }
}

static void
what_is_encoded_comes_back(void)
{
    struct usb_status s = example();
    struct usb_status back;
    uint8_t page[USB_STATUS_SIZE];
    uint8_t again[USB_STATUS_SIZE];

    usb_status_encode(&s, page);
    CHECK_INT(usb_status_decode(page, sizeof(page), &back), 0);
    usb_status_encode(&back, again);
    CHECK_MEM(again, page, sizeof(page));
}

static void
a_page_of_any_other_size_is_refused(void)
{
    struct usb_status s = example();
    struct usb_status out = { .boots = 7 };
    uint8_t page[USB_STATUS_SIZE + 1] = { 0 };

    usb_status_encode(&s, page);
    for (size_t len = 0; len <= sizeof(page); len++) {
        if (len != USB_STATUS_SIZE) {
            CHECK_INT(usb_status_decode(page, len, &out), USB_STATUS_E_SIZE);
        }
    }
    page[1] = USB_STATUS_SIZE + 1;
    CHECK_INT(usb_status_decode(page, USB_STATUS_SIZE, &out), USB_STATUS_E_SIZE);
    CHECK_INT(out.boots, 7);
}

static void
every_reserved_bit_and_other_version_is_refused(void)
{
    struct usb_status s = example();
    struct usb_status out;
    uint8_t page[USB_STATUS_SIZE];

    for (unsigned bit = 0; bit < 64; bit++) {
        bool flag = bit >= 16 && bit < 22;
        bool cause = bit >= 32 && bit < 34;
        int want = bit < 8 ? USB_STATUS_E_VERSION : bit < 16 ? USB_STATUS_E_SIZE : USB_STATUS_E_FORM;

        usb_status_encode(&s, page);
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_INT(usb_status_decode(page, sizeof(page), &out), flag || cause ? 0 : want);
    }
}

int
main(void)
{
    CHECK_RUN(the_bytes_stand_where_the_document_says);
    CHECK_RUN(what_is_encoded_comes_back);
    CHECK_RUN(a_page_of_any_other_size_is_refused);
    CHECK_RUN(every_reserved_bit_and_other_version_is_refused);
    return check_result();
}
