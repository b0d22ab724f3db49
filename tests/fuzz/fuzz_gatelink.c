/* Messages between belfry and its gate: what is valid can be used without another look at its lengths. */
#include <string.h>

#include "belfry/gate/link.h"
#include "belfry/gate/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* A copy whose end is the end of what was received, so that reading on is seen. */
static void
use(const struct gate_message *m)
{
    char peer[GATE_PEER];

    check(m->len <= GATE_BYTES);
    if (m->kind == GATE_UP) {
        check(strlen(m->host) <= WIRE_HOST_MAX);
        check(m->len > GATE_EXPORT && m->len - GATE_EXPORT < sizeof(peer));
    }
    if (m->kind == GATE_LINES || m->kind == GATE_SAY) {
        size_t at = 0;
        unsigned lines = 0;

        while (at < m->len) {
            size_t len = gate_line_length((const char *)m->bytes + at, m->len - at);

            check(len > 0 && len <= WIRE_LINE_MAX && at + len < m->len);
            at += len + 1;
            lines++;
        }
        check(lines == m->count && lines > 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gate_message m;

    if (size > sizeof(m)) {
        return 0;
    }
    memset(&m, 0xA5, sizeof(m));
    memcpy(&m, data, size);
    if (gate_message_valid(&m, size)) {
        use(&m);
    }
    /* The length is the one field that has to fit what was received, so most inputs fail there. */
    if (size >= GATE_HEAD) {
        m.len = (uint16_t)(size - GATE_HEAD);
        m.kind %= GATE_KINDS;
        m.how %= GATE_HOWS;
        if (gate_message_valid(&m, size)) {
            use(&m);
        }
    }
    return 0;
}
