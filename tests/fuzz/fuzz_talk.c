/* What agent and receiver say beside the lines: whatever is read is written back as the same bytes. */
#include <stdbool.h>
#include <string.h>

#include "wire/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[WIRE_TALK_MAX + 1];
    struct wire_talk talk;
    int result = wire_talk_parse((const char *)data, size, &talk);

    check(result == 0 || result == WIRE_E_FORM);
    if (result == 0) {
        int len = wire_talk_compose(&talk, out, sizeof(out));

        check(len == (int)size && memcmp(out, data, size) == 0);
    }
    return 0;
}
