#include "proc/message.h"
#include <string.h>

static const char *const role_names[ROLES] = { "warden", "core", "wire", "fscheck", "procscan", "netwatch" };

const char *
role_name(enum role role)
{
    return role_names[role];
}

enum role
role_from(const char *name)
{
    for (unsigned i = 0; i < ROLES; i++) {
        if (strcmp(name, role_names[i]) == 0) {
            return (enum role)i;
        }
    }
    return ROLES;
}

bool
message_control_valid(const void *message, size_t len)
{
    struct control_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.kind < CONTROL_KINDS && m.role < ROLES && m.how < LOST_HOWS;
}

bool
message_line_valid(const void *message, size_t len)
{
    struct line_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
#ifdef PLANT_MESSAGES
    if (m.kind >= LINE_KINDS || m.number > WIRE_NUMBER_MAX) {
#else
    if (m.kind >= LINE_KINDS || m.number > WIRE_NUMBER_MAX || m.len > WIRE_LINE_MAX) {
#endif
        return false;
    }
    for (size_t i = 0; i < m.len; i++) {
        if (m.bytes[i] < 0x20 || m.bytes[i] > 0x7E) {
            return false;
        }
    }
    return m.kind == LINE_CORE_ALIVE || m.kind == LINE_GOODBYE || m.len > 0;
}

bool
message_wire_valid(const void *message, size_t len)
{
    struct wire_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.kind < WIRE_KINDS && m.number <= WIRE_NUMBER_MAX;
}

bool
message_ask_valid(const void *message, size_t len)
{
    struct ask_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == ASK_MAGIC;
}

bool
message_request_valid(const void *message, size_t len)
{
    struct ctl_request m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == CTL_MAGIC && m.kind < CTL_KINDS;
}

bool
message_reply_valid(const void *message, size_t len)
{
    struct ctl_reply m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == CTL_MAGIC && m.state < CTL_STATES && m.channel < m.channels;
}

bool
message_detector_valid(const void *message, size_t len)
{
    static const struct detector_status none; /* what stands where there is no detector */
    struct ctl_detector m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == CTL_MAGIC && m.next <= STATUS_DETECTORS &&
           (m.status.name[0] == '\0' ? m.next == 0 && memcmp(&m.status, &none, sizeof(none)) == 0
                                     : status_valid(&m.status, sizeof(m.status)));
}

bool
message_finding_valid(const void *message, size_t len)
{
    struct ctl_finding m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    if (m.magic != CTL_MAGIC || m.code >= FINDING_CODES || m.severity >= WIRE_SEVERITIES) {
        return false;
    }
    size_t text_len = strnlen(m.text, sizeof(m.text));
    return text_len < sizeof(m.text) && (text_len == 0 || wire_detail_valid(m.text, text_len));
}
