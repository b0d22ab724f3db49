/*
 * Session files: good slots with bytes changed, their checks made good again where the input says so. What is
 * accepted is exactly what the encoder writes.
 */
#include <string.h>

#include "wire/hash.h"
#include "wire/slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* Two bytes say where (the fields are in front), one says what. */
static void
change(uint8_t *file, const uint8_t *data, size_t size)
{
    for (; size >= 3; data += 3, size -= 3) {
        size_t at = (size_t)data[0] % 128 + (size_t)(data[1] & 1) * WIRE_SLOT_SIZE;

        if (data[1] >= 250) {
            at = ((size_t)data[0] << 8 | data[1]) * 31 % (size_t)WIRE_SLOT_FILE;
        }
        file[at] = data[2];
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[WIRE_SLOT_FILE];
    static uint8_t again[WIRE_SLOT_SIZE];
    struct wire_slot slot = { .generation = 7,
        .host = "web03",
        .session = 18,
        .has_previous = true,
        .previous_session = 17,
        .previous_nonce = "K3QF",
        .previous_number = 812 };
    unsigned which = 9;
    bool damaged;

    if (size < 1) {
        return 0;
    }
    memset(file, 0, sizeof(file));
    for (unsigned i = 0; i < WIRE_SLOTS; i++) {
        if (data[0] >> i & 1) {
            slot.generation += i;
            wire_slot_encode(&slot, file + (size_t)i * WIRE_SLOT_SIZE);
        }
    }
    change(file, data + 1, size - 1);
    for (unsigned i = 0; i < WIRE_SLOTS; i++) {
        uint8_t *at = file + (size_t)i * WIRE_SLOT_SIZE;

        if (data[0] >> (2 + i) & 1) {
            wire_hash(at, WIRE_SLOT_SIZE - WIRE_HASH_SIZE, at + WIRE_SLOT_SIZE - WIRE_HASH_SIZE);
        }
    }
    if (wire_slot_decode(file, &slot, &which, &damaged) == 0) {
        check(which < WIRE_SLOTS);
        wire_slot_encode(&slot, again);
        check(memcmp(again, file + (size_t)which * WIRE_SLOT_SIZE, WIRE_SLOT_SIZE) == 0);
    }
    return 0;
}
