/* Whatever a notice says, its message is read as one by the grammar of RFC 5424: header, one SD element,
 * text. */
#include "fuzz_notice.h"

#include "belfry/notify/rfc5424.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* ' ' NAME '="' VALUE '"', where '"', '\' and ']' in a value stand behind a '\'. Returns its end. */
static const char *
param(const char *at)
{
    at++;
    check(*at >= 'a' && *at <= 'z');
    at += strspn(at, "abcdefghijklmnopqrstuvwxyz");
    check(at[0] == '=' && at[1] == '"');
    for (at += 2; *at != '"'; at++) {
        check(*at != '\0' && *at != ']');
        if (*at == '\\') {
            at++;
            check(*at == '"' || *at == '\\' || *at == ']');
        }
    }
    return at + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rfc5424_from from = { .facility = 24, .hostname = "h", .pid = 1 };
    static struct notice n;
    char text[RFC5424_MAX];
    const char *at = text;
    size_t len;

    take_notice(&n, data, data + size);
    len = rfc5424_message(text, &from, &n);
    check(len == strlen(text) && len < RFC5424_MAX - 1);
    for (size_t i = 0; i < len; i++) {
        check(text[i] >= 0x20 && text[i] <= 0x7E);
    }
    for (unsigned field = 0; field < 6; field++) {
        at = strchr(at, ' ');
        check(at != NULL && at[1] != ' ');
        at++;
    }
    check(strncmp(at, "[tocsin@32473 ", 14) == 0);
    for (at += 13; *at == ' ';) {
        at = param(at);
    }
    check(at[0] == ']' && at[1] == ' ');
    return 0;
}
