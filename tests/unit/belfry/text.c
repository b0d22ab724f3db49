#include "support/check.h"

#include "belfry/beside.h"
#include "belfry/ctl/request.h"
#include "belfry/events.h"
#include "belfry/out.h"
#include "belfry/text.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
fit_to_print(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

static void
no_byte_reaches_a_terminal_unless_it_is_printable(void)
{
    char src[256];
    char out[2000];

    for (int i = 0; i < 256; i++) {
        src[i] = (char)i;
    }
    for (size_t size = 24; size < sizeof out; size++) {
        size_t n = text_detail(out, size, src, sizeof src);

        CHECK(n < size && strlen(out) == n && fit_to_print(out, n));
    }
    for (int i = 1; i < 256; i++) {
        char one[2] = { (char)i, '\0' };
        size_t n = text_json(out, sizeof out, one);

        CHECK(fit_to_print(out, n) && out[0] == '"' && out[n - 1] == '"');
    }
}

static void
escapes_of_a_sealed_line_stay_as_they_are(void)
{
    static const char text[] = "path=/tmp/a%20b%1B%5B2J mode=0644>0600 %% %";
    char out[200];

    CHECK_INT(text_detail(out, sizeof out, text, strlen(text)), strlen(text));
    CHECK_STR(out, text);
}

static void
an_event_is_one_line_of_nine_fields_whatever_is_in_it(void)
{
    struct record r;
    char out[EVENTS_TEXT];

    memset(&r, 0, sizeof r);
    r.kind = RECORD_LINE;
    r.seen_us = 1795301987584492;
    (void)snprintf(r.line, sizeof r.line, "%s", "web");
    (void)snprintf(r.host, sizeof r.host, "%s", "web03");
    (void)snprintf(r.code, sizeof r.code, "%s", "integrity.changed");
    (void)snprintf(r.nonce, sizeof r.nonce, "%s", "K3QF");
    r.severity = WIRE_CRIT;
    r.session = 17;
    r.first = r.last = 42;
    for (int i = 1; i < 256; i++) {
        size_t n;
        int tabs = 0;

        memset(r.detail, i, 100);
        n = events_record(out, &r);
        for (size_t k = 0; k < n; k++) {
            tabs += out[k] == '\t';
        }
        CHECK_INT(tabs, 8);
        CHECK(out[n - 1] == '\n' && memchr(out, '\n', n - 1) == NULL && memchr(out, 27, n) == NULL);
    }
    (void)snprintf(r.detail, sizeof r.detail, "%s", "path=/x");
    CHECK_INT(events_record(out, &r), strlen(out));
    CHECK_STR(out, "EVENT\t1795301987584492\tweb\tweb03\tOK\tCRIT\tintegrity.changed\t17-K3QF.42\tpath=/x\n");
    r.kind = RECORD_EVENT;
    r.verdict = WIRE_GAP;
    r.last = 45;
    (void)events_record(out, &r);
    CHECK(strstr(out, "\tGAP\tWARN\tbelfry.gap\t17-K3QF.42-45\t") != NULL);
    r.verdict = WIRE_SILENT;
    (void)events_record(out, &r);
    CHECK(strstr(out, "\tSILENT\tCRIT\tbelfry.silent\t17-K3QF\t") != NULL);
}

static void
times_are_read_in_the_forms_that_are_documented(void)
{
    int64_t ms = 0;
    char out[TEXT_TIME];

    CHECK(text_time_parse("2026-11-21", 0, &ms));
    CHECK_STR(text_time(ms, out), "2026-11-21T00:00:00.000Z");
    CHECK(text_time_parse("2026-11-21T19:34", 0, &ms));
    CHECK(text_time_parse("2026-11-21T19:34:05Z", 0, &ms));
    CHECK_STR(text_time(ms + 7, out), "2026-11-21T19:34:05.007Z");
    CHECK(text_time_parse("90s", 100000, &ms));
    CHECK_INT(ms, 10000);
    CHECK(text_time_parse("2d", 200000000, &ms));
    CHECK_INT(ms, 200000000 - 172800000);
    CHECK(!text_time_parse("", 0, &ms));
    CHECK(!text_time_parse("yesterday", 0, &ms));
    CHECK(!text_time_parse("2026-11-21x", 0, &ms));
    CHECK(!text_time_parse("5", 0, &ms));
    CHECK(!text_time_parse("99999999999d", 0, &ms));
}

static void
a_request_that_was_composed_is_parsed_and_no_other(void)
{
    static const char *const wrong[] = { "", "status ", " status", "statu", "ack", "ack 1", "ack 1 ",
        "ack x me", "ack 1 me you", "ack -1 me", "ack 1  me", "ack 9999999999999999999 me", "ack 1 \033[2J",
        "ack 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "status x", "hosts -1", "hosts 1 2", "recent 3", "beat" };
    struct ctl_request r = { .what = CTL_ACK, .alarm = 12345678901 };
    struct ctl_request back;
    char out[CTL_REQUEST_MAX];
    size_t n;

    (void)snprintf(r.by, sizeof r.by, "%s", "me%20you");
    n = ctl_compose(&r, out);
    CHECK(ctl_parse(out, n - 1, &back));
    CHECK_INT(back.what, CTL_ACK);
    CHECK_INT(back.alarm, r.alarm);
    CHECK_STR(back.by, r.by);
    CHECK(ctl_parse("status", 6, &back));
    CHECK_INT(back.what, CTL_STATUS);
    r = (struct ctl_request){ .what = CTL_BEATS, .from = 4711 };
    n = ctl_compose(&r, out);
    CHECK(ctl_parse(out, n - 1, &back));
    CHECK_INT(back.what, CTL_BEATS);
    CHECK_INT(back.from, 4711);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!ctl_parse(wrong[i], strlen(wrong[i]), &back));
    }
}

/* Left to itself, a message to a full pipe would hold up every line. */
static void
a_warning_to_a_pipe_that_nobody_reads_does_not_block(void)
{
    char waste[4096] = "";
    int pipe_fd[2] = { -1, -1 };
    int kept = dup(STDERR_FILENO);

    CHECK(kept >= 0 && pipe(pipe_fd) == 0);
    (void)fcntl(pipe_fd[1], F_SETFL, O_NONBLOCK);
    while (write(pipe_fd[1], waste, sizeof waste) > 0) {
    }
    (void)fcntl(pipe_fd[1], F_SETFL, 0);
    (void)dup2(pipe_fd[1], STDERR_FILENO);
    (void)alarm(20);
    out_warn("nobody reads this");
    (void)alarm(0);
    while (read(pipe_fd[0], waste, sizeof waste) == (ssize_t)sizeof waste &&
            poll(&(struct pollfd){ .fd = pipe_fd[0], .events = POLLIN }, 1, 0) == 1) {
    }
    out_warn("this is %s", "read");
    ssize_t n = read(pipe_fd[0], waste, sizeof waste - 1);
    (void)dup2(kept, STDERR_FILENO);
    waste[n > 0 ? n : 0] = '\0';
    CHECK_STR(waste, "belfry: this is read\n");
    (void)close(kept);
    (void)close(pipe_fd[0]);
    (void)close(pipe_fd[1]);
}

static void
a_program_that_is_not_there_is_told_of_once(void)
{
    static char name[] = "belfry-none";
    char *argv[] = { name, NULL };
    struct beside b = { .fd = -1, .pid = -1 };
    char said[1024];
    char byte;
    int pipe_fd[2] = { -1, -1 };
    int kept = dup(STDERR_FILENO);

    CHECK(kept >= 0 && pipe(pipe_fd) == 0 && dup2(pipe_fd[1], STDERR_FILENO) == STDERR_FILENO);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(beside_start(&b, name, argv, SOCK_STREAM), 0);
        struct pollfd p = { .fd = b.fd, .events = POLLIN };
        CHECK(poll(&p, 1, 20000) == 1 && recv(b.fd, &byte, 1, 0) == 0);
        CHECK(b.absent);
        beside_stop(&b);
    }
    (void)dup2(kept, STDERR_FILENO);
    (void)close(kept);
    (void)close(pipe_fd[1]);
    ssize_t n = read(pipe_fd[0], said, sizeof said - 1);
    said[n > 0 ? n : 0] = '\0';
    CHECK_STR(said, "belfry: belfry-none, which belongs beside this program, cannot be run: "
                    "No such file or directory\n");
    (void)close(pipe_fd[0]);
}

static void
only_one_of_a_thing_is_no_plural(void)
{
    CHECK_STR(text_s(0), "s");
    CHECK_STR(text_s(1), "");
    CHECK_STR(text_s(2), "s");
}

int
main(void)
{
    CHECK_RUN(a_warning_to_a_pipe_that_nobody_reads_does_not_block);
    CHECK_RUN(no_byte_reaches_a_terminal_unless_it_is_printable);
    CHECK_RUN(escapes_of_a_sealed_line_stay_as_they_are);
    CHECK_RUN(an_event_is_one_line_of_nine_fields_whatever_is_in_it);
    CHECK_RUN(a_program_that_is_not_there_is_told_of_once);
    CHECK_RUN(only_one_of_a_thing_is_no_plural);
    CHECK_RUN(times_are_read_in_the_forms_that_are_documented);
    CHECK_RUN(a_request_that_was_composed_is_parsed_and_no_other);
    return check_result();
}
