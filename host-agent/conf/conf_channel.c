#include "conf/conf.h"
#include <string.h>

/* What a scheme takes behind its name. */
#define TAKES_PATH 1u  /* DEVICE is an absolute path */
#define TAKES_USB 2u   /* or usb:VID:PID */
#define TAKES_ID 4u    /* DEVICE is VID:PID, or usbip: and where */
#define TAKES_SPEED 8u /* BAUD and FRAME */
#define TAKES_FLOW 16u
#define TAKES_LOCK 32u
#define TAKES_LINES 64u
#define TAKES_COLUMNS 128u
#define TAKES_PAGE 256u
#define TAKES_SEED 512u
#define TAKES_POLICY 1024u
#define TAKES_FLOOR 2048u

#define BAUD_MIN 50
#define BAUD_MAX 4000000
#define LINES_MIN 2
#define LINES_MAX 20
#define COLUMNS_MIN 80 /* at fewer a receiver could not put the rows together again */
#define COLUMNS_MAX 255
#define PAGE_MIN 10
#define PAGE_MAX 255
#define FAULT "fault:"
#define USB "usb:"

/* clang-format off */
static const struct scheme {
    const char *name;
    unsigned takes;
    const char *words; /* that may stand behind the device, for people */
} schemes[] = {
    { "serial",  TAKES_PATH | TAKES_USB | TAKES_SPEED | TAKES_FLOW, "BAUD, FRAME, flow=, policy= or floor= there, each once" },
    { "console", TAKES_PATH,                                        "policy= or floor= there, each once" },
    { "tty",     TAKES_PATH | TAKES_SPEED | TAKES_FLOW | TAKES_LOCK, "BAUD, FRAME, flow=, lock, policy= or floor= there, each once" },
    { "screen",  TAKES_PATH | TAKES_LINES,                          "lines, policy= or floor= there, each once" },
    { "printer", TAKES_PATH | TAKES_COLUMNS | TAKES_PAGE,           "columns=, page=, policy= or floor= there, each once" },
    { "usb",     TAKES_ID,                                          "policy= or floor= there, each once" },
    { "file",    TAKES_PATH,                                        "policy= or floor= there, each once" },
    { "null",    0,                                                 "policy= or floor= there, each once" },
};
/* clang-format on */

struct reader {
    const char *const *word;
    const size_t *len;
    unsigned count;
    unsigned at;
    unsigned had; /* a bit an option that was there */
    const struct scheme *scheme;
    unsigned takes;
    struct conf_channel channel;
    const char *expected; /* NULL as long as all is well */
};

static bool
begins(const struct reader *r, const char *text)
{
    return r->at < r->count && r->len[r->at] >= strlen(text) &&
           memcmp(r->word[r->at], text, strlen(text)) == 0;
}

static bool
number_in(const char *text, size_t len, uint32_t min, uint32_t max, uint32_t *out)
{
    uint32_t n;

    if (!wire_decimal(text, len, &n) || n < min || n > max) {
        return false;
    }
    *out = n;
    return true;
}

bool
conf_channel_usb(const struct conf_channel *channel, struct hal_usb_name *out)
{
    return strncmp(channel->device, USB, strlen(USB)) == 0 &&
           hal_usb_name_parse(channel->device + strlen(USB), out);
}

bool
conf_channel_usbip(const struct conf_channel *channel, struct hal_usbip_name *out)
{
    return strcmp(conf_channel_kind(channel), "usb") == 0 && hal_usbip_name_parse(channel->device, out);
}

const char *
conf_channel_kind(const struct conf_channel *channel)
{
    bool fault = strncmp(channel->scheme, FAULT, strlen(FAULT)) == 0;

    return channel->scheme + (fault ? strlen(FAULT) : 0);
}

static void
take_scheme(struct reader *r)
{
    size_t skip = begins(r, FAULT) ? strlen(FAULT) : 0;
    const char *name = r->word[0] + skip;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].name);
        if (r->len[0] - skip == len && memcmp(name, schemes[i].name, len) == 0) {
            r->scheme = &schemes[i];
            r->takes = schemes[i].takes | TAKES_POLICY | TAKES_FLOOR | (skip > 0 ? TAKES_SEED : 0);
            memcpy(r->channel.scheme, r->word[0], r->len[0] + 1);
            r->at = 1;
            return;
        }
    }
    r->expected =
            "one of serial, console, tty, screen, printer, usb, file and null, or one of them behind fault:";
}

static bool
device_fits(const struct reader *r)
{
    const char *text = r->word[r->at];
    struct hal_usb_name usb;
    struct hal_usbip_name usbip;

    if ((r->takes & TAKES_ID) != 0) {
        return hal_usb_name_parse(text, &usb) || hal_usbip_name_parse(text, &usbip);
    }
    if ((r->takes & TAKES_USB) != 0 && begins(r, USB)) {
        return hal_usb_name_parse(text + strlen(USB), &usb);
    }
    return (r->takes & TAKES_PATH) == 0 || conf_path_valid(text, r->len[r->at]);
}

static const char *
device_wanted(const struct reader *r)
{
    if ((r->takes & TAKES_ID) != 0) {
        return "VID:PID[:SERIAL], both as four hexadecimal digits, or usbip:ADDRESS:PORT/BUSID";
    }
    if ((r->takes & TAKES_USB) != 0) {
        return "usb:VID:PID[:SERIAL] or an " CONF_PATH_WANTED;
    }
    return (r->takes & TAKES_PATH) != 0 ? "an " CONF_PATH_WANTED : "1 to 255 bytes";
}

/* Where there is no word for it, the kernel's console is meant. */
static void
take_device(struct reader *r)
{
    bool console = strcmp(r->scheme->name, "console") == 0;

    if (console && !begins(r, "/")) {
        memcpy(r->channel.device, CONF_CONSOLE, sizeof(CONF_CONSOLE));
        return;
    }
    if (r->at == r->count) {
        r->at = 0;
        r->expected = "a device behind it";
        return;
    }
    if (r->len[r->at] == 0 || r->len[r->at] >= CONF_PATH ||
            memchr(r->word[r->at], '\0', r->len[r->at]) != NULL || !device_fits(r)) {
        r->expected = device_wanted(r);
        return;
    }
    memcpy(r->channel.device, r->word[r->at], r->len[r->at] + 1);
    r->at++;
}

static bool
frame_valid(const char *frame, size_t len)
{
    return len == 3 && frame[0] >= '5' && frame[0] <= '8' && strchr("neo", frame[1]) != NULL &&
           (frame[2] == '1' || frame[2] == '2');
}

static bool
is_digit(const struct reader *r)
{
    return r->at < r->count && r->word[r->at][0] >= '0' && r->word[r->at][0] <= '9';
}

/* BAUD and behind it FRAME. */
static void
take_speed(struct reader *r)
{
    if (!is_digit(r)) {
        return;
    }
    if ((r->takes & TAKES_SPEED) == 0) {
        r->expected = "no speed: this kind of channel has none";
        return;
    }
    if (!number_in(r->word[r->at], r->len[r->at], BAUD_MIN, BAUD_MAX, &r->channel.baud)) {
        r->expected = "a number from 50 to 4000000";
        return;
    }
    r->at++;
    if (!is_digit(r)) {
        return;
    }
    if (!frame_valid(r->word[r->at], r->len[r->at])) {
        r->expected = "a frame like 8n1: 5-8 data bits, parity n, e or o, 1-2 stop bits";
        return;
    }
    memcpy(r->channel.frame, r->word[r->at], r->len[r->at] + 1);
    r->at++;
}

static bool
take_policy(struct reader *r, const char *value, size_t len)
{
    r->channel.fallback = len == 8 && memcmp(value, "fallback", 8) == 0;
    return r->channel.fallback || (len == 6 && memcmp(value, "always", 6) == 0);
}

static bool
take_floor(struct reader *r, const char *value, size_t len)
{
    int severity = wire_severity_from(value, len);

    r->channel.floor = (uint8_t)severity;
    return severity >= 0;
}

static bool
take_flow(struct reader *r, const char *value, size_t len)
{
    bool wires = len == 6 && memcmp(value, "rtscts", 6) == 0;
    bool bytes = len == 7 && memcmp(value, "xonxoff", 7) == 0;

    r->channel.flow = wires ? CONF_FLOW_RTSCTS : CONF_FLOW_XONXOFF;
    return wires || bytes;
}

static bool
take_columns(struct reader *r, const char *value, size_t len)
{
    uint32_t n = 0;
    bool fits = number_in(value, len, COLUMNS_MIN, COLUMNS_MAX, &n);

    r->channel.columns = (uint8_t)n;
    return fits;
}

static bool
take_page(struct reader *r, const char *value, size_t len)
{
    uint32_t n = 0;
    bool fits = number_in(value, len, PAGE_MIN, PAGE_MAX, &n);

    r->channel.page = (uint8_t)n;
    return fits;
}

static bool
take_seed(struct reader *r, const char *value, size_t len)
{
    return number_in(value, len, 1, UINT32_MAX, &r->channel.seed);
}

static bool
take_lock(struct reader *r, const char *value, size_t len)
{
    (void)value;
    r->channel.lock = len == 0;
    return len == 0;
}

/* The number is the next word. */
static bool
take_lines(struct reader *r, const char *value, size_t len)
{
    uint32_t n = 0;

    (void)value;
    if (len > 0 || r->at + 1 == r->count) {
        return false;
    }
    r->at++;
    bool fits = number_in(r->word[r->at], r->len[r->at], LINES_MIN, LINES_MAX, &n);
    r->channel.lines = (uint8_t)n;
    return fits;
}

/* clang-format off */
static const struct option {
    const char *name;
    unsigned bit;
    bool (*take)(struct reader *r, const char *value, size_t len);
    const char *expected;
} options[] = {
    { "policy=",  TAKES_POLICY,  take_policy,  "policy=always or policy=fallback" },
    { "floor=",   TAKES_FLOOR,   take_floor,   "floor= one of EMRG, ALRT, CRIT, ERRO, WARN, NOTE and INFO" },
    { "flow=",    TAKES_FLOW,    take_flow,    "flow=rtscts or flow=xonxoff" },
    { "columns=", TAKES_COLUMNS, take_columns, "columns= a number from 80 to 255" },
    { "page=",    TAKES_PAGE,    take_page,    "page= a number from 10 to 255" },
    { "seed=",    TAKES_SEED,    take_seed,    "seed= a number from 1 to 4294967295" },
    { "lock",     TAKES_LOCK,    take_lock,    "lock" },
    { "lines",    TAKES_LINES,   take_lines,   "lines and a number from 2 to 20" },
};
/* clang-format on */

static void
take_option(struct reader *r)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct option *o = &options[i];
        size_t name_len = strlen(o->name);

        if (begins(r, o->name) && (r->takes & o->bit) != 0 && (r->had & o->bit) == 0) {
            r->had |= o->bit;
            if (!o->take(r, r->word[r->at] + name_len, r->len[r->at] - name_len)) {
                r->expected = o->expected;
                return;
            }
            r->at++;
            return;
        }
    }
    r->expected = r->scheme->words;
}

unsigned
conf_channel_parse(const char *const word[], const size_t len[], unsigned count, struct conf_channel *out,
        const char **expected)
{
    struct reader r = { .word = word, .len = len, .count = count };

    r.channel.floor = WIRE_INFO;
    take_scheme(&r);
    if (r.expected == NULL) {
        take_device(&r);
    }
    if (r.expected == NULL) {
        take_speed(&r);
    }
    while (r.expected == NULL && r.at < count) {
        take_option(&r);
    }
    *expected = r.expected;
    if (r.expected == NULL) {
        *out = r.channel;
    }
    return r.at;
}
