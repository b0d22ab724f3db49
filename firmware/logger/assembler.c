#include "logger/assembler.h"

#include <string.h>

#include "usb/count.h"

#define SEAL_CHARS (1 + WIRE_TAG_CHARS + WIRE_CHECK_CHARS) /* ~, tag and check */
#define HEAD_SURE 3                                        /* "!1 ": a line of ours began here */

void
assembler_init(struct assembler *a)
{
    memset(a, 0, sizeof(*a));
}

/* What has come of a line will not become one. */
static void
give_up(struct assembler *a)
{
    count_add(&a->counts.rubbish, a->len);
    if (a->len >= HEAD_SURE && memcmp(a->bytes, "!1 ", HEAD_SURE) == 0) {
        count_add(&a->counts.torn, 1);
    }
    a->len = 0;
    a->seal = 0;
}

static void
begin(struct assembler *a)
{
    give_up(a);
    a->bytes[0] = '!';
    a->len = 1;
}

/* One more byte of a line that has begun. True when its seal is complete. */
static bool
take(struct assembler *a, char c)
{
#ifdef PLANT_ASSEMBLER
    if (c < 0x20 || c > 0x7E) {
#else
    if (c < 0x20 || c > 0x7E || a->len == sizeof(a->bytes)) {
#endif
        give_up(a);
        count_add(&a->counts.rubbish, 1);
        return false;
    }
    a->bytes[a->len++] = c;
    if (c == '~') {
        a->seal = 1;
    } else if (a->seal > 0) {
        a->seal++;
    }
    return a->seal == SEAL_CHARS;
}

static bool
judge(struct assembler *a, struct wire_line *line)
{
    bool good = wire_line_parse(a->bytes, a->len, line) == 0;

    if (good) {
        count_add(&a->counts.lines, 1);
    } else {
        count_add(&a->counts.bad, 1);
        count_add(&a->counts.rubbish, a->len);
    }
    a->len = 0;
    a->seal = 0;
    return good;
}

size_t
assembler_feed(struct assembler *a, const uint8_t *src, size_t len, struct wire_line *line, bool *found)
{
    size_t taken = 0;

    *found = false;
    while (taken < len && !*found) {
        char c = (char)src[taken++];

        if (c == '!') {
            begin(a);
        } else if (a->len == 0) {
            count_add(&a->counts.rubbish, 1);
        } else if (take(a, c)) {
            *found = judge(a, line);
        }
    }
    count_add(&a->counts.bytes, (uint32_t)taken);
    return taken;
}
