/* Typed pairing codes: whatever is accepted is what the canonical code would have given. */
#include <stdbool.h>
#include <string.h>

#include "wire/pair.h"

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
    char secret[WIRE_PAIR_CHARS + 1] = { 0 };
    char code[WIRE_PAIR_TEXT + 1];
    size_t at = SIZE_MAX;
    int result = wire_pair_parse((const char *)data, size, secret, &at);

    check(result <= 0 && result >= WIRE_PAIR_E_CHECK && at <= size);
    if (result == 0) {
        check(strspn(secret, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == WIRE_PAIR_CHARS);
    }
    if (size >= WIRE_PAIR_RANDOM) {
        wire_pair_make(data, code);
        check(wire_pair_parse(code, WIRE_PAIR_TEXT, secret, &at) == 0);
        code[data[0] % WIRE_PAIR_TEXT] = (char)data[1];
        result = wire_pair_parse(code, WIRE_PAIR_TEXT, secret, &at);
        check(result <= 0 && at <= WIRE_PAIR_TEXT);
    }
    return 0;
}
