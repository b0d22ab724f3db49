/*
 * Any text as a line of passwd and of shadow, and as ld.so.preload: names and words lie inside it and hold
 * none of their separators.
 */
#include "watch/views_accounts.h"
#include "watch/views_preload.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_account(const char *text, size_t size, bool shadow)
{
    const char *name = NULL;
    size_t len = 0;
    unsigned what = account_line(text, size, shadow, &name, &len);

    if (what == 0) {
        return;
    }
    if (name < text || len == 0 || len > (size_t)(text + size - name) || memchr(name, ':', len) != NULL ||
            (shadow && (what & ACCOUNT_ROOT) != 0)) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    check_account(exact, size, false);
    check_account(exact, size, true);

    const char *at = exact;
    const char *word;
    size_t all = 0;

    for (size_t len; (len = preload_word(&at, exact + size, &word)) > 0; all += len) {
        if (word < exact || at != word + len || at > exact + size || memchr(word, ' ', len) != NULL ||
                memchr(word, '\n', len) != NULL || memchr(word, ':', len) != NULL) {
            abort();
        }
    }
    if (all > size) {
        abort();
    }
    free(exact);
    return 0;
}
