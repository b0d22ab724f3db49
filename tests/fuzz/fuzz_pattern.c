/*
 * Any pattern, a newline, any path: the matcher says the same as one that tries every way, which is asked
 * only when that cannot take long. Both lie in heap blocks of their own size, so that one byte too far is
 * seen.
 */
#include "conf/pattern.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of names and of parts: the text up to the next slash or the end. */
static size_t
first_name(const char *at, const char *end)
{
    const char *slash = memchr(at, '/', (size_t)(end - at));

    return (size_t)((slash != NULL ? slash : end) - at);
}

/* Whether the pattern from `p` on matches the names from `s` on, or a directory that they lead through. */
static bool
slowly(const char *p, const char *p_end, const char *s, const char *s_end)
{
    if (p >= p_end) {
        return true;
    }
    size_t part = first_name(p, p_end);
    bool deep = part == 2 && memcmp(p, "**", 2) == 0, last = p + part >= p_end;

    if (deep && !last && slowly(p + part + 1, p_end, s, s_end)) {
        return true;
    }
    if (s >= s_end) {
        return false;
    }
    size_t name = first_name(s, s_end);
    if (deep) {
        return last || slowly(p, p_end, s + name + 1, s_end);
    }
    return pattern_name(p, part, s, name) && slowly(p + part + 1, p_end, s + name + 1, s_end);
}

/* As conf_path_valid() sees it, but for "." and "..", which are names like others to a matcher. */
static bool
is_path(const char *text, size_t len)
{
    if (len == 0 || text[0] != '/' || (len > 1 && text[len - 1] == '/')) {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '\0' || (text[i] == '/' && text[i - 1] == '/')) {
            return false;
        }
    }
    return true;
}

static char *
exact(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    return copy;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    struct pattern p;

    if (line == NULL) {
        return 0;
    }
    size_t len = (size_t)(line - data), path_len = size - len - 1;
    char *text = exact(data, len), *path = exact(line + 1, path_len);

    if (is_path(text, len) && is_path(path, path_len) && pattern_parse(&p, text, len) == NULL) {
        bool covers = pattern_covers(&p, path, path_len);

        if (p.parts <= 6 && path_len <= 24 &&
                covers != slowly(text + 1, text + len, path + 1, path + path_len)) {
            abort();
        }
    }
    free(text);
    free(path);
    return 0;
}
