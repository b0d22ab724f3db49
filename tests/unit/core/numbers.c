#include "alarm/clock.h"
#include "proc/core.h"
#include "proc/link.h"
#include "support/check.h"
#include "support/core_alone.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A session whose numbers run out. This program is the core's wire, and puts it near the end: the 16 million
 * lines before are not written.
 */
#define WAIT_MS 20000
#define LEFT_DEPTH 11 /* 2^11 numbers are left */

static struct conf conf;
static struct core_alone alone;
static int wire;
static char written[1 << 16];
static size_t written_len;
static bool dismissed;

static void
turn(void)
{
    struct line_message m;

    core_alone_turn(&alone);
    while (link_receive(wire, &m, sizeof(m)) > 0) {
        const struct wire_message done = { .kind = WIRE_SAYS_DONE, .number = m.number };

        dismissed = dismissed || m.kind == LINE_GOODBYE;
        if (m.kind == LINE_WRITE) {
            CHECK(written_len + m.len + 2 < sizeof(written));
            written_len +=
                    (size_t)snprintf(written + written_len, WIRE_LINE_MAX + 2, "%.*s\n", (int)m.len, m.bytes);
            link_send(wire, &done, sizeof(done));
        }
    }
    poll(NULL, 0, 5);
}

static bool
comes(const char *text)
{
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        if (strstr(written, text) != NULL) {
            return true;
        }
    }
    printf("never \"%s\" in:\n%s", text, written);
    return false;
}

/* The keys are others than they should be: nobody proves these lines. */
static bool
leave_few_numbers(void)
{
    struct wire_tree tree = { .level = { WIRE_TREE_DEPTH - LEFT_DEPTH },
        .depth = WIRE_TREE_DEPTH,
        .count = 1,
        .next = WIRE_NUMBER_MAX + 1 - (1u << LEFT_DEPTH) };
    struct iovec from = { .iov_base = &tree, .iov_len = sizeof(tree) };
    struct iovec to = { .iov_base = &core.session.tree, .iov_len = sizeof(tree) };
    int status;

    kill(alone.pid, SIGSTOP);
    waitpid(alone.pid, &status, WUNTRACED);
    bool left = process_vm_writev(alone.pid, &from, 1, &to, 1, 0) == (ssize_t)sizeof(tree);
    kill(alone.pid, SIGCONT);
    return left;
}

static void
a_session_ends_by_itself_with_a_goodbye_before_its_numbers_are_used_up(void)
{
    int status = -1;

    core_alone_start(&alone, &conf, true);
    wire = core_alone_wire(&alone, 0);
    CHECK(comes("agent.beat"));
    CHECK(leave_few_numbers());
    CHECK(comes("agent.stop why=numbers"));
    for (int64_t until = clock_boot_ms() + WAIT_MS;
            !core_alone_ended(&alone, &status) && clock_boot_ms() < until;) {
        turn();
    }
    turn();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(dismissed);
    close(wire);
}

int
main(void)
{
    if (geteuid() != 0) {
        return CHECK_SKIPPED;
    }
    conf_init(&conf, NULL, NULL);
    snprintf(conf.host, sizeof(conf.host), "web03");
    conf.beat_s = 1;
    conf.channels = 1;
    snprintf(conf.channel[0].scheme, sizeof(conf.channel[0].scheme), "serial");
    snprintf(conf.channel[0].device, sizeof(conf.channel[0].device), "/dev/ttyS1");
    conf.channel[0].floor = WIRE_INFO;
    if (!core_alone_prepare(&alone)) {
        return 1;
    }
    CHECK_RUN(a_session_ends_by_itself_with_a_goodbye_before_its_numbers_are_used_up);
    core_alone_clean(&alone);
    return check_result();
}
