/* The options of a line: one row each in the table, which also tells which kinds of line take it. */
#include "belfry/conf/parse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KIND(kind) (1U << (kind))
#define EVERY_KIND UINT32_MAX
#define PORT_KINDS (KIND(CONF_SERIAL) | KIND(CONF_TELNET))

struct option {
    const char *name;
    const char *expected; /* how it is written */
    size_t offset;        /* of its value in struct conf_options */
    size_t size;
    bool (*take)(struct conf_parser *p, const char *value, struct conf_options *o);
    uint32_t kinds;
    bool word; /* may stand without a value, which then is "yes" */
};

static const uint32_t bauds[] = { 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400,
    460800, 921600 };

static bool
take_speed(struct conf_parser *p, const char *value, struct conf_options *o)
{
    uint64_t n;

    if (conf_number(value, UINT32_MAX, &n)) {
        for (size_t i = 0; i < sizeof bauds / sizeof bauds[0]; i++) {
            if (n == bauds[i]) {
                o->baud = bauds[i];
                return true;
            }
        }
    }
    conf_complain(p, "\"%s\"; expected a speed: 300, 600, 1200, ... 9600, ... 115200, 230400, 460800, 921600",
            conf_shown(value));
    return false;
}

static bool
take_frame(struct conf_parser *p, const char *value, struct conf_options *o)
{
    if (strlen(value) != 3 || strchr("5678", value[0]) == NULL || strchr("neoms", value[1]) == NULL ||
            strchr("12", value[2]) == NULL) {
        conf_complain(p,
                "\"%s\"; expected data bits (5 to 8), parity (n, e, o, m or s) and stop bits (1 or 2) as 8n1",
                conf_shown(value));
        return false;
    }
    memcpy(o->frame, value, 4);
    return true;
}

static bool
take_flow(struct conf_parser *p, const char *value, struct conf_options *o)
{
    static const struct conf_value flows[] = {
        { "none", CONF_FLOW_NONE },
        { "rtscts", CONF_FLOW_RTSCTS },
        { "xonxoff", CONF_FLOW_XONXOFF },
    };
    const struct conf_value *flow = conf_find_value(flows, sizeof flows / sizeof flows[0], value);

    if (flow == NULL) {
        conf_complain(p, "flow=\"%s\"; expected none, rtscts or xonxoff", conf_shown(value));
        return false;
    }
    o->flow = (enum conf_flow)flow->value;
    return true;
}

static bool
take_mode(struct conf_parser *p, const char *value, struct conf_options *o)
{
    static const struct conf_value modes[] = { { "0600", 0600 }, { "0620", 0620 }, { "0660", 0660 } };
    const struct conf_value *mode = conf_find_value(modes, sizeof modes / sizeof modes[0], value);

    if (mode == NULL) {
        conf_complain(p, "\"%s\"; expected a mode: 0600, 0620 or 0660", conf_shown(value));
        return false;
    }
    o->mode = (uint32_t)mode->value;
    return true;
}

static bool
take_alarm_only(struct conf_parser *p, const char *value, struct conf_options *o)
{
    static const struct conf_value words[] = { { "yes", 1 }, { "no", 0 } };
    const struct conf_value *word = conf_find_value(words, sizeof words / sizeof words[0], value);

    if (word == NULL) {
        conf_complain(p, "alarm-only=\"%s\"; expected yes or no", conf_shown(value));
        return false;
    }
    o->alarm_only = word->value != 0;
    return true;
}

static bool
take_rotate_size(struct conf_parser *p, const char *value, struct conf_options *o)
{
    if (!conf_size(value, &o->rotate_size)) {
        conf_complain(p, "rotate-size=\"%s\"; expected a size as 4096, 512k, 64M or 1G", conf_shown(value));
        return false;
    }
    return true;
}

static bool
take_age(struct conf_parser *p, const char *name, const char *value, uint32_t *out_s)
{
    if (!conf_duration(value, out_s)) {
        conf_complain(p, "%s=\"%s\"; expected a time as 90s, 30m, 12h, 30d or 4w", name, conf_shown(value));
        return false;
    }
    return true;
}

static bool
take_rotate_age(struct conf_parser *p, const char *value, struct conf_options *o)
{
    return take_age(p, "rotate-age", value, &o->rotate_age_s);
}

static bool
take_keep_age(struct conf_parser *p, const char *value, struct conf_options *o)
{
    return take_age(p, "keep-age", value, &o->keep_age_s);
}

static bool
take_keep(struct conf_parser *p, const char *value, struct conf_options *o)
{
    uint64_t n;

    if (!conf_number(value, 100000, &n) || n == 0) {
        conf_complain(p, "keep=\"%s\"; expected a number of parts, 1 to 100000", conf_shown(value));
        return false;
    }
    o->keep = (uint32_t)n;
    return true;
}

static bool
take_rules(struct conf_parser *p, const char *value, struct conf_options *o)
{
    if (!conf_is_name(value)) {
        conf_complain(p, "rules=\"%s\"; expected the name of a set of rules, or no", conf_shown(value));
        return false;
    }
    o->rules = conf_keep(p, value);
    return o->rules != NULL;
}

static bool
take_ca(struct conf_parser *p, const char *value, struct conf_options *o)
{
    if (!conf_absolute(p, value, "a file of certificates")) {
        return false;
    }
    o->ca = conf_keep(p, value);
    return o->ca != NULL;
}

/* As openssl x509 -fingerprint -sha256 prints it, with colons or without. */
static bool
take_pin(struct conf_parser *p, const char *value, struct conf_options *o)
{
    const char *digits = strncasecmp(value, "sha256:", 7) == 0 ? value + 7 : value;
    char pin[65];
    size_t n = 0;

    for (; *digits != '\0' && n < sizeof pin - 1; digits++) {
        const char *at = strchr("0123456789abcdefABCDEF", *digits);

        if (at != NULL) {
            pin[n++] = *digits >= 'A' && *digits <= 'F' ? (char)(*digits + ('a' - 'A')) : *digits;
        } else if (*digits != ':' || n % 2 != 0) {
            break;
        }
    }
    pin[n] = '\0';
    if (n != sizeof pin - 1 || *digits != '\0') {
        conf_complain(p, "pin=\"%s\"; expected the SHA-256 of a certificate, 64 hexadecimal digits",
                conf_shown(value));
        return false;
    }
    o->pin = conf_keep(p, pin);
    return o->pin != NULL;
}

static bool
take_peer(struct conf_parser *p, const char *value, struct conf_options *o)
{
    size_t len = strlen(value);

    if (len == 0 || len >= CONF_HOST) {
        conf_complain(p, "name=\"%s\"; expected the name in the server's certificate", conf_shown(value));
        return false;
    }
    o->peer = conf_keep(p, value);
    return o->peer != NULL;
}

/* clang-format off */
#define AT(field) offsetof(struct conf_options, field), sizeof((struct conf_options *)NULL)->field

static const struct option options[] = {
    { "speed", "BAUD", AT(baud), take_speed, PORT_KINDS, false },
    { "frame", "8n1", AT(frame), take_frame, PORT_KINDS, false },
    { "flow", "flow=none|rtscts|xonxoff", AT(flow), take_flow, PORT_KINDS, false },
    { "mode", "0600|0620|0660", AT(mode), take_mode, KIND(CONF_PTY), false },
    { "alarm-only", "alarm-only", AT(alarm_only), take_alarm_only, EVERY_KIND, true },
    { "rotate-size", "rotate-size=SIZE", AT(rotate_size), take_rotate_size, EVERY_KIND, false },
    { "rotate-age", "rotate-age=TIME", AT(rotate_age_s), take_rotate_age, EVERY_KIND, false },
    { "keep", "keep=N", AT(keep), take_keep, EVERY_KIND, false },
    { "keep-age", "keep-age=TIME", AT(keep_age_s), take_keep_age, EVERY_KIND, false },
    { "ca", "ca=FILE", AT(ca), take_ca, KIND(CONF_TLS), false },
    { "pin", "pin=SHA256", AT(pin), take_pin, KIND(CONF_TLS), false },
    { "name", "name=NAME", AT(peer), take_peer, KIND(CONF_TLS), false },
    { "rules", "rules=NAME|no", AT(rules), take_rules, EVERY_KIND, false },
};
/* clang-format on */

#define OPTIONS (sizeof options / sizeof options[0])

_Static_assert(OPTIONS <= 32, "one bit an option in conf_options.given");

static void
expected_options(char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < OPTIONS && n < size; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s%s", i == 0 ? "" : ", ", options[i].expected);
    }
}

/* The key that a word without '=' stands for: a speed, a mode and a frame are known by their looks. */
static const char *
key_of_word(const char *text)
{
    size_t len = strlen(text);

    if (strspn(text, "0123456789") == len) {
        return text[0] == '0' ? "mode" : "speed";
    }
    if (len == 3 && strchr("0123456789", text[0]) != NULL && strchr("0123456789", text[2]) != NULL) {
        return "frame";
    }
    return NULL;
}

static const struct option *
find_option(const char *key, size_t len)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strncasecmp(options[i].name, key, len) == 0 && options[i].name[len] == '\0') {
            return &options[i];
        }
    }
    return NULL;
}

bool
conf_option(struct conf_parser *p, const char *text, struct conf_options *o)
{
    const char *equals = strchr(text, '=');
    const char *key = equals == NULL ? key_of_word(text) : NULL;
    const char *value = equals != NULL ? equals + 1 : text;
    const struct option *option;
    char expected[240];

    if (key != NULL) {
        option = find_option(key, strlen(key));
    } else {
        option = find_option(text, equals != NULL ? (size_t)(equals - text) : strlen(text));
        if (option != NULL && equals == NULL) {
            value = option->word ? "yes" : NULL;
        }
    }
    if (option == NULL || value == NULL || text[0] == '\0') {
        expected_options(expected, sizeof expected);
        conf_complain(p, "\"%s\"; expected an option: %s", conf_shown(text), expected);
        return false;
    }
    if (!option->take(p, value, o)) {
        return false;
    }
    o->given |= 1U << (option - options);
    return true;
}

static void
merge(struct conf_options *to, const struct conf_options *from, uint32_t kinds)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if ((from->given & (1U << i)) != 0 && (options[i].kinds & kinds) != 0) {
            memcpy((char *)to + options[i].offset, (const char *)from + options[i].offset, options[i].size);
            to->given |= 1U << i;
        }
    }
}

void
conf_options_merge(struct conf_options *to, const struct conf_options *from, enum conf_kind kind)
{
    merge(to, from, KIND(kind));
}

void
conf_options_overlay(struct conf_options *to, const struct conf_options *from)
{
    merge(to, from, EVERY_KIND);
}

const char *
conf_options_foreign(const struct conf_options *o, enum conf_kind kind)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if ((o->given & (1U << i)) != 0 && (options[i].kinds & KIND(kind)) == 0) {
            return options[i].name;
        }
    }
    return NULL;
}

bool
conf_option_given(const struct conf_options *o, const char *name)
{
    const struct option *option = find_option(name, strlen(name));

    return option != NULL && (o->given & (1U << (option - options))) != 0;
}

static bool
text_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
argv_same(const char *const *a, const char *const *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    for (; *a != NULL && *b != NULL && strcmp(*a, *b) == 0; a++, b++) {
    }
    return *a == NULL && *b == NULL;
}

bool
conf_line_same(const struct conf_line *a, const struct conf_line *b)
{
    const struct conf_options *x = &a->options;
    const struct conf_options *y = &b->options;

    return a->kind == b->kind && strcmp(a->name, b->name) == 0 && text_same(a->path, b->path) &&
           x->baud == y->baud && strcmp(x->frame, y->frame) == 0 && x->flow == y->flow &&
           x->mode == y->mode && x->alarm_only == y->alarm_only && x->rotate_size == y->rotate_size &&
           x->rotate_age_s == y->rotate_age_s && x->keep == y->keep && x->keep_age_s == y->keep_age_s &&
           text_same(x->ca, y->ca) && text_same(x->pin, y->pin) && text_same(x->peer, y->peer) &&
           text_same(x->rules, y->rules) && argv_same(a->argv, b->argv);
}
