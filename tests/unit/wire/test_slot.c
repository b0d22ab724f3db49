/* The session file: at any moment of any write it gives the old state or the new one. */
#include "support/check.h"
#include "wire/hash.h"
#include "wire/slot.h"

static struct wire_slot
state(uint64_t generation)
{
    struct wire_slot s = {
        .generation = generation,
        .host = "web03",
        .session = (uint32_t)(17 + generation),
        .ended_clean = generation % 2 == 0,
        .has_previous = true,
        .previous_session = (uint32_t)(16 + generation),
        .previous_nonce = "9QZ2",
        .previous_number = 8812,
    };

    memset(s.root.bytes, (int)(0x40 + generation), sizeof(s.root.bytes));
    return s;
}

static bool
same(const struct wire_slot *a, const struct wire_slot *b)
{
    return a->generation == b->generation && strcmp(a->host, b->host) == 0 && a->session == b->session &&
           wire_key_equal(&a->root, &b->root) && a->ended_clean == b->ended_clean &&
           a->has_previous == b->has_previous && a->previous_session == b->previous_session &&
           strcmp(a->previous_nonce, b->previous_nonce) == 0 && a->previous_number == b->previous_number;
}

static void
a_state_comes_back_from_either_slot(void)
{
    for (unsigned which = 0; which < WIRE_SLOTS; which++) {
        uint8_t file[WIRE_SLOT_FILE] = { 0 };
        const struct wire_slot s = state(4);
        struct wire_slot got;
        unsigned at = 9;
        bool damaged = true;

        wire_slot_encode(&s, file + (size_t)which * WIRE_SLOT_SIZE);
        CHECK_INT(wire_slot_decode(file, &got, &at, &damaged), 0);
        CHECK(same(&got, &s));
        CHECK_INT(at, which);
        CHECK(!damaged);
    }
}

static void
a_first_state_without_a_session_before_comes_back(void)
{
    uint8_t file[WIRE_SLOT_FILE] = { 0 };
    const struct wire_slot s = { .generation = 1, .host = "a", .session = 1 };
    struct wire_slot got;
    unsigned at;

    wire_slot_encode(&s, file);
    CHECK_INT(wire_slot_decode(file, &got, &at, NULL), 0);
    CHECK(same(&got, &s));
}

/* A write of new over old, torn so that `done` bytes of one end are new. */
static void
torn_write(uint8_t *slot, const uint8_t *new_bytes, size_t done, bool from_the_end)
{
    size_t at = from_the_end ? WIRE_SLOT_SIZE - done : 0;

    memcpy(slot + at, new_bytes + at, done);
}

/* The order of SPEC.md, section 5: the other slot first, then the old one, each torn at every byte. */
static void
a_write_torn_at_any_byte_leaves_the_old_or_the_new_state(void)
{
    for (unsigned first = 0; first < WIRE_SLOTS; first++) {
        for (unsigned end = 0; end < 2; end++) {
            const struct wire_slot before = state(6);
            const struct wire_slot after = state(7);
            uint8_t old_bytes[WIRE_SLOT_SIZE];
            uint8_t new_bytes[WIRE_SLOT_SIZE];

            wire_slot_encode(&before, old_bytes);
            wire_slot_encode(&after, new_bytes);
            for (size_t done = 0; done <= 2 * (size_t)WIRE_SLOT_SIZE; done++) {
                uint8_t file[WIRE_SLOT_FILE];
                uint8_t *other = file + (size_t)first * WIRE_SLOT_SIZE;
                uint8_t *current = file + (size_t)!first * WIRE_SLOT_SIZE;
                struct wire_slot got;
                unsigned at;

                memcpy(file, old_bytes, WIRE_SLOT_SIZE);
                memcpy(file + WIRE_SLOT_SIZE, old_bytes, WIRE_SLOT_SIZE);
                torn_write(other, new_bytes, done < WIRE_SLOT_SIZE ? done : WIRE_SLOT_SIZE, end);
                if (done > WIRE_SLOT_SIZE) {
                    torn_write(current, new_bytes, done - WIRE_SLOT_SIZE, end);
                }
                CHECK_INT(wire_slot_decode(file, &got, &at, NULL), 0);
                CHECK(same(&got, done < WIRE_SLOT_SIZE ? &before : &after) ||
                        (done < WIRE_SLOT_SIZE && same(&got, &after) &&
                                memcmp(other, new_bytes, WIRE_SLOT_SIZE) == 0));
            }
        }
    }
}

static void
any_changed_byte_makes_a_slot_invalid(void)
{
    const struct wire_slot s = state(3);
    uint8_t file[WIRE_SLOT_FILE] = { 0 };

    wire_slot_encode(&s, file);
    for (size_t i = 0; i < WIRE_SLOT_SIZE; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct wire_slot got = state(1);
            unsigned at;

            file[i] = (uint8_t)(file[i] ^ 1u << bit);
            CHECK_INT(wire_slot_decode(file, &got, &at, NULL), WIRE_SLOT_E_DAMAGED);
            CHECK_INT(got.generation, 1);
            file[i] = (uint8_t)(file[i] ^ 1u << bit);
        }
    }
}

static void
seal_slot(uint8_t *slot)
{
    wire_hash(slot, WIRE_SLOT_SIZE - WIRE_HASH_SIZE, slot + WIRE_SLOT_SIZE - WIRE_HASH_SIZE);
}

/* Fields that no writer makes are refused even when the check is good. */
static void
a_good_check_over_bad_fields_is_refused(void)
{
    static const struct {
        size_t at;
        uint8_t value;
        int result;
    } change[] = { { 0, 'X', WIRE_SLOT_E_DAMAGED }, { 8, 0, WIRE_SLOT_E_DAMAGED },
        { 8, 1, WIRE_SLOT_E_DAMAGED }, { 8, 3, WIRE_SLOT_E_VERSION }, { 12, 0xFF, WIRE_SLOT_E_DAMAGED },
        { 12, 0, WIRE_SLOT_E_DAMAGED }, { 16, 0, WIRE_SLOT_E_DAMAGED }, { 24, 'W', WIRE_SLOT_E_DAMAGED },
        { 24, 0, WIRE_SLOT_E_DAMAGED }, { 38, 'x', WIRE_SLOT_E_DAMAGED }, { 39, 'x', WIRE_SLOT_E_DAMAGED },
        { 83, 1, WIRE_SLOT_E_DAMAGED }, { 84, 'U', WIRE_SLOT_E_DAMAGED }, { 88, 'A', WIRE_SLOT_E_DAMAGED },
        { 92, 1, WIRE_SLOT_E_DAMAGED }, { 4063, 1, WIRE_SLOT_E_DAMAGED }, { 40, 99, 0 } };

    for (unsigned i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
        const struct wire_slot s = state(2);
        uint8_t file[WIRE_SLOT_FILE] = { 0 };
        struct wire_slot got;
        unsigned at;

        wire_slot_encode(&s, file);
        file[change[i].at] = change[i].value;
        seal_slot(file);
        CHECK_INT(wire_slot_decode(file, &got, &at, NULL), change[i].result);
    }
}

/* Who is paired already need not pair again, and after the next write nothing names the program. */
static void
a_state_of_the_first_version_is_read_and_not_written(void)
{
    static const char name[8] = { 'T', 'O', 'C', 'S', 'N', 'S', 'E', 'S' };
    const struct wire_slot s = state(3);
    uint8_t file[WIRE_SLOT_FILE] = { 0 };
    struct wire_slot got;
    unsigned at;

    for (uint8_t version = 0; version < 5; version++) {
        wire_slot_encode(&s, file);
        CHECK(memcmp(file, name, sizeof(name)) != 0 && file[8] == 2);
        memcpy(file, name, sizeof(name));
        file[8] = version;
        seal_slot(file);
        CHECK_INT(wire_slot_decode(file, &got, &at, NULL), version == 1  ? 0
                                                           : version > 2 ? WIRE_SLOT_E_VERSION
                                                                         : WIRE_SLOT_E_DAMAGED);
        CHECK(version != 1 || same(&got, &s));
    }
}

static void
blank_damaged_and_later_files_are_told_apart(void)
{
    const struct wire_slot s = state(5);
    uint8_t file[WIRE_SLOT_FILE] = { 0 };
    struct wire_slot got;
    unsigned at;
    bool damaged;

    CHECK_INT(wire_slot_decode(file, &got, &at, &damaged), WIRE_SLOT_E_BLANK);
    file[5000] = 1;
    CHECK_INT(wire_slot_decode(file, &got, &at, &damaged), WIRE_SLOT_E_DAMAGED);
    wire_slot_encode(&s, file);
    CHECK_INT(wire_slot_decode(file, &got, &at, &damaged), 0);
    CHECK(damaged);
    wire_slot_encode(&s, file + WIRE_SLOT_SIZE);
    CHECK_INT(wire_slot_decode(file, &got, &at, &damaged), 0);
    CHECK(!damaged);
    CHECK_INT(at, 0);
    file[WIRE_SLOT_SIZE + 8] = 9;
    seal_slot(file + WIRE_SLOT_SIZE);
    CHECK_INT(wire_slot_decode(file, &got, &at, &damaged), WIRE_SLOT_E_VERSION);
}

static void
two_states_of_one_generation_are_reported(void)
{
    struct wire_slot s = state(5);
    uint8_t file[WIRE_SLOT_FILE];
    struct wire_slot got;
    unsigned at;
    bool damaged;

    wire_slot_encode(&s, file);
    s.session++;
    wire_slot_encode(&s, file + WIRE_SLOT_SIZE);
    CHECK_INT(wire_slot_decode(file, &got, &at, &damaged), 0);
    CHECK(damaged);
    CHECK_INT(at, 0);
}

int
main(void)
{
    CHECK_RUN(a_state_comes_back_from_either_slot);
    CHECK_RUN(a_first_state_without_a_session_before_comes_back);
    CHECK_RUN(a_write_torn_at_any_byte_leaves_the_old_or_the_new_state);
    CHECK_RUN(any_changed_byte_makes_a_slot_invalid);
    CHECK_RUN(a_good_check_over_bad_fields_is_refused);
    CHECK_RUN(a_state_of_the_first_version_is_read_and_not_written);
    CHECK_RUN(blank_damaged_and_later_files_are_told_apart);
    CHECK_RUN(two_states_of_one_generation_are_reported);
    return check_result();
}
