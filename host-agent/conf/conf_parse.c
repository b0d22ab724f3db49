#include "conf/attrs.h"
#include "conf/conf.h"
#include "conf/pattern.h"
#include "conf/plural.h"
#include "wire/escape.h"
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define WORDS 24 /* the longest entry: a Set of single attributes */
#define SHOWN 120
#define MESSAGE 640
#define WINDOW_MAX 86400u
struct parser {
    struct conf *conf;
    const char *name;
    conf_error_fn *error;
    void *to;
    unsigned line;
    size_t line_len;
    unsigned errors;
    unsigned seen;  /* a bit a keyword that may stand once */
    unsigned views; /* a bit a view that was switched */
};

struct cursor {
    const char *at;
    const char *end;
};

/* A line's words, decoded. A word never grows when decoded, and each is followed by a blank or the end. */
struct words {
    char store[CONF_LINE_MAX + 1];
    const char *word[WORDS];
    size_t len[WORDS];
    unsigned count;
};

struct keyword {
    const char *name;
    void (*take)(struct parser *p, const struct words *w);
    unsigned values_min;
    unsigned values_max;
    bool single;
    const char *usage;
};

/* One error at the current line. `found` and `expected` are text for people already. */
static void
tell(struct parser *p, const char *found, const char *expected)
{
    char name[SHOWN];
    char message[MESSAGE];

    p->errors++;
    if (p->errors > CONF_ERRORS_MAX) {
        return;
    }
    wire_escape(name, sizeof(name), p->name, strlen(p->name), WIRE_ESCAPE_TEXT);
    snprintf(message, sizeof(message), "%s:%u: found %s; expected %s", name, p->line, found, expected);
    p->error(p->to, message);
}

static void
tell_value(struct parser *p, const char *value, size_t len, const char *expected)
{
    char text[SHOWN];
    char found[SHOWN + 2];

    wire_escape(text, sizeof(text), value, len, WIRE_ESCAPE_TEXT);
    snprintf(found, sizeof(found), "\"%s\"", text);
    tell(p, found, expected);
}

static void
tell_word(struct parser *p, const struct words *w, unsigned i, const char *expected)
{
    tell_value(p, w->word[i], w->len[i], expected);
}

static bool
word_is(const struct words *w, unsigned i, const char *text)
{
    return w->len[i] == strlen(text) && memcmp(w->word[i], text, w->len[i]) == 0;
}

static bool
take_number(struct parser *p, const struct words *w, unsigned i, uint32_t min, uint32_t max, uint32_t *out)
{
    uint32_t n;
    char expected[64];

    if (wire_decimal(w->word[i], w->len[i], &n) && n >= min && n <= max) {
        *out = n;
        return true;
    }
    snprintf(expected, sizeof(expected), "a number from %u to %u", min, max);
    tell_word(p, w, i, expected);
    return false;
}

static bool
take_path(struct parser *p, const struct words *w, unsigned i, char out[CONF_PATH])
{
    if (!conf_path_valid(w->word[i], w->len[i])) {
        tell_word(p, w, i, "an " CONF_PATH_WANTED);
        return false;
    }
    memcpy(out, w->word[i], w->len[i] + 1);
    return true;
}

static void
take_host(struct parser *p, const struct words *w)
{
    if (!wire_host_valid(w->word[1], w->len[1])) {
        tell_word(p, w, 1, "1 to 15 of a-z, 0-9 and -");
        return;
    }
    memcpy(p->conf->host, w->word[1], w->len[1] + 1);
}

static void
take_receiver(struct parser *p, const struct words *w)
{
    if (!conf_receiver_parse(w->word[1], w->len[1], &p->conf->receiver)) {
        tell_word(p, w, 1,
                "the receiver's IPv4 or IPv6 address or DNS name, alone or as ADDRESS:PORT, [ADDRESS]:PORT "
                "or NAME:PORT");
    }
}

static void
take_user(struct parser *p, const struct words *w)
{
    if (w->len[1] >= sizeof(p->conf->user)) {
        tell_word(p, w, 1, "a user's name, of at most 32 bytes");
        return;
    }
    memcpy(p->conf->user, w->word[1], w->len[1] + 1);
}

static void
take_check_in(struct parser *p, const struct words *w)
{
    (void)take_number(p, w, 1, 1, 60, &p->conf->check_in_s);
}

static void
take_beat(struct parser *p, const struct words *w)
{
    (void)take_number(p, w, 1, 1, 60, &p->conf->beat_s);
}

static void
take_sweep(struct parser *p, const struct words *w)
{
    (void)take_number(p, w, 1, 1, 604800, &p->conf->sweep_s);
}

static void
take_full_sweep(struct parser *p, const struct words *w)
{
    (void)take_number(p, w, 1, 1, 31536000, &p->conf->full_sweep_s);
}

static void
take_sweep_share(struct parser *p, const struct words *w)
{
    (void)take_number(p, w, 1, 1, 100, &p->conf->sweep_share);
}

static void
take_port_sweep(struct parser *p, const struct words *w)
{
    (void)take_number(p, w, 1, 10, 3600000, &p->conf->port_sweep_ms);
}

static void
take_daemon_grace(struct parser *p, const struct words *w)
{
    (void)take_number(p, w, 1, 0, 300, &p->conf->daemon_grace_s);
}

static void
take_state_dir(struct parser *p, const struct words *w)
{
    char path[CONF_PATH] = { 0 };

    if (take_path(p, w, 1, path) && !p->conf->state_fixed) {
        memcpy(p->conf->state_dir, path, sizeof(path));
    }
}

static bool
pattern_valid(struct parser *p, const struct words *w, unsigned i)
{
    struct pattern pattern;
    const char *expected = pattern_parse(&pattern, w->word[i], w->len[i]);

    if (expected != NULL) {
        tell_word(p, w, i, expected);
    }
    return expected == NULL;
}

static void
take_ignore(struct parser *p, const struct words *w)
{
    struct conf *conf = p->conf;

    for (unsigned i = 0; i < conf->ignores; i++) {
        if (word_is(w, 1, conf->ignore[i])) {
            tell_word(p, w, 1, "each path once");
            return;
        }
    }
    if (conf->ignores == CONF_IGNORES) {
        tell_word(p, w, 0, "at most 64 such lines");
        return;
    }
    if (take_path(p, w, 1, conf->ignore[conf->ignores]) && pattern_valid(p, w, 1)) {
        conf->ignores++;
    }
}

/* ---- Set and Watch ---- */

/* An attribute or a set, with its sign. */
static bool
find_attrs(const struct conf *conf, const char *word, size_t len, uint32_t *attrs)
{
    for (unsigned bit = 0; conf_attr_name(bit) != NULL; bit++) {
        if (len == strlen(conf_attr_name(bit)) && memcmp(word, conf_attr_name(bit), len) == 0) {
            *attrs = 1u << bit;
            return true;
        }
    }
    return conf_set_find(conf, word, len, attrs);
}

static bool
set_name_valid(const struct words *w)
{
    for (size_t i = 0; i < w->len[1]; i++) {
        char c = w->word[1][i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && (c != '-' || i == 0)) {
            return false;
        }
    }
    return w->len[1] > 0 && w->len[1] < CONF_SET_NAME;
}

static bool
take_attrs(struct parser *p, const struct words *w, uint32_t *attrs)
{
    bool sign = w->count > 3 && word_is(w, 2, "=");

    for (unsigned i = sign ? 3 : 2; i < w->count; i++) {
        bool less = w->word[i][0] == '-';
        size_t skip = less || w->word[i][0] == '+';
        uint32_t some;

        if (!find_attrs(p->conf, w->word[i] + skip, w->len[i] - skip, &some)) {
            tell_word(p, w, i, "an attribute or a set, with + or - before it (tocsin.conf(5) lists them)");
            return false;
        }
        *attrs = less ? *attrs & ~some : *attrs | some;
    }
    if ((*attrs & CONF_ATTR_CONTENT) != 0 && (*attrs & CONF_ATTR_GROW) != 0) {
        tell_word(p, w, 1, "content or grow in it, not both");
        return false;
    }
    if (*attrs == 0) {
        tell_word(p, w, 1, "at least one attribute in it");
    }
    return *attrs != 0;
}

static void
take_set(struct parser *p, const struct words *w)
{
    struct conf *conf = p->conf;
    uint32_t attrs = 0;

    if (!set_name_valid(w)) {
        tell_word(p, w, 1, "1 to 15 of a-z, 0-9 and -");
        return;
    }
    if (find_attrs(conf, w->word[1], w->len[1], &attrs)) {
        tell_word(p, w, 1, "a name that is no attribute and no other set's");
        return;
    }
    if (conf->sets == CONF_SETS) {
        tell_word(p, w, 0, "at most 16 such lines");
        return;
    }
    attrs = 0;
    if (take_attrs(p, w, &attrs)) {
        struct conf_set *set = &conf->set[conf->sets++];

        memcpy(set->name, w->word[1], w->len[1] + 1);
        set->attrs = attrs;
    }
}

static bool
begins(const struct words *w, unsigned i, const char *with)
{
    return strncmp(w->word[i], with, strlen(with)) == 0;
}

/* "max=10M" */
static bool
take_max(struct parser *p, const struct words *w, unsigned i, uint64_t *max)
{
    const char *digits = w->word[i] + 4, *letter = NULL;
    size_t len = w->len[i] - 4;
    uint32_t n = 0;

    if (len > 0 && digits[len - 1] != '\0') {
        letter = strchr("KMG", digits[len - 1]);
    }
    len -= letter != NULL;
    if (*max != 0 || !wire_decimal(digits, len, &n) || n == 0) {
        tell_word(p, w, i, "max=SIZE once, with a number of bytes, or of K, M or G of them");
        return false;
    }
    *max = (uint64_t)n << (letter == NULL ? 0 : *letter == 'K' ? 10 : *letter == 'M' ? 20 : 30);
    return true;
}

static bool
take_fs_name(const char *name, size_t len, uint32_t *fs)
{
    for (unsigned bit = 0; conf_fs_name(bit) != NULL; bit++) {
        if (len == strlen(conf_fs_name(bit)) && memcmp(name, conf_fs_name(bit), len) == 0) {
            *fs |= 1u << bit;
            return true;
        }
    }
    return false;
}

/* "fs=ext4,xfs" */
static bool
take_fs(struct parser *p, const struct words *w, unsigned i, uint32_t *fs)
{
    const char *at = w->word[i] + 3, *end = w->word[i] + w->len[i];
    bool good = *fs == 0;

    while (good) {
        const char *comma = memchr(at, ',', (size_t)(end - at));

        good = take_fs_name(at, (size_t)((comma != NULL ? comma : end) - at), fs);
        if (comma == NULL) {
            break;
        }
        at = comma + 1;
    }
    if (!good) {
        tell_word(p, w, i,
                "fs= once, with some of ext4, xfs, btrfs, f2fs, zfs, tmpfs, overlay, vfat, nfs and fuse");
    }
    return good;
}

static bool
take_watch_word(struct parser *p, const struct words *w, unsigned i, struct conf_watch *watch)
{
    if (begins(w, i, "max=")) {
        return take_max(p, w, i, &watch->max);
    }
    if (begins(w, i, "fs=")) {
        return take_fs(p, w, i, &watch->fs);
    }
    if (word_is(w, i, "onefs") && !watch->one_fs) {
        watch->one_fs = true;
        return true;
    }
    if (i == 2 && w->len[i] < CONF_SET_NAME && conf_set_find(p->conf, w->word[i], w->len[i], &watch->attrs)) {
        memcpy(watch->set, w->word[i], w->len[i]);
        return true;
    }
    tell_word(p, w, i,
            i == 2 ? "a set (a Set line stands before its use), onefs, fs=NAME or max=SIZE"
                   : "onefs, fs=NAME or max=SIZE, each once");
    return false;
}

static void
take_watch(struct parser *p, const struct words *w)
{
    struct conf *conf = p->conf;
    struct conf_watch watch;

    memset(&watch, 0, sizeof(watch));
    watch.attrs = conf_builtin(0)->attrs;
    if (!take_path(p, w, 1, watch.path) || !pattern_valid(p, w, 1)) {
        return;
    }
    for (unsigned i = 0; i < conf->watches; i++) {
        if (word_is(w, 1, conf->watch[i].path)) {
            tell_word(p, w, 1, "each path once");
            return;
        }
    }
    for (unsigned i = 2; i < w->count; i++) {
        if (!take_watch_word(p, w, i, &watch)) {
            return;
        }
    }
    if (conf->watches == CONF_WATCHES) {
        tell_word(p, w, 0, "at most 128 such lines");
        return;
    }
    memcpy(&conf->watch[conf->watches++], &watch, sizeof(watch));
}

/* A unit that has processes, as systemd writes it. */
static bool
unit_valid(const char *unit, size_t len)
{
    static const char *const ends[] = { ".service", ".scope" };
    bool ends_well = false;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t end = strlen(ends[i]);

        ends_well = ends_well || (len > end && memcmp(unit + len - end, ends[i], end) == 0);
    }
    for (size_t i = 0; i < len; i++) {
        if (unit[i] <= ' ' || unit[i] > '~' || unit[i] == '/') {
            return false;
        }
    }
    return ends_well && len < CONF_UNIT;
}

static bool
take_daemon_unit(struct parser *p, const char *value, size_t len, char out[CONF_UNIT])
{
    if (!unit_valid(value, len)) {
        tell_value(p, value, len, "a unit as ssh.service or init.scope");
        return false;
    }
    memcpy(out, value, len + 1);
    return true;
}

static bool
take_daemon_args(struct parser *p, const char *value, size_t len, char out[CONF_PATH])
{
    if (len == 0 || len >= CONF_PATH) {
        tell_value(p, value, len, "1 to 255 bytes of arguments");
        return false;
    }
    memcpy(out, value, len + 1);
    return true;
}

static bool
take_daemon_path(struct parser *p, const char *value, size_t len, char out[CONF_PATH])
{
    if (!conf_path_valid(value, len)) {
        tell_value(p, value, len, "an " CONF_PATH_WANTED);
        return false;
    }
    memcpy(out, value, len + 1);
    return true;
}

/* The value behind "key=" when the word begins so; else NULL. */
static const char *
value_of(const struct words *w, unsigned i, const char *key)
{
    size_t len = strlen(key);

    return w->len[i] >= len && memcmp(w->word[i], key, len) == 0 ? w->word[i] + len : NULL;
}

/* A path alone is the executable; the others have their name before them. */
static bool
take_daemon_part(struct parser *p, const struct words *w, unsigned i, struct conf_daemon *d)
{
    static const char *const keys[] = { "exe=", "args=", "unit=", "pidfile=" };
    char *const parts[] = { d->exe, d->args, d->unit, d->pidfile };
    const char *value = w->word[i][0] == '/' ? w->word[i] : NULL;
    unsigned part = 0;

    while (value == NULL && part < sizeof(keys) / sizeof(keys[0])) {
        value = value_of(w, i, keys[part]);
        part += value == NULL;
    }
    if (value == NULL) {
        tell_word(p, w, i, "an executable's absolute path, args=, unit= or pidfile=");
        return false;
    }
    if (parts[part][0] != '\0') {
        tell_word(p, w, i, "each of them once");
        return false;
    }
    size_t len = w->len[i] - (size_t)(value - w->word[i]);

    if (parts[part] == d->unit) {
        return take_daemon_unit(p, value, len, d->unit);
    }
    return parts[part] == d->args ? take_daemon_args(p, value, len, d->args)
                                  : take_daemon_path(p, value, len, parts[part]);
}

static void
take_daemon(struct parser *p, const struct words *w)
{
    struct conf *conf = p->conf;
    char subject[CONF_DAEMON_SUBJECT];
    char other[CONF_DAEMON_SUBJECT];
    struct conf_daemon d;

    memset(&d, 0, sizeof(d));
    for (unsigned i = 1; i < w->count; i++) {
        if (!take_daemon_part(p, w, i, &d)) {
            return;
        }
    }
    if (d.exe[0] == '\0' && d.unit[0] == '\0' && d.pidfile[0] == '\0') {
        tell_word(p, w, 1, "an executable, a unit or a pid file besides");
        return;
    }
    (void)conf_daemon_subject(&d, subject);
    for (unsigned i = 0; i < conf->daemons; i++) {
        (void)conf_daemon_subject(&conf->daemon[i], other);
        if (strcmp(subject, other) == 0) {
            tell_word(p, w, 1, "each daemon once");
            return;
        }
    }
    if (conf->daemons == CONF_DAEMONS) {
        tell_word(p, w, 0, "at most 64 such lines");
        return;
    }
    memcpy(&conf->daemon[conf->daemons++], &d, sizeof(d));
}

static bool
take_proto(struct parser *p, const struct words *w, uint8_t *proto)
{
    for (unsigned i = 0; conf_proto_name(i) != NULL; i++) {
        if (word_is(w, 1, conf_proto_name(i))) {
            *proto = (uint8_t)i;
            return true;
        }
    }
    tell_word(p, w, 1, "one of tcp, udp, udplite, raw, packet, sctp and vsock");
    return false;
}

/* Who may hold a port: an absolute path, or a name without a slash. */
static bool
take_process(struct parser *p, const struct words *w, unsigned i, char out[CONF_PATH])
{
    if (w->len[i] > 0 && w->word[i][0] == '/') {
        return take_path(p, w, i, out);
    }
    if (w->len[i] == 0 || w->len[i] >= CONF_PATH || memchr(w->word[i], '/', w->len[i]) != NULL) {
        tell_word(p, w, i, "an executable's absolute path, or its name without a slash");
        return false;
    }
    memcpy(out, w->word[i], w->len[i] + 1);
    return true;
}

struct condition {
    const char *head;
    size_t into; /* where in struct conf_port */
    size_t size;
    const char *expected;
};

/* clang-format off */
static const struct condition conditions[] = {
    { "uid=",   offsetof(struct conf_port, user),  CONF_USER,  "uid=NAME or uid=NUMBER, of at most 32 bytes" },
    { "unit=",  offsetof(struct conf_port, unit),  CONF_UNIT,  "unit=NAME[,NAME...] of at most 127 bytes, without \"/\"" },
    { "netns=", offsetof(struct conf_port, netns), CONF_NETNS, "netns=NAME, netns=INODE or netns=any, of at most 63 bytes, without \"/\"" },
};
/* clang-format on */

static const struct condition *
condition_of(const struct words *w, unsigned i)
{
    for (size_t n = 0; n < sizeof(conditions) / sizeof(conditions[0]); n++) {
        size_t head = strlen(conditions[n].head);

        if (w->len[i] >= head && memcmp(w->word[i], conditions[n].head, head) == 0) {
            return &conditions[n];
        }
    }
    return NULL;
}

static bool
take_condition(struct parser *p, const struct words *w, unsigned i, const struct condition *c,
        struct conf_port *port)
{
    const char *value = w->word[i] + strlen(c->head);
    size_t len = w->len[i] - strlen(c->head);
    char *out = (char *)port + c->into;

    if (len == 0 || len >= c->size || memchr(value, '/', len) != NULL) {
        tell_word(p, w, i, c->expected);
        return false;
    }
    if (out[0] != '\0') {
        tell_word(p, w, i, "each condition once");
        return false;
    }
    memcpy(out, value, len);
    return true;
}

/* Processes and conditions, in any order. */
static bool
take_holders(struct parser *p, const struct words *w, struct conf_port *port)
{
    for (unsigned i = 3; i < w->count; i++) {
        const struct condition *c = condition_of(w, i);

        if (c != NULL ? !take_condition(p, w, i, c, port) : port->processes == CONF_PORT_PROCESSES) {
            if (c == NULL) {
                tell_word(p, w, i, "at most 4 processes");
            }
            return false;
        }
        if (c == NULL && !take_process(p, w, i, port->process[port->processes++])) {
            return false;
        }
    }
    if (port->processes == 0) {
        tell(p, "no process", "PROCESS: who may hold the port");
    }
    return port->processes > 0;
}

/* `any` (0) may stand on several lines. */
static bool
port_is_new(struct parser *p, const struct words *w, const struct conf_port *port)
{
    for (unsigned i = 0; port->port != 0 && i < p->conf->ports; i++) {
        const struct conf_port *other = &p->conf->port[i];

        if (other->proto == port->proto && other->port == port->port && other->on == port->on &&
                memcmp(other->address, port->address, sizeof(port->address)) == 0 &&
                strcmp(other->netns, port->netns) == 0) {
            tell_word(p, w, 2, "each port once, with all its processes on one line");
            return false;
        }
    }
    return true;
}

/* A number may be written longer than it was read: packet 1 as 0x0001. */
static bool
port_fits(struct parser *p, const struct words *w, const struct conf_port *port)
{
    char place[CONF_PLACE];

    if (p->line_len + strlen(conf_port_place(port, place)) > CONF_LINE_MAX + w->len[2]) {
        tell(p, "a line of more than 1024 bytes when it is written", "a shorter one");
        return false;
    }
    return true;
}

static void
take_port(struct parser *p, const struct words *w)
{
    struct conf *conf = p->conf;
    struct conf_port port;

    memset(&port, 0, sizeof(port));
    if (!take_proto(p, w, &port.proto)) {
        return;
    }
    if (!conf_port_parse(w->word[2], w->len[2], &port)) {
        tell_word(p, w, 2, conf_port_form(port.proto));
        return;
    }
    if (!take_holders(p, w, &port) || !port_is_new(p, w, &port) || !port_fits(p, w, &port)) {
        return;
    }
    if (conf->ports == CONF_PORTS) {
        tell_word(p, w, 0, "at most 256 such lines");
        return;
    }
    memcpy(&conf->port[conf->ports++], &port, sizeof(port));
}

static void
take_namespaces(struct parser *p, const struct words *w)
{
    p->conf->own_netns = word_is(w, 1, "own");
    if (!p->conf->own_netns && !word_is(w, 1, "all")) {
        tell_word(p, w, 1, "all or own");
    }
}

const char *
conf_mount_option(unsigned bit)
{
    static const char *const names[] = { "nosuid", "nodev", "noexec", "bind", "device" };

    return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

/* "90s", "30m" or "2h". */
static bool
take_window(struct parser *p, const struct words *w, unsigned i, struct conf_mount *mount)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 } };
    const char *value = value_of(w, i, "window=");
    size_t len = strlen(value);
    uint32_t n;

    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]) && len > 1; u++) {
        if (value[len - 1] == units[u].unit && wire_decimal(value, len - 1, &n) && n > 0 &&
                n <= WINDOW_MAX / units[u].seconds) {
            if (mount->window_s != 0 || !mount->read_only) {
                tell_word(p, w, i, "it once, and with ro only");
                return false;
            }
            mount->window_s = n * units[u].seconds;
            return true;
        }
    }
    tell_word(p, w, i, "window= and 1s to 24h, as 30m");
    return false;
}

static bool
take_mount_option(struct parser *p, const struct words *w, unsigned i, struct conf_mount *mount)
{
    unsigned bit = 0;

    if (value_of(w, i, "window=") != NULL) {
        return take_window(p, w, i, mount);
    }
    while (conf_mount_option(bit) != NULL && !word_is(w, i, conf_mount_option(bit))) {
        bit++;
    }
    if (conf_mount_option(bit) == NULL) {
        tell_word(p, w, i, "one of nosuid, nodev, noexec, bind, device and window=");
        return false;
    }
    if ((mount->options & 1u << bit) != 0) {
        tell_word(p, w, i, "each option once");
        return false;
    }
    mount->options = (uint8_t)(mount->options | 1u << bit);
    if (!mount->read_only && (mount->options & (CONF_MOUNT_BIND | CONF_MOUNT_DEVICE)) != 0) {
        tell_word(p, w, i, "it with ro only");
        return false;
    }
    if ((mount->options & CONF_MOUNT_BIND) != 0 && (mount->options & CONF_MOUNT_DEVICE) != 0) {
        tell_word(p, w, i, "bind or device, not both");
        return false;
    }
    return true;
}

static bool
names_disk(const struct words *w, unsigned i)
{
    return value_of(w, i, "LABEL=") != NULL || value_of(w, i, "UUID=") != NULL ||
           value_of(w, i, "PARTLABEL=") != NULL || value_of(w, i, "PARTUUID=") != NULL;
}

static bool
take_disk(struct parser *p, const struct words *w, unsigned i, char out[CONF_PATH])
{
    if (w->len[i] >= CONF_PATH || w->word[i][w->len[i] - 1] == '=') {
        tell_word(p, w, i, "a label or id of a disk behind the =, in all at most 255 bytes");
        return false;
    }
    memcpy(out, w->word[i], w->len[i] + 1);
    return true;
}

static bool
take_mount_path(struct parser *p, const struct words *w, char out[CONF_PATH])
{
    for (unsigned i = 0; i < p->conf->mounts; i++) {
        if (word_is(w, 1, p->conf->mount[i].path)) {
            tell_word(p, w, 1, "each path once");
            return false;
        }
    }
    if (p->conf->mounts == CONF_MOUNTS) {
        tell_word(p, w, 0, "at most 32 such lines");
        return false;
    }
    return names_disk(w, 1) ? take_disk(p, w, 1, out) : take_path(p, w, 1, out);
}

static void
take_mount(struct parser *p, const struct words *w)
{
    struct conf_mount mount;

    memset(&mount, 0, sizeof(mount));
    if (!take_mount_path(p, w, mount.path)) {
        return;
    }
    mount.read_only = word_is(w, 2, "ro");
    if (!mount.read_only && !word_is(w, 2, "rw")) {
        tell_word(p, w, 2, "ro or rw");
        return;
    }
    for (unsigned i = 3; i < w->count; i++) {
        if (!take_mount_option(p, w, i, &mount)) {
            return;
        }
    }
    memcpy(&p->conf->mount[p->conf->mounts++], &mount, sizeof(mount));
}

static bool
take_view_name(struct parser *p, const struct words *w, enum conf_view *view)
{
    for (unsigned i = 0; i < CONF_VIEWS; i++) {
        if (word_is(w, 1, conf_view_name((enum conf_view)i))) {
            *view = (enum conf_view)i;
            return true;
        }
    }
    tell_word(p, w, 1, "a view's name, as in tocsin.conf(5)");
    return false;
}

static void
take_view_allow(struct parser *p, const struct words *w, enum conf_view view)
{
    struct conf *conf = p->conf;

    if (w->count != 4 || w->len[3] == 0 || w->len[3] >= CONF_PATH) {
        tell_word(p, w, w->count - 1, "View NAME allow WHAT, with 1 to 255 bytes");
        return;
    }
    if (conf->allows == CONF_ALLOWS) {
        tell_word(p, w, 0, "at most 64 such lines");
        return;
    }
    struct conf_allow *allow = &conf->allow[conf->allows++];

    memset(allow, 0, sizeof(*allow));
    allow->view = (uint8_t)view;
    memcpy(allow->what, w->word[3], w->len[3] + 1);
}

static void
take_view(struct parser *p, const struct words *w)
{
    enum conf_view view = CONF_VIEWS;
    uint32_t every_s = 0;

    if (!take_view_name(p, w, &view)) {
        return;
    }
    if (word_is(w, 2, "allow")) {
        take_view_allow(p, w, view);
        return;
    }
    if (word_is(w, 2, "on")) {
        every_s = conf_view_every_s(view);
    } else if (!word_is(w, 2, "off") || w->count != 3) {
        tell_word(p, w, 2, "on, on with seconds, off, or allow");
        return;
    }
    if (w->count == 4 && !take_number(p, w, 3, 1, 86400, &every_s)) {
        return;
    }
    if ((p->views & 1u << view) != 0) {
        tell_word(p, w, 1, "each view once");
        return;
    }
    p->views |= 1u << view;
    p->conf->view_s[view] = every_s;
}

/* "26h": a number and s, m, h or d; at most a year. */
static bool
take_time(const char *text, size_t len, uint32_t *seconds)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    uint32_t n;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (len > 1 && text[len - 1] == units[i].unit && wire_decimal(text, len - 1, &n) && n > 0 &&
                n <= 366u * 86400 / units[i].seconds) {
            *seconds = n * units[i].seconds;
            return true;
        }
    }
    return false;
}

static void
take_protect(struct parser *p, const struct words *w)
{
    static const char within[] = "within=";
    const size_t key = sizeof(within) - 1;
    unsigned i = 0;
    uint32_t within_s = 0;

    if (word_is(w, 1, "auto") && w->count == 2) {
        p->conf->protect_auto = true;
        return;
    }
    while (i < CONF_PROTECTS && !word_is(w, 1, conf_protect_name((enum conf_protect)i))) {
        i++;
    }
    if (i == CONF_PROTECTS) {
        tell_word(p, w, 1,
                "aide, tripwire, samhain, rkhunter, chkrootkit, cron, mailer, or auto with nothing behind "
                "it");
        return;
    }
    if (w->count == 3) {
        if (!word_is(w, 2, "within=off") &&
                (w->len[2] <= key || memcmp(w->word[2], within, key) != 0 ||
                        !take_time(w->word[2] + key, w->len[2] - key, &within_s))) {
            tell_word(p, w, 2, "within=off, or within= a time like 90m, 26h or 8d");
            return;
        }
    }
    p->conf->protect[i].on = true;
    p->conf->protect[i].given = w->count == 3;
    p->conf->protect[i].within_s = within_s;
}

static void
take_channel(struct parser *p, const struct words *w)
{
    struct conf *conf = p->conf;
    struct conf_channel channel;
    const char *expected;
    unsigned taken = conf_channel_parse(w->word + 1, w->len + 1, w->count - 1, &channel, &expected);

    if (expected != NULL) {
        tell_word(p, w, taken + 1, expected);
        return;
    }
    for (unsigned i = 0; i < conf->channels; i++) {
        if (strcmp(conf->channel[i].scheme, channel.scheme) == 0 &&
                strcmp(conf->channel[i].device, channel.device) == 0) {
            tell_word(p, w, w->count > 2 ? 2 : 1, "each channel once");
            return;
        }
    }
    if (conf->channels == CONF_CHANNELS) {
        tell_word(p, w, 0, "at most 8 such lines");
        return;
    }
    conf->channel[conf->channels++] = channel;
}

/* clang-format off */
static const struct keyword keywords[] = {
    { "Host",      take_host,       1, 1, true,  "Host NAME" },
    { "Beat",      take_beat,       1, 1, true,  "Beat SECONDS" },
    { "Sweep",     take_sweep,      1, 1, true,  "Sweep SECONDS" },
    { "FullSweep", take_full_sweep, 1, 1, true,  "FullSweep SECONDS" },
    { "SweepShare", take_sweep_share, 1, 1, true, "SweepShare PERCENT" },
    { "PortSweep", take_port_sweep, 1, 1, true,  "PortSweep MILLISECONDS" },
    { "Receiver",  take_receiver,   1, 1, true,  "Receiver ADDRESS|NAME[:PORT]" },
    { "CheckIn",   take_check_in,   1, 1, true,  "CheckIn SECONDS" },
    { "StateDir",  take_state_dir,  1, 1, true,  "StateDir PATH" },
    { "User",      take_user,       1, 1, true,  "User NAME" },
    { "Set",       take_set,        2, 23, false, "Set NAME ATTRIBUTE [ATTRIBUTE...]" },
    { "Watch",     take_watch,      1, 5, false, "Watch PATH [SET] [onefs] [fs=NAME,...] [max=SIZE]" },
    { "Ignore",    take_ignore,     1, 1, false, "Ignore PATH" },
    { "Port",      take_port,       3, 9, false, "Port PROTOCOL NUMBER|any PROCESS [PROCESS...] [uid=USER] [unit=UNIT] [netns=NAME]" },
    { "Namespaces", take_namespaces, 1, 1, true, "Namespaces all|own" },
    { "Daemon",    take_daemon,     1, 4, false, "Daemon [PATH] [args=WORDS] [unit=UNIT] [pidfile=PATH]" },
    { "DaemonGrace", take_daemon_grace, 1, 1, true, "DaemonGrace SECONDS" },
    { "Mount",     take_mount,      2, 7, false, "Mount PATH|DISK ro|rw [OPTION...]" },
    { "View",      take_view,       2, 3, false, "View NAME on [SECONDS]|off|allow WHAT" },
    { "Protect",   take_protect,    1, 2, false, "Protect NAME|auto [within=TIME]" },
    { "Channel",   take_channel,    1, 10, false, "Channel SCHEME DEVICE [BAUD [FRAME]] [OPTION...]" },
};
/* clang-format on */

#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))
#define KEYWORD_NAMES                                                                                      \
    "one of Host, Beat, Sweep, FullSweep, SweepShare, PortSweep, Receiver, CheckIn, StateDir, User, Set, " \
    "Watch, Ignore, "                                                                                      \
    "Port, Namespaces, "                                                                                   \
    "Daemon, "                                                                                             \
    "DaemonGrace, "                                                                                        \
    "Mount, View, Protect and Channel"

static void
take_entry(struct parser *p, const struct words *w)
{
    char found[64];

    for (size_t i = 0; i < KEYWORDS; i++) {
        const struct keyword *k = &keywords[i];

        if (strcasecmp(k->name, w->word[0]) != 0) {
            continue;
        }
        unsigned values = w->count - 1;

        if (values < k->values_min || values > k->values_max) {
            snprintf(found, sizeof(found), "%s with %u value%s", k->name, values, plural_s(values));
            tell(p, found, k->usage);
            return;
        }
        if (k->single && (p->seen & 1u << i) != 0) {
            snprintf(found, sizeof(found), "%s a second time", k->name);
            tell(p, found, "it once");
            return;
        }
        p->seen |= 1u << i;
        k->take(p, w);
        return;
    }
    tell_word(p, w, 0, KEYWORD_NAMES);
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

/* Behind a '%'. False after telling. */
static bool
take_hex(struct parser *p, struct cursor *c, char *out)
{
    size_t left = (size_t)(c->end - c->at);
#ifdef PLANT_CONF
    left += 2;
#endif
    int high = left >= 2 ? hex_digit(c->at[0]) : -1;
    int low = left >= 2 ? hex_digit(c->at[1]) : -1;

    if (high < 0 || low < 0 || high + low == 0) {
        tell_value(
                p, c->at - 1, left >= 2 ? 3 : left + 1, "%HH, a byte in hexadecimal and not 00 (%25 is a %)");
        return false;
    }
    *out = (char)(high * 16 + low);
    c->at += 2;
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One word at the cursor into the store. False after telling what is wrong with it. */
static bool
take_one(struct parser *p, struct cursor *c, char **store)
{
    bool quoted = *c->at == '"';

    c->at += quoted;
    while (c->at < c->end && (quoted ? *c->at != '"' : !is_blank(*c->at))) {
        char byte = *c->at++;

        if (byte == '"') {
            tell(p, "a quote inside a word", "quotes around the whole value, or %22");
            return false;
        }
        if (byte == '\\' && quoted) {
            if (c->at == c->end || (*c->at != '"' && *c->at != '\\')) {
                tell(p, "a backslash alone in a quoted value", "\\\" or \\\\");
                return false;
            }
            byte = *c->at++;
        } else if (byte == '%' && !take_hex(p, c, &byte)) {
            return false;
        }
        *(*store)++ = byte;
    }
    if (quoted && c->at == c->end) {
        tell(p, "a quoted value without its end", "a closing quote on the same line");
        return false;
    }
    c->at += quoted;
    if (c->at < c->end && !is_blank(*c->at)) {
        tell(p, "something right behind a closing quote", "a blank or the end of the line");
        return false;
    }
    return true;
}

static bool
take_words(struct parser *p, struct cursor *c, struct words *w)
{
    char *store = w->store;

    w->count = 0;
    for (;;) {
        while (c->at < c->end && is_blank(*c->at)) {
            c->at++;
        }
        if (c->at == c->end || *c->at == '#') {
            return true;
        }
        if (w->count == WORDS) {
            tell(p, "more than 23 values", "fewer");
            return false;
        }
        char *start = store;

        if (!take_one(p, c, &store)) {
            return false;
        }
        w->word[w->count] = start;
        w->len[w->count++] = (size_t)(store - start);
        *store++ = '\0';
    }
}

static bool
line_is_text(struct parser *p, const struct cursor *c)
{
    char found[32];

    for (const char *at = c->at; at < c->end; at++) {
        unsigned char byte = (unsigned char)*at;

        if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
            snprintf(found, sizeof(found), "the byte 0x%02X", byte);
            tell(p, found, "text (such a byte in a value is written %HH)");
            return false;
        }
    }
    return true;
}

static void
take_line(struct parser *p, struct cursor c)
{
    struct words w;

    if (c.end - c.at > CONF_LINE_MAX) {
        tell(p, "a line of more than 1024 bytes", "a shorter one");
        return;
    }
    p->line_len = (size_t)(c.end - c.at);
    if (line_is_text(p, &c) && take_words(p, &c, &w) && w.count > 0) {
        take_entry(p, &w);
    }
}

static void
check_namespaces(struct parser *p)
{
    for (unsigned i = 0; p->conf->own_netns && i < p->conf->ports; i++) {
        if (p->conf->port[i].netns[0] != '\0') {
            tell(p, "a Port with netns= and Namespaces own", "one of them");
            return;
        }
    }
}

static void
tell_more(const struct parser *p)
{
    char name[SHOWN];
    char message[MESSAGE];

    wire_escape(name, sizeof(name), p->name, strlen(p->name), WIRE_ESCAPE_TEXT);
    snprintf(message, sizeof(message), "%s: and %u more", name, p->errors - CONF_ERRORS_MAX);
    p->error(p->to, message);
}

unsigned
conf_parse(struct conf *conf, const char *name, const char *src, size_t len, conf_error_fn *error, void *to)
{
    struct parser p = { .conf = conf, .name = name, .error = error, .to = to };
    struct cursor c = { .at = src, .end = src + len };

    while (c.at < c.end) {
        const char *end = memchr(c.at, '\n', (size_t)(c.end - c.at));
        struct cursor line = { .at = c.at, .end = end != NULL ? end : c.end };

        p.line++;
        take_line(&p, line);
        c.at = end != NULL ? end + 1 : c.end;
    }
    if ((p.seen & 1u) == 0) {
        p.line = p.line > 0 ? p.line : 1;
        tell(&p, "the end and no Host", "Host NAME");
    }
    check_namespaces(&p);
    if (p.errors > CONF_ERRORS_MAX) {
        tell_more(&p);
    }
    return p.errors;
}
