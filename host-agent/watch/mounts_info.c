#include "watch/mounts_info.h"
#include "watch/procfs.h"
#include <string.h>

struct cursor {
    const char *at;
    const char *end;
    char *store; /* where decoded strings go: never more bytes than were read */
    bool bad;    /* sticks */
};

static uint32_t
take_number(struct cursor *c, char behind)
{
    uint64_t n = 0;

    if (c->bad || !procfs_decimal(&c->at, c->end, UINT32_MAX, &n) || c->at == c->end || *c->at != behind) {
        c->bad = true;
        return 0;
    }
    c->at++;
    return (uint32_t)n;
}

static bool
is_octal(const char *at)
{
    return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' && at[2] <= '7';
}

/* A byte that the kernel wrote as \ooo, or one as it stands. 0 when there is none: no name holds it. */
static char
take_byte(struct cursor *c)
{
    char byte = *c->at++;

    if (byte != '\\') {
        return byte;
    }
#ifdef PLANT_MOUNTINFO
    if (!is_octal(c->at)) {
#else
    if (c->end - c->at < 3 || !is_octal(c->at)) {
#endif
        return 0;
    }
    byte = (char)((c->at[0] - '0') << 6 | (c->at[1] - '0') << 3 | (c->at[2] - '0'));
    c->at += 3;
    return byte;
}

/* A field up to the blank behind it, decoded; the blank makes room for the NUL. */
static const char *
take_text(struct cursor *c)
{
    char *text = c->store;

    while (!c->bad && c->at < c->end && *c->at != ' ') {
        char byte = take_byte(c);

        c->bad = byte == 0;
        *c->store++ = byte;
    }
    if (c->bad || c->at == c->end) {
        c->bad = true;
        return "";
    }
    c->at++;
    *c->store++ = '\0';
    return text;
}

static uint8_t
option_bit(const char *word, size_t len)
{
    static const struct {
        const char *name;
        uint8_t bit;
    } options[] = { { "ro", MOUNT_RO }, { "nosuid", MOUNT_NOSUID }, { "nodev", MOUNT_NODEV },
        { "noexec", MOUNT_NOEXEC }, { "emergency_ro", MOUNT_EMERGENCY_RO } };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, word, len) == 0) {
            return options[i].bit;
        }
    }
    return 0;
}

/* "rw,nosuid,..." up to a blank or the end. The first word is ro or rw; a later one may be a file system's
 * own. */
static uint8_t
take_options(struct cursor *c)
{
    const char *first = c->at;
    uint8_t bits = 0;

    while (!c->bad && c->at < c->end && *c->at != ' ') {
        const char *word = c->at;

        while (c->at < c->end && *c->at != ' ' && *c->at != ',') {
            c->at++;
        }
        uint8_t bit = option_bit(word, (size_t)(c->at - word));

        bits |= bit == MOUNT_RO && word != first ? 0 : bit;
        c->at += c->at < c->end && *c->at == ',';
    }
    c->bad = c->bad || c->at - first < 2 || first[0] != 'r' || (first[1] != 'o' && first[1] != 'w');
    return bits;
}

/* The optional fields, "shared:1" and the like, up to " - ". */
static void
skip_tags(struct cursor *c)
{
    while (!c->bad) {
        size_t left = (size_t)(c->end - c->at);
        const char *blank = left > 1 && c->at[0] == ' ' ? memchr(c->at + 1, ' ', left - 1) : NULL;

        if (blank == NULL) {
            c->bad = true;
        } else if (blank == c->at + 2 && c->at[1] == '-') {
            c->at = blank + 1;
            return;
        } else {
            c->at = blank;
        }
    }
}

bool
mounts_line_parse(const char *src, size_t len, char *store, size_t *used, struct mount_line *out)
{
    struct cursor c = { .at = src, .end = src + len, .store = store };
    struct mount_line line;

    line.id = take_number(&c, ' ');
    line.parent = take_number(&c, ' ');
    line.major = take_number(&c, ':');
    line.minor = take_number(&c, ' ');
    line.root = take_text(&c);
    line.point = take_text(&c);
    line.options = take_options(&c);
    skip_tags(&c);
    line.type = take_text(&c);
    line.source = take_text(&c);
    line.super_options = take_options(&c);
    if (c.bad || c.at != c.end || line.point[0] != '/') {
        return false;
    }
    *used = (size_t)(c.store - store);
    *out = line;
    return true;
}

void
mounts_table_read(struct mounts_table *t, const char *src, size_t len)
{
    const char *end = src + (len < MOUNTS_TEXT ? len : MOUNTS_TEXT);
    char *store = t->store;

    t->count = 0;
    t->left_out = len > MOUNTS_TEXT;
    while (src < end) {
        const char *newline = memchr(src, '\n', (size_t)(end - src));
        size_t used = 0;

        if (newline == NULL || t->count == MOUNTS_MAX ||
                !mounts_line_parse(src, (size_t)(newline - src), store, &used, &t->row[t->count])) {
            t->left_out++;
        } else {
            t->count++;
        }
        store += used;
        src = newline != NULL ? newline + 1 : end;
    }
}

bool
mounts_path_below(const char *path, const char *base)
{
    size_t len = strcmp(base, "/") == 0 ? 0 : strlen(base);

    return strncmp(path, base, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The mount on "/" that stands on none of the others. */
static const struct mount_line *
find_root(const struct mounts_table *t)
{
    const struct mount_line *root = NULL;

    for (unsigned i = 0; i < t->count; i++) {
        bool stands = false;

        for (unsigned n = 0; n < t->count && strcmp(t->row[i].point, "/") == 0; n++) {
            stands = stands || (n != i && t->row[n].id == t->row[i].parent);
        }
        if (strcmp(t->row[i].point, "/") == 0 && !stands && root == NULL) {
            root = &t->row[i];
        }
    }
    return root;
}

/* What is mounted on `on`, on the way to `path`, and comes first. Nobody is led from "/" to a mount on "/".
 */
static const struct mount_line *
next_on(const struct mounts_table *t, const struct mount_line *on, const char *path)
{
    const struct mount_line *first = NULL;

    for (unsigned i = 0; i < t->count; i++) {
        const struct mount_line *m = &t->row[i];

        if (m->parent == on->id && m != on && strcmp(m->point, "/") != 0 &&
                mounts_path_below(path, m->point) &&
                (first == NULL || strlen(m->point) < strlen(first->point))) {
            first = m;
        }
    }
    return first;
}

const struct mount_line *
mounts_table_at(const struct mounts_table *t, const char *path)
{
    const struct mount_line *at = find_root(t);

    /* Bounded, as a text that changed while it was read could lead in a circle. */
    for (unsigned steps = 0; at != NULL && steps < t->count; steps++) {
        const struct mount_line *next = next_on(t, at, path);

        if (next == NULL) {
            return at;
        }
        at = next;
    }
    return at;
}
