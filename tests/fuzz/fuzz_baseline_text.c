/*
 * A line of a baseline's text. What is taken is a well formed entry, and its text is that line; all else says
 * where it stops and what is expected there.
 */
#include "watch/baseline_format.h"
#include "watch/baseline_text.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct baseline_text text;
    static char again[BASELINE_TEXT_LINE];

    /* On the heap and of the exact size, so that one byte too far is seen. */
    char *line = malloc(size > 0 ? size : 1);
    memcpy(line, data, size);
    bool taken = baseline_text_take(&text, line, size);
    free(line);
    if (!taken) {
        if (text.expected == NULL || text.column == 0 || text.column > size + 1) {
            abort();
        }
        return 0;
    }
    if (text.expected != NULL || baseline_entry_fault(&text.entry) != NULL ||
            baseline_text_put(again, &text.entry) != size || memcmp(again, data, size) != 0) {
        abort();
    }
    return 0;
}
