#include "watch/fs_words.h"
#include "conf/utc.h"
#include "watch/fs_stat.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAPS_NAMED 3 /* of one kind; more are a number */
#define CAP_REVISION 0xFF000000u
#define CAP_EFFECTIVE 0x1u
#define ACL_VERSION 2
#define ACL_ENTRY 8 /* bytes */

struct words {
    char *out;
    size_t len;
    bool full;
};

static void say(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whole words only: what does not fit is left out, and so is all that follows. */
static void
say(struct words *w, const char *format, ...)
{
    char word[FS_WORDS];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(word, sizeof(word), format, args);
    va_end(args);
    if (w->full || n < 0 || (size_t)n + sizeof("..") > FS_WORDS - w->len) {
        memcpy(w->out + w->len, w->full ? "" : "..", w->full ? 1 : sizeof(".."));
        w->len += w->full ? 0 : 2;
        w->full = true;
        return;
    }
    memcpy(w->out + w->len, word, (size_t)n + 1);
    w->len += (size_t)n;
}

static struct words
begin(char out[FS_WORDS])
{
    out[0] = '\0';
    return (struct words){ .out = out };
}

/* ---- capabilities ---- */

static const char *const cap_names[] = { "chown", "dac_override", "dac_read_search", "fowner", "fsetid",
    "kill", "setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service", "net_broadcast",
    "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace",
    "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
    "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
    "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore" };

#define CAPS (sizeof(cap_names) / sizeof(cap_names[0]))

static unsigned
count_bits(uint64_t set)
{
    unsigned n = 0;

    for (; set != 0; set &= set - 1) {
        n++;
    }
    return n;
}

static void
say_caps(struct words *w, uint64_t set, const char *kind)
{
    bool first = true;

    if (set == 0) {
        return;
    }
    say(w, "%s", w->len > 0 ? ";" : "");
    if (count_bits(set) > CAPS_NAMED || set >> CAPS != 0) {
        say(w, "0x%" PRIx64 "+%s", set, kind);
        return;
    }
    for (unsigned i = 0; i < CAPS; i++) {
        if ((set >> i & 1) != 0) {
            say(w, "%scap_%s", first ? "" : ",", cap_names[i]);
            first = false;
        }
    }
    say(w, "+%s", kind);
}

void
fs_caps_words(const struct fs_xattr *caps, char out[FS_WORDS])
{
    struct words w = begin(out);

    if (caps == NULL) {
        say(&w, "none");
        return;
    }
    struct fs_bytes c = { .at = caps->value, .end = caps->value + caps->value_len };
    uint32_t magic = (uint32_t)take_le(&c, 4);
    uint64_t permitted = take_le(&c, 4), inheritable = take_le(&c, 4);

    permitted |= take_le(&c, 4) << 32;
    inheritable |= take_le(&c, 4) << 32;
    bool owned = (magic & CAP_REVISION) == 0x03000000u;
    uint32_t owner = owned ? (uint32_t)take_le(&c, 4) : 0;
    if (caps->kind != FS_XATTR_WHOLE || c.short_read || c.at != c.end ||
            (!owned && (magic & CAP_REVISION) != 0x02000000u)) {
        say(&w, "invalid");
        return;
    }
    bool effective = (magic & CAP_EFFECTIVE) != 0;
    say_caps(&w, permitted & inheritable, effective ? "eip" : "ip");
    say_caps(&w, permitted & ~inheritable, effective ? "ep" : "p");
    say_caps(&w, inheritable & ~permitted, effective ? "ei" : "i");
    if (permitted == 0 && inheritable == 0) {
        say(&w, "empty");
    }
    if (owner != 0) {
        say(&w, "[rootid:%u]", owner);
    }
}

/* ---- ACLs ---- */

struct acl_entry {
    uint16_t tag;
    uint16_t perm;
    uint32_t id;
};

static bool
acl_next(struct fs_bytes *c, struct acl_entry *e)
{
    if (fs_bytes_left(c) == 0) {
        return false;
    }
    e->tag = (uint16_t)take_le(c, 2);
    e->perm = (uint16_t)take_le(c, 2);
    e->id = (uint32_t)take_le(c, 4);
    return !c->short_read;
}

static bool
acl_begin(const struct fs_xattr *acl, struct fs_bytes *c)
{
    *c = (struct fs_bytes){ .at = acl->value, .end = acl->value + acl->value_len };
#ifdef PLANT_FSXATTRS
    c->end += fs_bytes_left(c) > 4 ? ACL_ENTRY : 0;
#endif
    return take_le(c, 4) == ACL_VERSION && !c->short_read && fs_bytes_left(c) % ACL_ENTRY == 0;
}

static bool
acl_has(const struct fs_xattr *acl, const struct acl_entry *wanted)
{
    struct fs_bytes c;
    struct acl_entry e;

    if (acl == NULL || acl->kind != FS_XATTR_WHOLE || !acl_begin(acl, &c)) {
        return false;
    }
    while (acl_next(&c, &e)) {
        if (e.tag == wanted->tag && e.perm == wanted->perm && e.id == wanted->id) {
            return true;
        }
    }
    return false;
}

static void
say_acl_entry(struct words *w, const struct acl_entry *e)
{
    static const struct {
        uint16_t tag;
        bool named;
        char letter;
    } tags[] = { { 0x01, false, 'u' }, { 0x02, true, 'u' }, { 0x04, false, 'g' }, { 0x08, true, 'g' },
        { 0x10, false, 'm' }, { 0x20, false, 'o' } };
    char id[16] = "", letter = '?';

    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (tags[i].tag == e->tag) {
            letter = tags[i].letter;
            if (tags[i].named) {
                snprintf(id, sizeof(id), "%u", e->id);
            }
        }
    }
    say(w, "%s%c:%s:%c%c%c", w->len > 0 ? "," : "", letter, id, (e->perm & 4) != 0 ? 'r' : '-',
            (e->perm & 2) != 0 ? 'w' : '-', (e->perm & 1) != 0 ? 'x' : '-');
}

void
fs_acl_words(const struct fs_xattr *acl, const struct fs_xattr *other, char out[FS_WORDS])
{
    struct words w = begin(out);
    struct fs_bytes c;
    struct acl_entry e;

    if (acl == NULL) {
        say(&w, "none");
        return;
    }
    if (acl->kind == FS_XATTR_DIGEST) {
        say(&w, "long");
        return;
    }
    if (acl->kind != FS_XATTR_WHOLE || !acl_begin(acl, &c)) {
        say(&w, "invalid");
        return;
    }
    while (acl_next(&c, &e)) {
        if (!acl_has(other, &e)) {
            say_acl_entry(&w, &e);
        }
    }
    if (w.len == 0) {
        say(&w, "less");
    }
}

/* ---- flags and times ---- */

void
fs_flags_words(uint32_t flags, char out[FS_WORDS])
{
    static const struct {
        uint32_t bit;
        const char *name;
    } table[] = { { FS_FLAG_IMMUTABLE, "immutable" }, { FS_FLAG_APPEND, "append" },
        { FS_FLAG_NODUMP, "nodump" }, { FS_FLAG_COMPRESSED, "compressed" },
        { FS_FLAG_ENCRYPTED, "encrypted" }, { FS_FLAG_VERITY, "verity" }, { FS_FLAG_DAX, "dax" } };
    struct words w = begin(out);

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if ((flags & table[i].bit) != 0) {
            say(&w, "%s%s", w.len > 0 ? "+" : "", table[i].name);
        }
    }
    if (w.len == 0) {
        say(&w, "none");
    }
}

void
fs_time_words(int64_t ns, bool exact, char out[FS_WORDS])
{
    struct words w = begin(out);
    int64_t rest = ns % 1000000000;
    int64_t seconds = ns / 1000000000;
    char text[UTC_TEXT];

    if (rest < 0) {
        rest += 1000000000;
        seconds--;
    }
    utc_text(seconds, text);
    say(&w, "%.*s", (int)strlen(text) - 1, text);
    if (exact) {
        say(&w, ".%09u", (unsigned)rest);
    }
    say(&w, "Z");
}
