/* Any text as a receiver's address: what is taken is written and read back the same. */
#include "conf/conf.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf_receiver first;
    struct conf_receiver second;
    char text[CONF_RECEIVER_TEXT];
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (conf_receiver_parse(exact, size, &first)) {
        conf_receiver_text(&first, text);
        if (!conf_receiver_parse(text, strlen(text), &second) ||
                memcmp(&first, &second, sizeof(first)) != 0) {
            abort();
        }
    }
    free(exact);
    return 0;
}
