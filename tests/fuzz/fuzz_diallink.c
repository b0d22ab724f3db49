#include "belfry/dial/link.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int condition)
{
    if (!condition) {
        abort();
    }
}

/* All that is taken from a message that is said to be valid lies in it. */
static void
every_text_is_in_it(const struct dial_message *m)
{
    size_t sum = 0;

    for (unsigned i = 0; i < m->texts; i++) {
        const char *text = dial_text(m, i);

        must(text == m->bytes + sum);
        sum += strlen(text) + 1;
    }
    must(sum == m->len);
    must(m->why < DIAL_WHYS && dial_why_name((enum dial_why)m->why) != NULL);
}

/* Its texts, added again, make the same message. */
static void
it_can_be_made(const struct dial_message *m)
{
    static struct dial_message again;

    memcpy(&again, m, DIAL_HEAD);
    again.len = 0;
    again.texts = 0;
    for (unsigned i = 0; i < m->texts; i++) {
        must(dial_add_text(&again, dial_text(m, i)));
    }
    must(memcmp(&again, m, DIAL_HEAD + m->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dial_message *m;

    if (size > sizeof *m) {
        return 0;
    }
    /* No byte more than came, but for the head: its fields are read first. */
    m = malloc(size > DIAL_HEAD ? size : DIAL_HEAD);
    must(m != NULL);
    memset(m, 0, DIAL_HEAD);
    if (size > 0) {
        memcpy(m, data, size);
    }
    if (dial_message_valid(m, size) && m->kind != DIAL_SET) {
        every_text_is_in_it(m);
        it_can_be_made(m);
    }
    free(m);
    return 0;
}
