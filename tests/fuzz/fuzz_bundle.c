/* Any bytes as a proof bundle. */
#include "belfry/ctl/bundle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_line(void *to, const struct wire_line *line, bool proved)
{
    uint64_t *lines = to;

    (void)proved;
    if (line->head.number > WIRE_NUMBER_MAX) {
        abort();
    }
    ++*lines;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bundle *b = malloc(sizeof *b);
    const char *wrong = NULL;
    uint64_t lines = 0;

    if (b == NULL) {
        abort();
    }
    bundle_begin(b, take_line, &lines);
    while (wrong == NULL && size > 0) {
        const uint8_t *stop = memchr(data, '\n', size);
        size_t len = stop != NULL ? (size_t)(stop - data) : size;
        char *exact = malloc(len + 1);

        if (exact == NULL) {
            abort();
        }
        memcpy(exact, data, len);
        wrong = bundle_feed(b, exact, len);
        free(exact);
        len += stop != NULL;
        data += len;
        size -= len;
    }
    if (lines != b->lines || b->proved > lines || strlen(b->by) >= sizeof b->by ||
            strlen(b->host) >= sizeof b->host) {
        abort();
    }
    for (unsigned i = 0; i < b->sessions; i++) {
        if (b->session[i].lines > 0 && bundle_missing(&b->session[i]) > WIRE_NUMBER_MAX) {
            abort();
        }
    }
    free(b);
    return 0;
}
