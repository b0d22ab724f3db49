/* Any text as a line of /proc/modules; a line made from what was read gives the same again. */
#include "watch/views_modules.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct module_line first;
    struct module_line second;
    char text[256];
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (module_line_parse(exact, size, &first) && strchr(first.name, ' ') == NULL && first.name[0] != '\0') {
        int n = snprintf(text, sizeof(text), "%s %" PRIu64 " 0 - %s 0x0 (%s)", first.name, first.size,
                first.live ? "Live" : "Loading", first.taints);

        if (!module_line_parse(text, (size_t)n, &second) || strcmp(first.name, second.name) != 0 ||
                strcmp(first.taints, second.taints) != 0 || first.size != second.size ||
                first.live != second.live) {
            abort();
        }
    }
    free(exact);
    return 0;
}
