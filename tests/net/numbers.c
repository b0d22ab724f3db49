#include "numbers.h"
#include "wire/line.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void
net_numbers_free(struct net_numbers *s)
{
    free(s->at);
    memset(s, 0, sizeof(*s));
}

void
net_numbers_add(struct net_numbers *s, uint32_t session, const char *nonce, uint32_t number, const char *tag)
{
    if (s->count == s->room) {
        s->room = s->room == 0 ? 1024 : s->room * 2;
        s->at = realloc(s->at, s->room * sizeof(*s->at));
        if (s->at == NULL) {
            abort();
        }
    }
    struct net_number *to = &s->at[s->count++];
    to->session = session;
    to->number = number;
    snprintf(to->nonce, sizeof(to->nonce), "%s", nonce);
    snprintf(to->tag, sizeof(to->tag), "%.8s", tag);
}

static void
add_text(struct net_numbers *s, const char *text, size_t len)
{
    struct wire_line line;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '!') {
            const char *end = memchr(text + i, '\n', len - i);
            size_t size = end != NULL ? (size_t)(end - text) - i : 0;

            size -= size > 0 && text[i + size - 1] == '\r';
            if (wire_line_parse(text + i, size, &line) == 0) {
                net_numbers_add(s, line.head.session, line.head.nonce, line.head.number,
                        line.bytes + line.body_len + 1);
            }
        }
    }
}

void
net_numbers_of_file(struct net_numbers *s, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        char *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

        if (text != MAP_FAILED) {
            add_text(s, text, (size_t)st.st_size);
            munmap(text, (size_t)st.st_size);
        }
    }
    close(fd);
}

static bool
proved(const struct net_told *e)
{
    return !e->alarm && (strcmp(e->verdict, "OK") == 0 || strcmp(e->verdict, "REPAIRED") == 0 ||
                                strcmp(e->verdict, "LATE") == 0);
}

bool
net_number_from(const char *text, struct net_number *out)
{
    char *end;

    out->session = (uint32_t)strtoul(text, &end, 10);
    if (end == text || end[0] != '-' || strlen(end) < 7 || end[5] != '.') {
        return false;
    }
    snprintf(out->nonce, sizeof(out->nonce), "%.4s", end + 1);
    const char *number = end + 6;
    out->number = (uint32_t)strtoul(number, &end, 10);
    return end != number && *end == '\0';
}

bool
net_numbers_of_query(struct net_numbers *s, const char *ledger, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    bool good = sqlite3_open_v2(ledger, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
                sqlite3_busy_timeout(db, 5000) == SQLITE_OK &&
                sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;

    while (good && sqlite3_step(q) == SQLITE_ROW) {
        for (int64_t i = sqlite3_column_int64(q, 2); i <= sqlite3_column_int64(q, 3); i++) {
            net_numbers_add(s, (uint32_t)sqlite3_column_int64(q, 0), (const char *)sqlite3_column_text(q, 1),
                    (uint32_t)i, "");
        }
    }
    good = good && sqlite3_finalize(q) == SQLITE_OK;
    if (!good) {
        printf("%s: %s\n", sql, sqlite3_errmsg(db));
    }
    sqlite3_close(db);
    return good;
}

void
net_numbers_of_events(struct net_numbers *s, const struct net *n, size_t from, const char *line)
{
    for (size_t i = from; i < n->events; i++) {
        const struct net_told *e = &n->event[i];
        struct net_number x;

        if (proved(e) && net_came_over(e, line) && net_number_from(e->number, &x)) {
            net_numbers_add(s, x.session, x.nonce, x.number, "");
        }
    }
}

static int
compare(const void *a, const void *b)
{
    const struct net_number *x = a;
    const struct net_number *y = b;

    if (x->session != y->session) {
        return x->session < y->session ? -1 : 1;
    }
    int nonce = strcmp(x->nonce, y->nonce);
    if (nonce != 0) {
        return nonce;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The session begins under two nonces, or the number stands for two lines. */
static bool
is_reuse(const struct net_number *before, const struct net_number *x)
{
    if (before->session != x->session) {
        return false;
    }
    if (strcmp(before->nonce, x->nonce) != 0) {
        return true;
    }
    return before->number == x->number && before->tag[0] != '\0' && x->tag[0] != '\0' &&
           strcmp(before->tag, x->tag) != 0;
}

size_t
net_numbers_sort(struct net_numbers *s)
{
    size_t before = s->count;
    size_t kept = 0;

    if (before == 0) {
        return 0;
    }
    qsort(s->at, s->count, sizeof(*s->at), compare);
    for (size_t i = 0; i < before; i++) {
        s->reused += kept > 0 && is_reuse(&s->at[kept - 1], &s->at[i]);
        if (kept == 0 || compare(&s->at[kept - 1], &s->at[i]) != 0) {
            s->at[kept++] = s->at[i];
        }
    }
    s->count = kept;
    return before;
}

void
net_numbers_from(struct net_numbers *s, uint32_t number)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (s->at[i].number >= number) {
            s->at[kept++] = s->at[i];
        }
    }
    s->count = kept;
}

size_t
net_numbers_missing(
        const struct net_numbers *some, const struct net_numbers *all, struct net_numbers *missing)
{
    size_t count = 0;

    for (size_t i = 0; i < some->count; i++) {
        const struct net_number *x = &some->at[i];

        if (all->count == 0 || bsearch(x, all->at, all->count, sizeof(*x), compare) == NULL) {
            count++;
            if (missing != NULL) {
                net_numbers_add(missing, x->session, x->nonce, x->number, x->tag);
            }
        }
    }
    return count;
}

const char *
net_numbers_text(const struct net_numbers *s, char *out, size_t size)
{
    size_t len = 0;

    snprintf(out, size, "none");
    for (size_t i = 0; i < s->count && len + 48 < size; i++) {
        const struct net_number *x = &s->at[i];
        const struct net_number *before = i > 0 ? x - 1 : NULL;
        bool same = before != NULL && before->session == x->session && strcmp(before->nonce, x->nonce) == 0;
        size_t last = i;

        while (last + 1 < s->count && s->at[last + 1].session == x->session &&
                s->at[last + 1].number == s->at[last].number + 1) {
            last++;
        }
        len += (size_t)(same ? snprintf(out + len, size - len, ",%u", x->number)
                             : snprintf(out + len, size - len, "%s%u-%s.%u", i > 0 ? " " : "", x->session,
                                       x->nonce, x->number));
        if (last > i) {
            len += (size_t)snprintf(out + len, size - len, "-%u", s->at[last].number);
        }
        i = last;
    }
    return out;
}
