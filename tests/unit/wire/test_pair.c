/* The pairing code as a person reads it out and types it. */
#include "lab.h"
#include "wire/base32.h"
#include "wire/pair.h"

static void
draw(struct lab_random *random, uint8_t bytes[WIRE_PAIR_RANDOM])
{
    for (unsigned i = 0; i < WIRE_PAIR_RANDOM; i++) {
        bytes[i] = (uint8_t)lab_draw(random, 256);
    }
}

static int
parse(const char *text, char secret[WIRE_PAIR_CHARS], size_t *at)
{
    return wire_pair_parse(text, strlen(text), secret, at);
}

static void
a_code_comes_back_however_it_is_typed(void)
{
    struct lab_random random = { .state = 5 };

    for (unsigned round = 0; round < 5000; round++) {
        uint8_t bytes[WIRE_PAIR_RANDOM];
        char code[WIRE_PAIR_TEXT + 1];
        char typed[200];
        char want[WIRE_PAIR_CHARS];
        char got[WIRE_PAIR_CHARS];
        size_t n = 0;
        size_t at;

        draw(&random, bytes);
        wire_pair_make(bytes, code);
        wire_base32(bytes, WIRE_PAIR_CHARS, want);
        CHECK_INT(strlen(code), WIRE_PAIR_TEXT);
        for (unsigned i = 0; i < WIRE_PAIR_TEXT; i++) {
            static const char *const stands_for[2] = { "oO0", "iIlL1" };
            char c = code[i];

            CHECK((i % 5 == 4) == (c == '-'));
            while (lab_draw(&random, 4) == 0 && n < 150) {
                typed[n++] = "- \t"[lab_draw(&random, 3)];
            }
            if (c == '0' || c == '1') {
                c = stands_for[c - '0'][lab_draw(&random, c == '0' ? 3 : 5)];
            } else if (c >= 'A' && lab_draw(&random, 2)) {
                c = (char)(c - 'A' + 'a');
            }
            typed[n++] = c;
        }
        typed[n] = '\0';
        CHECK_INT(parse(typed, got, &at), 0);
        CHECK_MEM(got, want, WIRE_PAIR_CHARS);
    }
}

static void
one_mistyped_character_is_refused_but_for_one_in_a_thousand(void)
{
    struct lab_random random = { .state = 6 };
    unsigned accepted = 0;
    unsigned all = 0;

    for (unsigned round = 0; round < 100; round++) {
        uint8_t bytes[WIRE_PAIR_RANDOM];
        char code[WIRE_PAIR_TEXT + 1];
        char secret[WIRE_PAIR_CHARS];
        size_t at;

        draw(&random, bytes);
        wire_pair_make(bytes, code);
        for (unsigned i = 0; i < WIRE_PAIR_TEXT; i++) {
            for (char c = '0'; c <= 'Z' && code[i] != '-'; c++) {
                char was = code[i];

                if (wire_base32_value(c) >= 0 && c != was) {
                    code[i] = c;
                    memset(secret, '?', sizeof(secret));
                    accepted += parse(code, secret, &at) == 0;
                    all++;
                    code[i] = was;
                }
            }
        }
    }
    CHECK_INT(all, 100 * 28 * 31);
    printf("mistyped codes accepted: %u of %u\n", accepted, all);
    CHECK(accepted <= all / 500);
}

static void
errors_say_where(void)
{
    const uint8_t bytes[WIRE_PAIR_RANDOM] = { 1, 2, 3 };
    char code[WIRE_PAIR_TEXT + 2];
    char secret[WIRE_PAIR_CHARS] = "unchanged";
    size_t at = 99;

    wire_pair_make(bytes, code);
    code[7] = 'U';
    CHECK_INT(parse(code, secret, &at), WIRE_PAIR_E_CHAR);
    CHECK_INT(at, 7);
    wire_pair_make(bytes, code);
    code[WIRE_PAIR_TEXT - 1] = '\0';
    CHECK_INT(parse(code, secret, &at), WIRE_PAIR_E_SIZE);
    CHECK_INT(at, 27);
    CHECK_INT(parse("", secret, &at), WIRE_PAIR_E_SIZE);
    CHECK_INT(at, 0);
    wire_pair_make(bytes, code);
    code[WIRE_PAIR_TEXT] = '0';
    code[WIRE_PAIR_TEXT + 1] = '\0';
    CHECK_INT(parse(code, secret, &at), WIRE_PAIR_E_SIZE);
    CHECK_INT(at, 29);
    wire_pair_make(bytes, code);
    code[0] = code[0] == 'A' ? 'B' : 'A';
    CHECK_INT(parse(code, secret, &at), WIRE_PAIR_E_CHECK);
    CHECK_STR(secret, "unchanged");
}

int
main(void)
{
    CHECK_RUN(a_code_comes_back_however_it_is_typed);
    CHECK_RUN(one_mistyped_character_is_refused_but_for_one_in_a_thousand);
    CHECK_RUN(errors_say_where);
    return check_result();
}
