/*
 * Two lists of extended attributes of any bytes are compared and told in words that can stand in a line. Each
 * lies in a heap block of its own size, so that one byte too far is seen.
 */
#include "watch/fs_compare.h"
#include "watch/fs_words.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_words(const char *words)
{
    size_t len = strlen(words);

    if (len == 0 || len >= FS_WORDS) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        if (words[i] <= ' ' || words[i] > '~' || strchr("!%~=", words[i]) != NULL) {
            abort();
        }
    }
}

static void
tell(const struct fs_xattr *one, const struct fs_xattr *other)
{
    char words[FS_WORDS];

    fs_caps_words(one, words);
    check_words(words);
    fs_acl_words(one, other, words);
    check_words(words);
}

static uint8_t *
exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fs_xattr_merge m;
    const struct fs_xattr *from, *to;

    if (size < 1 || size > BASELINE_XATTRS_MAX) {
        return 0;
    }
    size_t first = (size - 1) * data[0] / 255;
    uint8_t *a = exact(data + 1, first), *b = exact(data + 1 + first, size - 1 - first);
    const struct baseline_entry was = { .xattrs = a, .xattrs_len = (uint16_t)first },
                                now = { .xattrs = b, .xattrs_len = (uint16_t)(size - 1 - first) };

    fs_xattr_merge_begin(&m, &was, &now);
    while (fs_xattr_merge_next(&m, &from, &to)) {
        tell(from, to);
        tell(to, from);
    }
    (void)fs_compare(&was, &now, false, UINT32_MAX);
    if (fs_compare(&was, &was, false, UINT32_MAX) != 0) {
        abort();
    }
    free(a);
    free(b);
    return 0;
}
