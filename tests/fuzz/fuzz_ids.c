/*
 * Any text as /etc/passwd: it is read within its length, the user's number stands beside the name, and of the
 * row that is taken nobody has a number.
 */
#include "proc/ids.h"
#include <stdlib.h>
#include <string.h>

#define ROW 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the parser does it, but by a copy that ends in a zero byte. 0 for a line without a number. */
static unsigned long
number_of(const char *line)
{
    const char *at = strchr(line, ':');

    at = at != NULL ? strchr(at + 1, ':') : NULL;
    if (at == NULL || at[1] < '1' || at[1] > '9') {
        return 0;
    }
    char *end;
    unsigned long n = strtoul(at + 1, &end, 10);
    return (*end == ':' || *end == '\0') && n <= UINT32_MAX ? n : 0;
}

static void
check_line(const char *line, const struct ids *ids, bool *user_seen)
{
    unsigned long n = number_of(line);

    if (ids->first != 0 && n >= ids->first && n < ids->first + ROW) {
        abort();
    }
    *user_seen = *user_seen || (ids->user == n && strncmp(line, IDS_USER ":", strlen(IDS_USER ":")) == 0);
}

static void
check(const char *text, size_t size, const struct ids *ids)
{
    bool user_seen = false;
    char *copy = malloc(size + 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    for (char *line = copy; line != NULL;) {
        char *newline = strchr(line, '\n');

        if (newline != NULL) {
            *newline = '\0';
        }
        check_line(line, ids, &user_seen);
        line = newline != NULL ? newline + 1 : NULL;
    }
    free(copy);
    if (ids->user != 0 && !user_seen) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ids ids;
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    ids_parse(exact, size, IDS_USER, &ids);
    if (ids.first != 0 && (!ids_is_ours(ids.first) || !ids_is_ours(ids.first + ROW - 1))) {
        abort();
    }
    if (memchr(exact, '\0', size) == NULL) { /* the copy's lines would end there */
        check(exact, size, &ids);
    }
    free(exact);
    return 0;
}
