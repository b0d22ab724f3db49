#include "belfry/nats/hub.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of a hub, to be freed. */
static char *
saved(const struct hub *hub, size_t *len)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, len);

    if (to == NULL || !hub_save(hub, to) || fclose(to) != 0) {
        abort();
    }
    return text;
}

/* Lines of a subject, a blank and a message. */
static void
feed(struct hub *hub, const char *at, const char *end)
{
    for (uint64_t sequence = 1; at < end; sequence++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *blank;
        char subject[MESSAGE_SUBJECT];

        stop = stop != NULL ? stop : end;
        blank = memchr(at, ' ', (size_t)(stop - at));
        if (blank != NULL && (size_t)(blank - at) < sizeof subject) {
            memcpy(subject, at, (size_t)(blank - at));
            subject[blank - at] = '\0';
            (void)hub_take(hub, sequence, (int64_t)sequence, subject, blank + 1, (size_t)(stop - blank - 1));
        }
        at = stop < end ? stop + 1 : end;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hub hub = { .sites = 0 };
    struct hub again;
    char *text;
    char *second;
    size_t len;
    size_t second_len;

    if (hub_load(&hub, (const char *)data, size)) {
        text = saved(&hub, &len);
        if (len != size || memcmp(text, data, size) != 0) {
            abort();
        }
        free(text);
    } else {
        feed(&hub, (const char *)data, (const char *)data + size);
    }
    text = saved(&hub, &len);
    if (!hub_load(&again, text, len)) {
        abort();
    }
    second = saved(&again, &second_len);
    if (second_len != len || memcmp(text, second, len) != 0) {
        abort();
    }
    free(second);
    free(text);
    hub_free(&again);
    hub_free(&hub);
    return 0;
}
