/*
 * A belfry with a status page, one line and one paired agent, for tests that are no C programs. It prints
 * "port N", and for each line "alarm" that it reads has the agent raise one and prints "said MS" (UTC). At
 * the end of its input all ends.
 */
#include "support/held_port.h"
#include "unit/belfry/receiver.h"

#include "belfry/clock.h"

static uint16_t
add_page(const struct receiver *r)
{
    char text[60];
    uint16_t port = held_port();
    int fd = open(receiver_path(r, "conf"), O_WRONLY | O_APPEND);
    int n = snprintf(text, sizeof text, "\nPage 127.0.0.1:%u\n", port);

    CHECK(port != 0);
    CHECK_INT(write(fd, text, (size_t)n), n);
    (void)close(fd);
    return port;
}

int
main(void)
{
    struct receiver r;
    struct speaker s;
    char word[32];
    int fd;

    (void)signal(SIGPIPE, SIG_IGN);
    receiver_make(&r, "true");
    printf("port %u\n", add_page(&r));
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = receiver_tty(&r);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\t1-K3QF.0\t", 60000));
    (void)fflush(stdout);
    while (fgets(word, sizeof word, stdin) != NULL) {
        if (strcmp(word, "alarm\n") == 0) {
            int64_t now_ms = clock_utc_us() / 1000;

            receiver_say(fd, &s, WIRE_CRIT, "disk.failing", "dev=sda pending=24");
            printf("said %lld\n", (long long)now_ms);
            (void)fflush(stdout);
        }
    }
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
    return check_result();
}
