#include "watch/fs_finding.h"
#include "watch/fs_codes.h"
#include "watch/fs_words.h"
#include "watch/fs_xattrs.h"
#include "wire/base32.h"
#include "wire/escape.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINK_COLUMNS 72
#define XATTRS_NAMED 3
#define NAME_COLUMNS 40

struct teller {
    fs_token_fn *token;
    void *to;
};

static void tell(const struct teller *t, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void
tell(const struct teller *t, const char *key, const char *format, ...)
{
    char value[FS_TOKEN_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    t->token(t->to, key, value);
}

void
fs_digest_short(const uint8_t *digest, char out[7])
{
    wire_base32(digest, 6, out);
    out[6] = '\0';
}

static void
tell_link(const struct teller *t, const struct baseline_entry *was, const struct baseline_entry *now)
{
    char from[LINK_COLUMNS + 1] = "", to[LINK_COLUMNS + 1];

    wire_escape(to, sizeof(to), now->link, now->link_len, WIRE_ESCAPE_VALUE);
    if (was == NULL) {
        tell(t, "link", "%s", to);
        return;
    }
    wire_escape(from, sizeof(from), was->link, was->link_len, WIRE_ESCAPE_VALUE);
    tell(t, "link", "%s>%s", from, to);
}

static void
tell_device(const struct teller *t, const struct baseline_entry *was, const struct baseline_entry *now)
{
    tell(t, "device", "%" PRIu64 ":%" PRIu64 ">%" PRIu64 ":%" PRIu64, was->size >> 32, was->size & UINT32_MAX,
            now->size >> 32, now->size & UINT32_MAX);
}

static void
tell_log(const struct teller *t, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    if ((differs & FS_SIZE) == 0) {
        tell(t, "size", "%" PRIu64 ">%" PRIu64, was->size, now->size);
    }
    tell(t, "log", "%s", (differs & FS_SHRUNK) != 0 ? "shrunk" : "rewritten");
}

static void
label_words(const struct fs_xattr *x, char out[FS_WORDS])
{
    if (x == NULL) {
        snprintf(out, FS_WORDS, "none");
        return;
    }
    size_t len = x->value_len;

    if (len > 0 && x->value[len - 1] == '\0') {
        len--;
    }
    wire_escape(out, FS_WORDS, x->value, len, WIRE_ESCAPE_VALUE);
}

/* One extended attribute that has a meaning of its own. */
static void
tell_known(const struct teller *t, const struct fs_xattr *was, const struct fs_xattr *now, unsigned class)
{
    const struct fs_xattr *one = now != NULL ? now : was;
    char from[FS_WORDS], to[FS_WORDS];

    if (class == FS_CAPS) {
        fs_caps_words(was, from);
        fs_caps_words(now, to);
        tell(t, "caps", "%s>%s", from, to);
    } else if (class == FS_SELINUX) {
        label_words(was, from);
        label_words(now, to);
        tell(t, "selinux", "%s>%s", from, to);
    } else {
        bool inherited = one->name_len == sizeof("system.posix_acl_default") - 1;

        fs_acl_words(was, now, from);
        fs_acl_words(now, was, to);
        tell(t, inherited ? "acl-default" : "acl", "%s>%s", from, to);
    }
}

/* The others by name, the first few: "user.a:added,user.b:changed,+7". */
static void
tell_xattrs(const struct teller *t, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    struct fs_xattr_merge m;
    const struct fs_xattr *from, *to;
    char names[XATTRS_NAMED * (NAME_COLUMNS + 16) + 16] = "", name[NAME_COLUMNS + 1];
    size_t len = 0;
    unsigned count = 0;

    fs_xattr_merge_begin(&m, was, now);
    while (fs_xattr_merge_next(&m, &from, &to)) {
        const struct fs_xattr *one = to != NULL ? to : from;
        unsigned class = fs_xattr_class(one->name, one->name_len);

        if ((class & differs) == 0) {
            continue;
        }
        if (class != FS_XATTRS) {
            tell_known(t, from, to, class);
        } else if (++count <= XATTRS_NAMED) {
            wire_escape(name, sizeof(name), one->name, one->name_len, WIRE_ESCAPE_VALUE);
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s:%s", len > 0 ? "," : "", name,
                    from == NULL ? "added"
                    : to == NULL ? "gone"
                                 : "changed");
        }
    }
    if (count > XATTRS_NAMED) {
        snprintf(names + len, sizeof(names) - len, ",+%u", count - XATTRS_NAMED);
    }
    if (count > 0) {
        tell(t, "xattr", "%s", names);
    }
}

static void
tell_time(const struct teller *t, const char *key, int64_t was, int64_t now)
{
    bool exact = was / 1000000000 == now / 1000000000;
    char from[FS_WORDS], to[FS_WORDS];

    fs_time_words(was, exact, from);
    fs_time_words(now, exact, to);
    tell(t, key, "%s>%s", from, to);
}

static void
tell_numbers(const struct teller *t, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    char from[FS_WORDS], to[FS_WORDS];

    if (differs & FS_FLAGS) {
        fs_flags_words(was->flags, from);
        fs_flags_words(now->flags, to);
        tell(t, "flags", "%s>%s", from, to);
    }
    if (differs & FS_LINKS) {
        tell(t, "links", "%u>%u", was->nlink, now->nlink);
    }
    if (differs & FS_INODE) {
        tell(t, "inode", "%" PRIu64 ">%" PRIu64, was->ino, now->ino);
    }
    if (differs & FS_MTIME) {
        tell_time(t, "mtime", was->mtime_ns, now->mtime_ns);
    }
    if (differs & FS_CTIME) {
        tell_time(t, "ctime", was->ctime_ns, now->ctime_ns);
    }
}

static void
tell_changed(const struct teller *t, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    char from[7], to[7];

    if (differs & FS_TYPE) {
        tell(t, "type", "%s>%s", baseline_type_name(was->type), baseline_type_name(now->type));
    }
    if (differs & FS_MODE) {
        tell(t, "mode", "%04o>%04o", was->mode, now->mode);
    }
    if (differs & FS_OWNER) {
        tell(t, "owner", "%u:%u>%u:%u", was->uid, was->gid, now->uid, now->gid);
    }
    if (differs & FS_SIZE) {
        tell(t, "size", "%" PRIu64 ">%" PRIu64, was->size, now->size);
    }
    if (differs & FS_DEVICE) {
        tell_device(t, was, now);
    }
    if (differs & FS_LINK) {
        tell_link(t, was, now);
    }
    if ((differs & FS_STATE) != 0 && (was->state == BASELINE_UNSTABLE || now->state == BASELINE_UNSTABLE)) {
        tell(t, "state", "unstable");
    } else if (differs & FS_STATE) {
        tell(t, "what", "%s>%s", baseline_state_name(was->state), baseline_state_name(now->state));
    }
    if (differs & (FS_SHRUNK | FS_REWRITTEN)) {
        tell_log(t, was, now, differs);
    }
    if (differs & FS_DATA) {
        fs_digest_short(was->digest, from);
        fs_digest_short(now->digest, to);
        tell(t, "was", "%s", from);
        tell(t, "now", "%s", to);
    }
    if (differs & (FS_CAPS | FS_ACL | FS_SELINUX | FS_XATTRS)) {
        tell_xattrs(t, was, now, differs);
    }
    tell_numbers(t, was, now, differs);
}

/* What a new file brings along that lets it do more than its mode says. */
static void
tell_rights(const struct teller *t, const struct baseline_entry *now)
{
    static const struct baseline_entry none = { .xattrs_len = 0 };
    char to[FS_WORDS];

    tell_xattrs(t, &none, now, FS_CAPS);
    if (now->flags != 0) {
        fs_flags_words(now->flags, to);
        tell(t, "flags", "none>%s", to);
    }
}

void
fs_tokens(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs, fs_token_fn *token, void *to)
{
    struct teller t = { .token = token, .to = to };

    if (verdict == FS_CHANGED && was != NULL && now != NULL) {
        tell_changed(&t, was, now, differs);
    } else if (verdict == FS_ADDED && now != NULL) {
        tell(&t, "type", "%s", baseline_type_name(now->type));
        tell(&t, "mode", "%04o", now->mode);
        tell(&t, "owner", "%u:%u", now->uid, now->gid);
        if (now->type == BASELINE_LINK) {
            tell_link(&t, NULL, now);
        }
        tell_rights(&t, now);
    }
}

static void
add_token(void *to, const char *key, const char *value)
{
    finding_addf(to, key, "%s", value);
}

void
fs_finding(struct finding *f, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs)
{
    const struct baseline_entry *e = now != NULL ? now : was;

    finding_begin(f, fs_code(verdict, was, now), "path", e->path, e->path_len);
    if (verdict == FS_SAME) {
        f->op = FINDING_CLOSE;
        return;
    }
    fs_tokens(verdict, was, now, differs, add_token, f);
}

void
fs_finding_well(struct finding *f, const uint8_t *path, size_t len)
{
    finding_begin(f, FINDING_INTEGRITY_CHANGED, "path", path, len);
    f->op = FINDING_CLOSE;
}
