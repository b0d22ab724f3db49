/* Whatever notices say, the mail has the headers that are ours and no line of it is longer than RFC 5322
 * allows. */
#include "fuzz_notice.h"

#include "belfry/notify/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct message_envelope envelope = {
        .from = "a@b", .to = { "c@d" }, .count = 1, .hostname = "h"
    };
    static const char *const headers[] = { "From: ", "To: ", "Subject: ", "Date: ", "Message-ID: ",
        "References: ", "Auto-Submitted: ", "MIME-Version: ", "Content-Type: ",
        "Content-Transfer-Encoding: " };
    static struct notice notice[2];
    static char text[MESSAGE_MAX];
    const struct notice *list[2] = { &notice[0], &notice[1] };
    const char *at = text;
    unsigned count = size > 0 && data[0] % 2 == 1 ? 2 : 1;

    take_notice(&notice[0], data, data + size / count);
    take_notice(&notice[1], data + size / 2, data + size);
    check(message_write(text, &envelope, list, count) == strlen(text));
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (count == 2 && i == 5) {
            continue;
        }
        check(strncmp(at, headers[i], strlen(headers[i])) == 0);
        at = strchr(at, '\n') + 1;
    }
    check(*at == '\n');
    while (*at != '\0') {
        size_t len = strcspn(at, "\n");

        check(len <= 200 && at[len] == '\n');
        check(len == 0 || strncmp(at, "    ", 4) == 0 || strncmp(at, "alarm ", 6) == 0);
        for (size_t i = 0; i < len; i++) {
            check(at[i] >= 0x20 && at[i] <= 0x7E);
        }
        at += len + 1;
    }
    return 0;
}
