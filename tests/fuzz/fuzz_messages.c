#include "alarm/finding.h"
#include "alarm/open.h"
#include "alarm/tokens.h"
#include "proc/message.h"
#include "proc/rights.h"
#include "wire/line.h"
#include "wire/talk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * The hook-up messages between the agent's processes, as the receiver of each sees them: any bytes of any
 * length. A message that is said to be valid must be safe to use as its receiver uses it.
 */
static volatile unsigned sink;

static void
use_line(const uint8_t *data, size_t size)
{
    struct line_message m;
    char out[WIRE_LINE_MAX + 8];

    if (!message_line_valid(data, size)) {
        return;
    }
    memcpy(&m, data, sizeof(m));
    memcpy(out, m.bytes, m.len);
    memcpy(out + m.len, "\r\n", 2);
    sink += (unsigned)out[m.len / 2];
}

/* A valid finding's text is dealt out into lines that the wire takes. */
static void
use_finding(const uint8_t *data, size_t size)
{
    static struct open_table table;
    static int64_t now_ms;
    struct finding f;
    struct tokens tokens;
    char detail[WIRE_LINE_MAX];
    int64_t due_ms;
    size_t len;
    int lines = 0;

    if (!finding_valid(data, size)) {
        return;
    }
    memcpy(&f, data, sizeof(f));
    open_take(&table, &f);
    now_ms += 700;
    struct open_entry *e = open_next(&table, now_ms, &due_ms);
    if (e != NULL) {
        open_told(&table, e, 1, now_ms);
    }
    tokens_begin(&tokens, f.text);
    len = tokens_first(&tokens, 60, 7, detail, sizeof(detail));
    do {
        if (len > 60 || (len > 0 && !wire_detail_valid(detail, len)) || ++lines > 100) {
            abort();
        }
        len = tokens_more(&tokens, 60, 7, detail, sizeof(detail));
    } while (len > 0);
}

/* A valid message of each kind: the input changes it, so that it need not guess the size and the fixed
 * fields. */
union message {
    struct line_message line;
    struct finding finding;
    struct control_message control;
    struct ctl_reply reply;
    struct ctl_request request;
    struct wire_message wire;
    struct ask_message ask;
    struct address_message address;
    struct courier_message courier;
    struct courier_order order;
    struct base_message base;
    struct detector_status status;
    struct ctl_detector detector;
    struct ctl_finding open;
    struct ctl_net net;
    struct wire_status device_status;
    struct device_message device;
    struct ctl_channel channel;
    struct ctl_rights rights;
    uint8_t bytes[sizeof(struct ctl_detector) + sizeof(struct ctl_finding)];
};

static size_t
valid_message(unsigned kind, union message *m)
{
    memset(m, 0, sizeof(*m));
    switch (kind % 19) {
    case 0:
        memset(m->line.bytes, 'x', sizeof(m->line.bytes));
        m->line.len = 100;
        return sizeof(m->line);
    case 1:
        finding_begin(&m->finding, FINDING_INTEGRITY_CHANGED, "path", "/etc/passwd", 11);
        finding_addf(&m->finding, "mode", "0644>0666");
        return sizeof(m->finding);
    case 2:
        return sizeof(m->control);
    case 3:
        m->reply.magic = CTL_MAGIC;
        m->reply.channels = 2;
        return sizeof(m->reply);
    case 4:
        m->request.magic = CTL_MAGIC;
        return sizeof(m->request);
    case 5:
        m->ask.magic = ASK_MAGIC;
        return sizeof(m->ask);
    case 6:
        status_init(&m->status, "files");
        status_source(&m->status, "fanotify on %d file systems", 3);
        return sizeof(m->status);
    case 7:
        m->detector.magic = CTL_MAGIC;
        status_init(&m->detector.status, "files");
        return sizeof(m->detector);
    case 8:
        m->open.magic = CTL_MAGIC;
        memcpy(m->open.text, "path=/etc/passwd", sizeof("path=/etc/passwd"));
        return sizeof(m->open);
    case 9:
        m->address.magic = ADDRESS_MAGIC;
        m->address.family = AF_INET;
        return sizeof(m->address);
    case 10:
        memcpy(m->courier.bytes, "K3QFJ2A9", WIRE_TALK_TOKEN_CHARS);
        m->courier.kind = COURIER_PATH;
        return sizeof(m->courier);
    case 11:
        return sizeof(m->order);
    case 12:
        m->base.magic = BASE_MAGIC;
        return sizeof(m->base);
    case 13:
        m->net.magic = CTL_MAGIC;
        return sizeof(m->net);
    case 14:
        m->device_status.magic = WIRE_STATUS_MAGIC;
        memcpy(m->device_status.settings, "115200 8n1", sizeof("115200 8n1"));
        return sizeof(m->device_status);
    case 15:
        m->device.magic = DEVICE_MAGIC;
        return sizeof(m->device);
    case 16:
        m->channel.magic = CTL_MAGIC;
        memcpy(m->channel.why, "paper", sizeof("paper"));
        return sizeof(m->channel);
    case 17:
        m->rights.magic = CTL_MAGIC;
        m->rights.process[ROLE_CORE] = CTL_RIGHTS_KNOWN;
        return sizeof(m->rights);
    default:
        return sizeof(m->wire);
    }
}

/* A status is kept, handed on and printed. */
static void
use_status(const struct detector_status *s)
{
    static struct status_table table;

    status_keep(&table, s, 1);
    if (table.count > STATUS_DETECTORS || strlen(s->sources) >= STATUS_TEXT ||
            strlen(s->note) >= STATUS_TEXT) {
        abort();
    }
    sink += (unsigned)status_state_name((enum status_state)s->state)[0];
}

static void
use_answers(const uint8_t *data, size_t size)
{
    struct detector_status status;
    struct ctl_detector detector;
    struct ctl_finding open;
    struct ctl_net net;
    struct ctl_channel channel;
    struct wire_status device;
    struct ctl_rights rights;

    if (status_valid(data, size)) {
        memcpy(&status, data, sizeof(status));
        use_status(&status);
    }
    if (message_detector_valid(data, size)) {
        memcpy(&detector, data, sizeof(detector));
        use_status(&detector.status);
    }
    if (message_finding_valid(data, size)) {
        memcpy(&open, data, sizeof(open));
        sink += (unsigned)strlen(open.text) + (unsigned)finding_code_name((enum finding_code)open.code)[0] +
                (unsigned)wire_severity_name((enum wire_severity)open.severity)[0];
    }
    if (message_net_valid(data, size)) {
        memcpy(&net, data, sizeof(net));
        sink += (unsigned)netstate_name(net.state)[0] + (unsigned)netstate_why(net.why)[0];
        sink += net.closed != 0 ? (unsigned)wire_talk_reason_name((enum wire_talk_reason)(net.closed - 1))[0]
                                : 0;
    }
    if (message_channel_valid(data, size)) {
        memcpy(&channel, data, sizeof(channel));
        sink += (unsigned)strlen(channel.why) + (unsigned)strlen(channel.settings);
    }
    if (message_wire_status_valid(data, size)) {
        memcpy(&device, data, sizeof(device));
        sink += (unsigned)strlen(device.settings);
    }
    if (message_rights_valid(data, size)) {
        memcpy(&rights, data, sizeof(rights));
        for (unsigned i = 0; i < CTL_PROCESSES; i++) {
            if ((rights.process[i] & ~(CTL_RIGHTS_KNOWN | RIGHTS_ALL)) != 0) {
                abort();
            }
        }
    }
    sink += message_device_valid(data, size) ? 1 : 0;
    sink += message_ask_valid(data, size) || message_address_valid(data, size) ||
                            message_base_valid(data, size)
                    ? 1
                    : 0;
}

/* What the core says of a courier's message in a line is a line's detail. */
static void
use_courier(const uint8_t *data, size_t size)
{
    struct courier_message m;
    struct courier_order order;
    char detail[WIRE_TALK_TOKEN_CHARS + 8];

    if (message_courier_valid(data, size)) {
        memcpy(&m, data, sizeof(m));
        int len = snprintf(detail, sizeof(detail), "ch=%.*s", WIRE_TALK_TOKEN_CHARS, (const char *)m.bytes);
        if (m.kind == COURIER_PATH && !wire_detail_valid(detail, (size_t)len)) {
            abort();
        }
        sink += (unsigned)strlen(m.nonce);
    }
    if (message_order_valid(data, size)) {
        memcpy(&order, data, sizeof(order));
        sink += order.session;
    }
}

static void
use(const uint8_t *data, size_t size)
{
    struct control_message control;
    struct ctl_reply reply;

    use_line(data, size);
    use_finding(data, size);
    use_answers(data, size);
    use_courier(data, size);
    if (message_control_valid(data, size)) {
        memcpy(&control, data, sizeof(control));
        sink += (unsigned)role_name((enum role)control.role)[0];
    }
    if (message_reply_valid(data, size)) {
        memcpy(&reply, data, sizeof(reply));
        sink += reply.channels - reply.channel;
    }
    sink += message_wire_valid(data, size) || message_request_valid(data, size) ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union message m;

    use(data, size);
    if (size < 2) {
        return 0;
    }
    size_t len = valid_message(data[0], &m);
    for (size_t i = 1; i < size && i - 1 < len; i++) {
        m.bytes[i - 1] ^= data[i];
    }
    use(m.bytes, len);
    return 0;
}
