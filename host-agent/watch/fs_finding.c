#include "watch/fs_finding.h"
#include "wire/base32.h"
#include "wire/escape.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINK_COLUMNS 72

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
    if (differs & FS_STATE) {
        tell(t, "what", "%s>%s", baseline_state_name(was->state), baseline_state_name(now->state));
    }
    if (differs & FS_DATA) {
        fs_digest_short(was->digest, from);
        fs_digest_short(now->digest, to);
        tell(t, "was", "%s", from);
        tell(t, "now", "%s", to);
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
    static const enum finding_code codes[] = { [FS_SAME] = FINDING_INTEGRITY_CHANGED,
        [FS_CHANGED] = FINDING_INTEGRITY_CHANGED,
        [FS_ADDED] = FINDING_INTEGRITY_ADDED,
        [FS_GONE] = FINDING_INTEGRITY_GONE };
    const struct baseline_entry *e = now != NULL ? now : was;

    finding_begin(f, codes[verdict], "path", e->path, e->path_len);
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
