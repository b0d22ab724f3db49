/* Messages between belfry and its notifiers: what is valid can be used as text. And places in the
 * configuration. */
#include <string.h>

#include "belfry/notify/kinds.h"
#include "belfry/notify/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static void
look_at(const struct notify_message *m)
{
    const struct alarm *a = &m->of.notice.alarm;
    char number[NOTIFY_NUMBER];

    if (m->what == NOTIFY_LINE || m->what == NOTIFY_EVENT) {
        check(strnlen(m->of.row.record.detail, RECORD_DETAIL) < RECORD_DETAIL);
        return;
    }
    check(strnlen(a->host, sizeof a->host) < sizeof a->host &&
            strnlen(a->detail, RECORD_DETAIL) < RECORD_DETAIL);
    check(strnlen(a->acked_by, sizeof a->acked_by) < sizeof a->acked_by && a->severity < WIRE_SEVERITIES);
    check(strlen(notify_number(a, number)) < NOTIFY_NUMBER);
}

static void
look_at_place(const uint8_t *data, size_t size)
{
    struct notify_url url;
    char text[300];

    if (size >= sizeof text) {
        return;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (notify_url(text, &url)) {
        check(url.host[0] != '\0' && strlen(url.host) < sizeof url.host && url.scheme[0] != '\0');
        check(strlen(url.scheme) < sizeof url.scheme && (url.path[0] == '\0' || url.path[0] == '/'));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct notify_message m;
    static struct notify_answer a;

    look_at_place(data, size);
    memset(&a, 0xA5, sizeof a);
    memcpy(&a, data, size < sizeof a ? size : sizeof a);
    if (notify_answer_valid(&a, sizeof a)) {
        check(strnlen(a.why, sizeof a.why) < sizeof a.why);
    }
    /* Texts that were not said are whole, so that what was said decides. */
    memset(&m, 0, sizeof m);
    memcpy(&m, data, size < sizeof m ? size : sizeof m);
    m.what %= NOTIFY_WHATS;
    if (size >= 2 && size < sizeof m) {
        memset((char *)&m + size, data[size - 1], data[0] % 4 == 0 ? sizeof m - size : 0);
    }
    if (notify_message_valid(&m, notify_size(&m))) {
        look_at(&m);
    }
    return 0;
}
