#include "proc/message.h"
#include "proc/rights.h"
#include "wire/base32.h"
#include "wire/talk.h"
#include <string.h>
#include <sys/socket.h>

static const char *const role_names[ROLES] = { "warden", "core", "wire", "fscheck", "procscan", "netwatch",
    "courier", "opener" };

const char *
role_name(enum role role)
{
    return role_names[role];
}

enum role
role_from(const char *name)
{
    for (unsigned i = 0; i < ROLES; i++) {
        if (strcmp(name, role_names[i]) == 0 || (name[0] == (char)('0' + i) && name[1] == '\0')) {
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
    return m.kind == LINE_CORE_ALIVE || m.kind == LINE_GOODBYE || m.kind == LINE_ASK || m.len > 0;
}

static bool
word_valid(const char word[WIRE_WORD])
{
    size_t len = strnlen(word, WIRE_WORD);

    return len < WIRE_WORD && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool
message_wire_valid(const void *message, size_t len)
{
    struct wire_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.kind < WIRE_KINDS && m.number <= WIRE_NUMBER_MAX && word_valid(m.word) &&
           (m.kind != WIRE_SAYS_TAMPERED || m.word[0] != '\0');
}

static bool
settings_valid(const char settings[WIRE_SETTINGS])
{
    size_t len = strnlen(settings, WIRE_SETTINGS);

    for (size_t i = 0; i < len; i++) {
        if (settings[i] < 0x20 || settings[i] > 0x7E) {
            return false;
        }
    }
    return len < WIRE_SETTINGS;
}

bool
message_wire_status_valid(const void *message, size_t len)
{
    struct wire_status m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == WIRE_STATUS_MAGIC && m.open <= 1 && settings_valid(m.settings);
}

bool
message_device_valid(const void *message, size_t len)
{
    struct device_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == DEVICE_MAGIC;
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
message_base_valid(const void *message, size_t len)
{
    struct base_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == BASE_MAGIC && m.none <= 1;
}

bool
message_address_valid(const void *message, size_t len)
{
    struct address_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == ADDRESS_MAGIC && (m.family == AF_INET || m.family == AF_INET6);
}

bool
message_request_valid(const void *message, size_t len)
{
    struct ctl_request m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == CTL_MAGIC && m.kind < CTL_KINDS && (m.kind != CTL_RING || m.from <= CTL_RING_MOST);
}

bool
message_reply_valid(const void *message, size_t len)
{
    struct ctl_reply m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == CTL_MAGIC && m.state < CTL_STATES && m.network <= 1 && m.channels <= CONF_CHANNELS &&
           (m.network == 1 || m.channel < m.channels) && word_valid(m.why);
}

bool
message_channel_valid(const void *message, size_t len)
{
    struct ctl_channel m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == CTL_MAGIC && m.state < CTL_STATES && m.running <= 1 && m.answers <= 1 && m.open <= 1 &&
           m.error >= 0 && m.state_ms >= 0 && m.line_ms >= -1 && m.error_ms >= -1 && word_valid(m.why) &&
           settings_valid(m.settings);
}

bool
message_rights_valid(const void *message, size_t len)
{
    struct ctl_rights m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    for (unsigned i = 0; i < CTL_PROCESSES; i++) {
        if (m.process[i] != 0 && (m.process[i] & ~RIGHTS_ALL) != CTL_RIGHTS_KNOWN) {
            return false;
        }
    }
    return m.magic == CTL_MAGIC;
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

bool
message_net_valid(const void *message, size_t len)
{
    struct ctl_net m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.magic == CTL_MAGIC && m.used <= 1 && m.courier <= 1 && m.up <= 1 && m.unsaved <= 1 &&
           m.state < NET_STATES && m.why <= NET_WHY_SILENCE && m.route_bad <= 1 &&
           m.closed <= WIRE_CLOSE_REASONS && (m.family == 0 || m.family == AF_INET || m.family == AF_INET6) &&
           m.error >= 0 && m.state_ms >= 0 && m.ack_ms >= -1 && m.route_ms >= 0;
}

static bool
token_valid(const uint8_t *token)
{
    for (unsigned i = 0; i < WIRE_TALK_TOKEN_CHARS; i++) {
        if (wire_base32_value((char)token[i]) < 0) {
            return false;
        }
    }
    return true;
}

static bool
courier_values_valid(const struct courier_message *m)
{
    switch ((enum courier_kind)m->kind) {
    case COURIER_PATH:
        return token_valid(m->bytes);
    case COURIER_UP:
    case COURIER_ADDRESS:
        return m->bytes[0] == AF_INET || m->bytes[0] == AF_INET6;
    case COURIER_KEPT:
    case COURIER_DROPPED:
        return m->value >= 0;
    default:
        return true;
    }
}

bool
message_courier_valid(const void *message, size_t len)
{
    struct courier_message m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.kind < COURIER_KINDS && m.number <= WIRE_NUMBER_MAX &&
           memchr(m.nonce, '\0', sizeof(m.nonce)) != NULL && courier_values_valid(&m);
}

bool
message_order_valid(const void *message, size_t len)
{
    struct courier_order m;

    if (len != sizeof(m)) {
        return false;
    }
    memcpy(&m, message, sizeof(m));
    return m.kind < COURIER_ORDERS && memchr(m.nonce, '\0', sizeof(m.nonce)) != NULL;
}
