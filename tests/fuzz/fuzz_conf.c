/*
 * Any text gives errors with a line number each, or an object that is written and read back the same. The
 * text lies in a heap block of its own size, so that one byte too far is seen.
 */
#include "conf/conf.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned told;

static void
check_message(void *to, const char *message)
{
    (void)to;
    told++;
    for (const char *c = message; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7E) {
            abort();
        }
    }
    if (strncmp(message, "fuzz:", 5) != 0) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct conf first;
    static struct conf second;
    char *exact = malloc(size);
    char *written = NULL;
    size_t written_len = 0;

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    told = 0;
    if (!conf_init(&first, NULL, NULL) || !conf_init(&second, NULL, NULL)) {
        abort();
    }
    unsigned errors = conf_parse(&first, "fuzz", exact, size, check_message, NULL);

    if (told != (errors <= CONF_ERRORS_MAX ? errors : CONF_ERRORS_MAX + 1)) {
        abort();
    }
    if (errors == 0) {
        FILE *out = open_memstream(&written, &written_len);

        if (out == NULL || conf_write(&first, out) != 0) {
            abort();
        }
        fclose(out);
        if (conf_parse(&second, "fuzz", written, written_len, check_message, NULL) != 0 ||
                memcmp(&first, &second, sizeof(first)) != 0) {
            abort();
        }
    }
    free(written);
    free(exact);
    return 0;
}
