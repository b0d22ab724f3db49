#ifndef WIRE_SLOT_H
#define WIRE_SLOT_H
/*
 * slot - the session file: two slots of 4096 bytes, written in turn, so that a torn write leaves the other
 * whole
 *
 * It holds the root of the next session, never a key of one that has begun, and how the last session ended.
 * Here are the bytes only; who writes them, in which order, is in SPEC.md, section 5.
 */
#include "wire/keys.h"

#define WIRE_SLOT_SIZE 4096
#define WIRE_SLOTS 2
#define WIRE_SLOT_FILE (WIRE_SLOTS * WIRE_SLOT_SIZE)

struct wire_slot {
    uint64_t generation; /* the higher of two valid slots counts; from 1 */
    char host[WIRE_HOST_MAX + 1];
    uint32_t session;     /* the next session to begin */
    struct wire_key root; /* its root */
    bool ended_clean;     /* the session before said goodbye; false when there was none */
    bool has_previous;
    uint32_t previous_session;
    char previous_nonce[WIRE_NONCE_CHARS + 1];
    uint32_t previous_number; /* its last line; counts only when ended_clean */
};

#define WIRE_SLOT_E_BLANK (-1)   /* neither slot was ever written */
#define WIRE_SLOT_E_DAMAGED (-2) /* no slot is whole, and at least one is not blank */
#define WIRE_SLOT_E_VERSION (-3) /* written by a later version */

/* One slot's bytes, all WIRE_SLOT_SIZE of them. */
void wire_slot_encode(const struct wire_slot *slot, uint8_t out[WIRE_SLOT_SIZE]);

/*
 * Chooses the valid slot with the highest generation. `which` gets its index (0 or 1); write the other one
 * next. `damaged`, if not NULL, is set when the other slot is neither valid nor blank. On an error `out` is
 * untouched.
 */
int wire_slot_decode(
        const uint8_t file[WIRE_SLOT_FILE], struct wire_slot *out, unsigned *which, bool *damaged);

#endif
