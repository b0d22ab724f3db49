#include "watch/views_accounts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Both files are read when one of them is another, or was written, since the last look. An account has one
 * finding: root's other names count more than a missing password.
 */
#define ACCOUNTS 64 /* that are told */
#define NAME 64     /* bytes of a name that are kept */

struct account {
    char name[NAME];
    size_t len;
    unsigned what;
};

struct file_state {
    const char *path;
    bool unreadable;
    struct stat was;
};

static struct accounts_state {
    bool looked;
    bool many;
    unsigned count;
    struct account account[ACCOUNTS];
} accounts;

static struct file_state files[] = { { .path = "/etc/passwd" }, { .path = "/etc/shadow" } };

static bool
is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Blanks, a sign, and a number that is 0 in 32 bits; or nothing at all, which some libraries take for 0. */
static bool
is_zero(const char *at, const char *end)
{
    uint32_t number = 0;

    while (at < end && is_blank(*at)) {
        at++;
    }
    at += at < end && (*at == '+' || *at == '-');
    while (at < end && *at >= '0' && *at <= '9') {
        number = number * 10 + (uint32_t)(*at++ - '0');
    }
    return at == end && number == 0;
}

/* The next field, which a colon or the end closes. NULL behind the last. */
static const char *
take_field(const char **at, const char *end, const char **past)
{
    const char *field = *at;

#ifdef PLANT_ACCOUNTS
    const char *colon = field == NULL ? NULL : strchr(field, ':');
#else
    const char *colon = field == NULL ? NULL : memchr(field, ':', (size_t)(end - field));
#endif

    *past = colon != NULL ? colon : end;
    *at = colon != NULL ? colon + 1 : NULL;
    return field;
}

unsigned
account_line(const char *src, size_t len, bool shadow, const char **name, size_t *name_len)
{
    const char *end = src + len;
    const char *at = src;
    const char *name_past;
    const char *past;
    unsigned what = 0;

    while (at < end && is_blank(*at)) {
        at++;
    }
    if (at == end || *at == '#' || *at == ':' || *at == '+' || *at == '-') {
        return 0;
    }
    *name = take_field(&at, end, &name_past);
    *name_len = (size_t)(name_past - *name);
    const char *password = take_field(&at, end, &past);

    if (password == NULL) {
        return 0;
    }
    what |= password == past ? ACCOUNT_OPEN : 0;
    const char *number = shadow ? NULL : take_field(&at, end, &past);

    if (number != NULL && is_zero(number, past) && (*name_len != 4 || memcmp(*name, "root", 4) != 0)) {
        what |= ACCOUNT_ROOT;
    }
    return what;
}

static void
add(struct views *v, const char *name, size_t len, unsigned what)
{
    if (conf_allows(v->env.conf, CONF_VIEW_ACCOUNTS, name, len)) {
        return;
    }
    len = len < NAME ? len : NAME;
    for (unsigned i = 0; i < accounts.count; i++) {
        struct account *a = &accounts.account[i];

        if (a->len == len && memcmp(a->name, name, len) == 0) {
            a->what |= what;
            return;
        }
    }
    if (accounts.count == ACCOUNTS) {
        view_self(v, &accounts.many, true, "accounts", "too_many");
        return;
    }
    struct account *a = &accounts.account[accounts.count++];

    memcpy(a->name, name, len);
    a->len = len;
    a->what = what;
}

static void
read_file(struct views *v, struct file_state *file, bool shadow)
{
    const char *text;
    ssize_t len = views_read(AT_FDCWD, file->path, &text);

    view_self(v, &file->unreadable, len < 0, file->path, "unreadable");
    const char *end = text + (len > 0 ? len : 0);

    for (const char *at = text; len > 0 && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *past = newline != NULL ? newline : end;
        const char *name = NULL;
        size_t name_len = 0;
        unsigned what = account_line(at, (size_t)(past - at), shadow, &name, &name_len);

        if (what != 0) {
            add(v, name, name_len, what);
        }
        at = past + 1;
    }
}

static bool
has_changed(struct file_state *file)
{
    struct stat now;

    memset(&now, 0, sizeof(now));
    (void)stat(file->path, &now);
    bool changed = now.st_dev != file->was.st_dev || now.st_ino != file->was.st_ino ||
                   now.st_size != file->was.st_size || now.st_mtim.tv_sec != file->was.st_mtim.tv_sec ||
                   now.st_mtim.tv_nsec != file->was.st_mtim.tv_nsec ||
                   now.st_ctim.tv_sec != file->was.st_ctim.tv_sec ||
                   now.st_ctim.tv_nsec != file->was.st_ctim.tv_nsec;

    file->was = now;
    return changed;
}

static void
tell(struct views *v, const struct account *a)
{
    bool root = (a->what & ACCOUNT_ROOT) != 0;
    struct finding f;

    finding_begin(&f, root ? FINDING_ACCOUNT_ROOT : FINDING_ACCOUNT_OPEN, "account", a->name, a->len);
    if (root) {
        finding_addf(&f, "uid", "0");
    }
    if ((a->what & ACCOUNT_OPEN) != 0) {
        finding_addf(&f, "password", "none");
    }
    view_found(v, CONF_VIEW_ACCOUNTS, &f);
}

static int64_t
accounts_look(struct views *v, int64_t now_ms)
{
    bool changed = has_changed(&files[0]);

    (void)now_ms;
    changed = has_changed(&files[1]) || changed;
    if (accounts.looked && !changed) {
        return VIEW_DONE;
    }
    accounts.count = 0;
    accounts.looked = true;
    read_file(v, &files[0], false);
    read_file(v, &files[1], true);
    view_begin(v, CONF_VIEW_ACCOUNTS);
    for (unsigned i = 0; i < accounts.count; i++) {
        tell(v, &accounts.account[i]);
    }
    view_end(v, CONF_VIEW_ACCOUNTS);
    return VIEW_DONE;
}

static int
accounts_open(struct views *v)
{
    (void)v;
    memset(&accounts, 0, sizeof(accounts));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        files[i].unreadable = false;
    }
    return 0;
}

const struct view_ops views_accounts_ops = {
    .view = CONF_VIEW_ACCOUNTS,
    .open = accounts_open,
    .look = accounts_look,
};
