/*
 * Any text as dpkg's records, line by line: each line in memory of exactly its size. Names and versions stay
 * words, paths stay in their line and are absolute.
 */
#include "watch/packages.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool true_)
{
    if (!true_) {
        abort();
    }
}

static void
within(const char *line, size_t len, const char *path, size_t path_len)
{
    check(path >= line && path + path_len <= line + len);
}

static void
word(const char *text, size_t size)
{
    check(strnlen(text, size) < size && strpbrk(text, "/ \t\n") == NULL);
}

static void
use_line(struct packages_stanza *s, const char *line, size_t len)
{
    uint8_t md5[MD5_SIZE];
    const char *path;
    size_t path_len;

    switch (packages_status_line(s, line, len, &path, &path_len, md5)) {
    case PACKAGES_CONFFILE:
        within(line, len, path, path_len);
        check(packages_path_valid(path, path_len));
        break;
    case PACKAGES_END:
        memset(s, 0, sizeof(*s));
        break;
    case PACKAGES_BAD:
    case PACKAGES_NOTHING:
        break;
    }
    word(s->package.name, sizeof(s->package.name));
    word(s->package.version, sizeof(s->package.version));
    word(s->package.arch, sizeof(s->package.arch));
    if (packages_sum_line(line, len, &path, &path_len, md5)) {
        within(line, len, path, path_len);
    }
    if (packages_path_valid(line, len)) {
        check(line[0] == '/' && memmem(line, len, "//", 2) == NULL && memmem(line, len, "/../", 4) == NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packages_stanza stanza = { .begun = false };

    while (size > 0) {
        const uint8_t *feed = memchr(data, '\n', size);
        size_t len = feed != NULL ? (size_t)(feed - data) : size;
        char *line = malloc(len > 0 ? len : 1);

        if (line == NULL) {
            return 0;
        }
        memcpy(line, data, len);
        use_line(&stanza, line, len);
        free(line);
        data += len + (feed != NULL ? 1 : 0);
        size -= len + (feed != NULL ? 1 : 0);
    }
    return 0;
}
