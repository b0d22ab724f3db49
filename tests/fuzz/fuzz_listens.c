/* Any text as a tracepoint's format, then any bytes as its sample: nothing is read beyond the sample. */
#include "watch/listens.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_sample(const struct listens_format *format, const uint8_t *data, size_t size)
{
    struct listen_event event = { .pid = 7 };
    uint8_t *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (listens_sample_parse(format, exact, size, &event) &&
            (event.pid != 7 || (event.family != AF_INET && event.family != AF_INET6))) {
        abort();
    }
    free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct listens_format usual = {
        .port = 24, .family = 28, .address4 = 32, .address6 = 40, .size = 56
    };
    struct listens_format format = { .size = 0 };
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (listens_format_parse(exact, size, &format)) {
        if (format.size == 0 || format.port + 2u > format.size || format.address6 + 16u > format.size ||
                format.size > 1024) {
            abort();
        }
        take_sample(&format, data, size);
    }
    take_sample(&usual, data, size);
    free(exact);
    return 0;
}
