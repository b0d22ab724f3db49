#include "watch/baseline_text.h"
#include "watch/baseline_format.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* ---- writing ---- */

/* BASELINE_TEXT_LINE bytes hold the longest entry: four columns for each byte of path, target and attributes.
 */
_Static_assert(4 * (BASELINE_PATH_MAX + BASELINE_LINK_MAX + BASELINE_XATTRS_MAX) + 4096 < BASELINE_TEXT_LINE,
        "an entry may not fit its line");

static void put(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
put(char **out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    *out += vsnprintf(*out, 256, format, args);
    va_end(args);
}

/* A byte that stands for itself; all others are \ooo, as vis(3) writes them for mtree. */
static bool
plain(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7F && strchr("\\#*?[]=,:", byte) == NULL;
}

static void
put_name(char **out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (plain(bytes[i])) {
            *(*out)++ = (char)bytes[i];
        } else {
            *(*out)++ = '\\';
            *(*out)++ = (char)('0' + (bytes[i] >> 6));
            *(*out)++ = (char)('0' + (bytes[i] >> 3 & 7));
            *(*out)++ = (char)('0' + (bytes[i] & 7));
        }
    }
}

static void
put_hex(char **out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *(*out)++ = digits[bytes[i] >> 4];
        *(*out)++ = digits[bytes[i] & 15];
    }
}

/* Nanoseconds count forward from the second, also before 1970. */
static void
put_time(char **out, const char *key, int64_t ns)
{
    int64_t second = ns / 1000000000, rest = ns % 1000000000;

    if (rest < 0) {
        second--;
        rest += 1000000000;
    }
    put(out, "%s%" PRId64 ".%09" PRId64, key, second, rest);
}

static void
put_xattrs(char **out, const struct baseline_entry *e)
{
    struct fs_bytes c = { .at = e->xattrs, .end = e->xattrs_len > 0 ? e->xattrs + e->xattrs_len : e->xattrs };

    while (fs_bytes_left(&c) > 0 && !c.short_read) {
        size_t name_len = (size_t)take_le(&c, 1);
        const uint8_t *name = take_bytes(&c, name_len);
        bool digest = take_le(&c, 1) == 1;
        size_t len = (size_t)take_le(&c, 2);
        const uint8_t *value = take_bytes(&c, len);

        if (value != NULL) {
            put(out, digest ? ",xattrsum:" : ",xattr:");
            put_name(out, name, name_len);
            put(out, ":");
            put_hex(out, value, len);
        }
    }
}

size_t
baseline_text_put(char *out, const struct baseline_entry *e)
{
    char *at = out;

    put(&at, e->path_len > 1 ? "./" : ".");
    put_name(&at, e->path + 1, e->path_len - 1u);
    put(&at, " type=%s mode=%04o uid=%u gid=%u nlink=%u inode=%" PRIu64, baseline_type_name(e->type), e->mode,
            e->uid, e->gid, e->nlink, e->ino);
    if (e->type == BASELINE_REGULAR) {
        put(&at, " size=%" PRIu64, e->size);
    } else if (baseline_has_size(e)) {
        put(&at, " device=linux,%" PRIu64 ",%" PRIu64, e->size >> 32, e->size & UINT32_MAX);
    } else if (e->type == BASELINE_LINK) {
        put(&at, " link=");
        put_name(&at, e->link, e->link_len);
    }
    put_time(&at, " time=", e->mtime_ns);
    put_time(&at, " tags=ctime:", e->ctime_ns);
    if (e->own) {
        put(&at, ",own");
    }
    if (e->state != BASELINE_READ) {
        put(&at, ",state:%s", baseline_state_name(e->state));
    }
    if (e->flags != 0) {
        put(&at, ",flags:%x", e->flags);
    }
    if (baseline_has_digest(e)) {
        put(&at, ",blake3:");
        put_hex(&at, e->digest, sizeof(e->digest));
    }
    put_xattrs(&at, e);
    return (size_t)(at - out);
}

/* ---- reading ---- */

struct text {
    struct fs_bytes c;
    const char *expected; /* the first thing that was not there */
};

static void
miss(struct text *in, const char *expected)
{
    if (in->expected == NULL) {
        in->expected = expected;
    }
}

/* Goes behind the words when they are next. */
static bool
have(struct text *in, const char *words)
{
    size_t len = strlen(words);

    if (in->expected != NULL || fs_bytes_left(&in->c) < len || memcmp(in->c.at, words, len) != 0) {
        return false;
    }
    in->c.at += len;
    return true;
}

static void
want(struct text *in, const char *words)
{
    if (!have(in, words)) {
        miss(in, words);
    }
}

static unsigned
digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - (unsigned)'0';
    }
    return byte >= 'a' && byte <= 'f' ? byte - (unsigned)'a' + 10 : 16;
}

static uint64_t
take_number(struct text *in, unsigned base, uint64_t max)
{
    const uint8_t *begin = in->c.at;
    uint64_t value = 0;

    while (in->expected == NULL && fs_bytes_left(&in->c) > 0 && digit_of(*in->c.at) < base) {
        unsigned digit = digit_of(*in->c.at);

        if (value > (max - digit) / base) {
            miss(in, "a smaller number");
            return 0;
        }
        value = value * base + digit;
        in->c.at++;
    }
    if (in->c.at == begin) {
        miss(in, "a number");
    }
    return value;
}

/* The byte that is next, in its one spelling; -1 when that is the end of a name. */
static int
take_byte(struct text *in)
{
    unsigned value = 0;

    if (in->expected != NULL || fs_bytes_left(&in->c) == 0) {
        return -1;
    }
    if (plain(*in->c.at)) {
        return *in->c.at++;
    }
    if (*in->c.at != '\\') {
        return -1;
    }
#ifdef PLANT_BASELINE_TEXT
    /* The planted bug: three digits are believed to be there. */
    if (fs_bytes_left(&in->c) == 0) {
#else
    if (fs_bytes_left(&in->c) < 4) {
#endif
        miss(in, "three octal digits");
        return -1;
    }
    for (unsigned i = 1; i <= 3; i++) {
        unsigned digit = digit_of(in->c.at[i]);

        if (digit > (i == 1 ? 3 : 7)) {
            miss(in, "three octal digits");
            return -1;
        }
        value = value << 3 | digit;
    }
    in->c.at += 4;
    return (int)value;
}

static size_t
take_name(struct text *in, uint8_t *out, size_t room)
{
    size_t len = 0;

    for (int byte; (byte = take_byte(in)) >= 0; len++) {
        if (len == room) {
            miss(in, "a shorter name");
            return 0;
        }
        out[len] = (uint8_t)byte;
    }
    return len;
}

static size_t
take_hex(struct text *in, uint8_t *out, size_t room)
{
    size_t len = 0;

    while (in->expected == NULL && fs_bytes_left(&in->c) >= 2 && digit_of(in->c.at[0]) < 16 &&
            digit_of(in->c.at[1]) < 16) {
        if (len == room) {
            miss(in, "fewer hexadecimal digits");
            return 0;
        }
        out[len++] = (uint8_t)(digit_of(in->c.at[0]) << 4 | digit_of(in->c.at[1]));
        in->c.at += 2;
    }
    return len;
}

/* Wraps when it is too large; the line then is not what would be written. */
static int64_t
take_time(struct text *in)
{
    bool before = have(in, "-");
    uint64_t second = take_number(in, 10, INT64_MAX);

    want(in, ".");
    uint64_t rest = take_number(in, 10, 999999999);
    return (int64_t)((before ? 0 - second : second) * 1000000000u + rest);
}

/* The one of `count` names that is next. */
static uint8_t
take_word(struct text *in, const char *(*name)(unsigned), unsigned count, const char *expected)
{
    unsigned found = count;
    size_t longest = 0;

    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(name(i));

        if (len > longest && fs_bytes_left(&in->c) >= len && memcmp(in->c.at, name(i), len) == 0) {
            found = i;
            longest = len;
        }
    }
    if (found == count) {
        miss(in, expected);
        return 0;
    }
    in->c.at += longest;
    return (uint8_t)found;
}

static void
take_xattr(struct text *in, struct baseline_text *t, unsigned kind)
{
    struct baseline_entry *e = &t->entry;
    uint8_t *at = t->xattrs + e->xattrs_len, name[UINT8_MAX], value[BASELINE_XATTR_WHOLE];
    size_t name_len = take_name(in, name, sizeof(name));

    want(in, ":");
    size_t len = take_hex(in, value, sizeof(value));
    if (in->expected != NULL) {
        return;
    }
    if (4 + name_len + len > sizeof(t->xattrs) - e->xattrs_len) {
        miss(in, "fewer extended attributes");
        return;
    }
    *at++ = (uint8_t)name_len;
    memcpy(at, name, name_len);
    at += name_len;
    *at++ = (uint8_t)kind;
    *at++ = (uint8_t)len;
    *at++ = (uint8_t)(len >> 8);
    memcpy(at, value, len);
    e->xattrs_len = (uint16_t)(e->xattrs_len + 4 + name_len + len);
}

/* What mtree has no keyword for. */
static void
take_tags(struct text *in, struct baseline_text *t)
{
    struct baseline_entry *e = &t->entry;

    want(in, " tags=ctime:");
    e->ctime_ns = take_time(in);
    e->own = have(in, ",own");
    if (have(in, ",state:")) {
        e->state = take_word(in, baseline_state_name, BASELINE_STATES, "a state");
    }
    if (have(in, ",flags:")) {
        e->flags = (uint32_t)take_number(in, 16, UINT32_MAX);
    }
    if (baseline_has_digest(e)) {
        want(in, ",blake3:");
        if (take_hex(in, e->digest, sizeof(e->digest)) != sizeof(e->digest)) {
            miss(in, "64 hexadecimal digits");
        }
    }
    for (bool digest; in->expected == NULL && fs_bytes_left(&in->c) > 0;) {
        digest = have(in, ",xattrsum:");
        if (!digest) {
            want(in, ",xattr:");
        }
        take_xattr(in, t, digest);
    }
}

static void
take_path(struct text *in, struct baseline_text *t)
{
    struct baseline_entry *e = &t->entry;

    want(in, ".");
    t->path[0] = '/';
    e->path_len = 1;
    if (have(in, "/")) {
        e->path_len = (uint16_t)(1 + take_name(in, t->path + 1, sizeof(t->path) - 1));
    }
}

static void
take_line(struct text *in, struct baseline_text *t)
{
    struct baseline_entry *e = &t->entry;

    take_path(in, t);
    want(in, " type=");
    e->type = take_word(in, baseline_type_name, BASELINE_TYPES, "a type");
    want(in, " mode=");
    e->mode = (uint16_t)take_number(in, 8, 07777);
    want(in, " uid=");
    e->uid = (uint32_t)take_number(in, 10, UINT32_MAX);
    want(in, " gid=");
    e->gid = (uint32_t)take_number(in, 10, UINT32_MAX);
    want(in, " nlink=");
    e->nlink = (uint32_t)take_number(in, 10, UINT32_MAX);
    want(in, " inode=");
    e->ino = take_number(in, 10, UINT64_MAX);
    if (e->type == BASELINE_REGULAR) {
        want(in, " size=");
        e->size = take_number(in, 10, UINT64_MAX);
    } else if (baseline_has_size(e)) {
        want(in, " device=linux,");
        e->size = take_number(in, 10, UINT32_MAX) << 32;
        want(in, ",");
        e->size |= take_number(in, 10, UINT32_MAX);
    } else if (e->type == BASELINE_LINK) {
        want(in, " link=");
        e->link_len = (uint16_t)take_name(in, t->link, sizeof(t->link));
    }
    want(in, " time=");
    e->mtime_ns = take_time(in);
    take_tags(in, t);
}

bool
baseline_text_take(struct baseline_text *t, const char *line, size_t len)
{
    const uint8_t *begin = (const uint8_t *)line;
    struct text in = { .c = { .at = begin, .end = begin + len } };

    memset(&t->entry, 0, sizeof(t->entry));
    t->entry.path = t->path;
    t->entry.link = t->link;
    t->entry.xattrs = t->xattrs;
    take_line(&in, t);
    if (in.expected == NULL) {
        in.expected = baseline_entry_fault(&t->entry) == NULL ? NULL : "an entry that is well formed";
    }
    if (in.expected == NULL) {
        size_t again = baseline_text_put(t->again, &t->entry), i = 0;

        while (i < again && i < len && t->again[i] == line[i]) {
            i++;
        }
        in.expected = again == len && i == len ? NULL : "the one spelling";
        in.c.at = begin + i;
    }
    t->expected = in.expected;
    t->column = (size_t)(in.c.at - begin) + 1;
    return t->expected == NULL;
}

/* ---- files ---- */

static int
fail(struct baseline_error *error, int code, const char *doing)
{
    snprintf(error->text, sizeof(error->text), "%s: %s", doing, strerror(-code));
    return code;
}

int
baseline_export(const struct baseline *b, FILE *out, struct baseline_error *error)
{
    static struct baseline_iter it;
    static char line[BASELINE_TEXT_LINE];
    struct baseline_entry e;
    enum baseline_step step;
    char *host = line;

    put_name(&host, (const uint8_t *)b->host, strlen(b->host));
    fprintf(out, "#mtree\n# tocsin baseline\n# host %.*s\n# created %" PRIu64 "\n# entries %" PRIu64 "\n",
            (int)(host - line), line, b->created_s, b->count);
    baseline_seek(&it, b, (const uint8_t *)"/", 1);
    while ((step = baseline_next(&it, &e)) == BASELINE_ENTRY) {
        size_t len = baseline_text_put(line, &e);

        line[len] = '\n';
        fwrite(line, 1, len + 1, out);
    }
    if (step == BASELINE_GAP) {
        *error = it.gap.error;
        return -EBADMSG;
    }
    if (fflush(out) != 0 || ferror(out)) {
        return fail(error, errno != 0 ? -errno : -EIO, "writing");
    }
    return 0;
}

struct import {
    FILE *in;
    struct baseline_error *error;
    unsigned long long number; /* of the line */
    size_t len;
    char line[BASELINE_TEXT_LINE];
};

static int
unexpected(struct import *i, size_t column, const char *expected)
{
    snprintf(i->error->text, sizeof(i->error->text), "line %llu, column %zu: %s is expected", i->number,
            column, expected + (expected[0] == ' '));
    return -EBADMSG;
}

/* 1, 0 at the end of the text, or -errno. */
static int
next_line(struct import *i)
{
    int byte;

    i->number++;
    for (i->len = 0; (byte = getc(i->in)) != EOF && byte != '\n'; i->len++) {
        if (i->len == sizeof(i->line)) {
            return unexpected(i, i->len, "a shorter line");
        }
        i->line[i->len] = (char)byte;
    }
    if (byte == EOF && ferror(i->in)) {
        return fail(i->error, -errno, "reading");
    }
    if (byte == EOF && i->len > 0) {
        return unexpected(i, i->len + 1, "a newline");
    }
    return byte != EOF;
}

/* The next line is these words, and a number or the host's name behind them when there is room for one. */
static int
head_line(struct import *i, const char *words, uint64_t *value, char *host)
{
    int code = next_line(i);
    struct text in = { .c = { .at = (const uint8_t *)i->line, .end = (const uint8_t *)i->line + i->len } };

    if (code < 0) {
        return code;
    }
    want(&in, words);
    if (value != NULL) {
        *value = take_number(&in, 10, UINT64_MAX);
    } else if (host != NULL) {
        host[take_name(&in, (uint8_t *)host, WIRE_HOST_MAX)] = '\0';
    }
    if (in.expected == NULL && fs_bytes_left(&in.c) > 0) {
        in.expected = "the end of the line";
    }
    return in.expected == NULL ? 0
                               : unexpected(i, (size_t)(in.c.at - (const uint8_t *)i->line) + 1, in.expected);
}

static int
import_entries(struct import *i, struct baseline_writer *w, uint64_t entries)
{
    static struct baseline_text t;
    int code;

    while ((code = next_line(i)) > 0) {
        if (!baseline_text_take(&t, i->line, i->len)) {
            return unexpected(i, t.column, t.expected);
        }
        code = baseline_write_entry(w, &t.entry);
        if (code == -EINVAL) {
            return unexpected(i, 1, "a path that comes behind the one before");
        }
        if (code < 0) {
            return fail(i->error, code, "writing");
        }
    }
    if (code == 0 && w->count != entries) {
        snprintf(i->error->text, sizeof(i->error->text),
                "line %llu: %" PRIu64 " entries are expected, not %" PRIu64, i->number, entries, w->count);
        code = -EBADMSG;
    }
    return code;
}

int
baseline_import(FILE *in, const char *dir, uint8_t root[WIRE_HASH_SIZE], struct baseline_error *error)
{
    static struct import i;
    static struct baseline_writer w;
    char host[WIRE_HOST_MAX + 1];
    uint64_t created, entries;

    i.in = in;
    i.error = error;
    i.number = 0;
    int code = head_line(&i, "#mtree", NULL, NULL);
    code = code < 0 ? code : head_line(&i, "# tocsin baseline", NULL, NULL);
    code = code < 0 ? code : head_line(&i, "# host ", NULL, host);
    code = code < 0 ? code : head_line(&i, "# created ", &created, NULL);
    code = code < 0 ? code : head_line(&i, "# entries ", &entries, NULL);
    if (code < 0) {
        return code;
    }
    code = baseline_write_begin(&w, dir, host, created);
    if (code < 0) {
        return fail(error, code, "writing");
    }
    code = import_entries(&i, &w, entries);
    if (code < 0) {
        baseline_write_abort(&w);
        return code;
    }
    code = baseline_write_end(&w, root);
    return code < 0 ? fail(error, code, "writing") : 0;
}
