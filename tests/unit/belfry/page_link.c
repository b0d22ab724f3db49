#include "belfry/page/link.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned answered;
static size_t answer_len;

static void
answer(void *to, const struct ctl_request *request, struct out *out)
{
    static char text[CTL_ANSWER_MAX];

    (void)to;
    (void)request;
    answered++;
    memset(text, 'x', sizeof text);
    (void)out_put(out, text, answer_len);
}

/* A link whose process is this test; returns the page's end. */
static int
link_to(struct page_link *p, const struct conf *conf)
{
    int pair[2];

    answered = 0;
    answer_len = 6;
    memset(p, 0, sizeof *p);
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    p->conf = conf;
    p->answer = answer;
    p->process = (struct beside){ .fd = pair[0], .pid = -1 };
    p->start_ms = INT64_MAX;
    CHECK_INT(out_socket(&p->out, pair[0], CTL_ANSWER_MAX), 0);
    return pair[1];
}

static void
say(int fd, const char *text)
{
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
}

static void
what_changes_something_is_not_for_the_page(void)
{
    static const char *const wrong[] = { "ack 1 me\n", "reload\n", "write tty 4\n", "take tty me\n",
        "nonsense\n", "\n" };
    static const char *const good[] = { "status\n", "hosts 128\n", "alarms\n", "recent\n", "beats 7\n" };
    static const struct conf conf = { .page.place = "127.0.0.1" };
    struct page_link p;
    char text[64];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int fd = link_to(&p, &conf);

        say(fd, good[i]);
        page_serve(&p, true, 1000);
        CHECK_INT(answered, 1);
        CHECK_INT(read(fd, text, sizeof text), 10);
        CHECK(memcmp(text, "xxxxxxend\n", 10) == 0);
        page_stop(&p);
        (void)close(fd);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int fd = link_to(&p, &conf);

        say(fd, wrong[i]);
        page_serve(&p, true, 1000);
        CHECK_INT(answered, 0);
        CHECK_INT(page_fd(&p), -1);
        CHECK_INT(read(fd, text, sizeof text), 0);
        (void)close(fd);
    }
}

static void
a_page_that_does_not_read_is_ended_and_waited_for_by_nobody(void)
{
    static const struct conf conf = { .page.place = "127.0.0.1" };
    struct page_link p;
    int fd = link_to(&p, &conf);
    int small = 4096;

    CHECK_INT(setsockopt(p.process.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    answer_len = CTL_ANSWER_MAX - 4;
    say(fd, "status\nstatus\n");
    page_serve(&p, true, 1000);
    page_serve(&p, true, 2000);
    CHECK_INT(answered, 1); /* the second waits until the first is taken */
    CHECK(p.out.len > 0 && page_fd(&p) >= 0);
    page_serve(&p, false, 1000 + PAGE_HANGS_MS - 1);
    CHECK(page_fd(&p) >= 0);
    page_serve(&p, false, 2000 + PAGE_HANGS_MS);
    CHECK_INT(page_fd(&p), -1);
    (void)close(fd);
}

static void
a_change_is_told_between_answers_and_once(void)
{
    static const struct conf conf = { .page.place = "127.0.0.1" };
    struct page_link p;
    char text[64];
    int fd = link_to(&p, &conf);

    p.changed = true;
    page_serve(&p, false, 1000);
    p.changed = true;
    say(fd, "recent\n");
    page_serve(&p, true, 1001);
    page_serve(&p, true, 1002);
    CHECK_INT(read(fd, text, sizeof text), 26);
    CHECK(memcmp(text, "changed\nchanged\nxxxxxxend\n", 26) == 0);
    page_stop(&p);
    (void)close(fd);
}

int
main(void)
{
    CHECK_RUN(what_changes_something_is_not_for_the_page);
    CHECK_RUN(a_page_that_does_not_read_is_ended_and_waited_for_by_nobody);
    CHECK_RUN(a_change_is_told_between_answers_and_once);
    return check_result();
}
