#include "net.h"
#include "numbers.h"
#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTLE_MS 15000
#define NOTE_MS \
    2500 /* the agent hears of ports that others on this machine open, and ten a second are told */

double
net_ms(const struct net_told *e, int64_t from_us)
{
    return e != NULL ? (double)(e->at_us - from_us) / 1000 : -1;
}

pid_t
net_open_port(struct net *n, char name[16])
{
    /* Not the ports of another such test beside this one: the agent hears of those as well. */
    n->port = n->port == 0 || n->port > 30000 ? (uint16_t)(20000 + net_now_us() % 10000) : n->port + 1;
    snprintf(name, 16, "tcp/%u", n->port);
    pid_t pid = fork();

    if (pid == 0) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(n->port) };
        int fd = setns(n->space[NET_AGENT], CLONE_NEWNET) == 0
                         ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
                         : -1;

        if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0) {
            pause();
        }
        _exit(1);
    }
    return pid;
}

bool
net_note_comes(struct net *n, const char *line, int timeout_ms)
{
    char name[16];
    size_t from = n->events;
    pid_t pid = net_open_port(n, name);
    bool opened = net_wait(n, from, "port.unexpected", name, NULL, timeout_ms) != NULL;

    net_stop(&pid, SIGKILL);
    return opened && net_wait(n, from, "port.ok", name, line, timeout_ms) != NULL;
}

bool
net_carries(struct net *n, int timeout_ms)
{
    int64_t until_us = net_now_us() + (int64_t)timeout_ms * 1000;

    while (net_now_us() < until_us) {
        if (net_note_comes(n, "!" NET_LINE, NOTE_MS)) {
            return true;
        }
    }
    return false;
}

/* How many of `sealed` are not on record; `copies` gets how many are there more than once. */
static size_t
count_missing(
        const struct net *n, const struct net_numbers *sealed, struct net_numbers *missing, size_t *copies)
{
    struct net_numbers arrived = { 0 };

    net_numbers_of_events(&arrived, n, 0, NULL);
    size_t told = net_numbers_sort(&arrived);
    *copies = told - arrived.count;
    missing->count = 0;
    size_t count = net_numbers_missing(sealed, &arrived, missing);
    if (count > 0) {
        /* Who is killed while he commits has it on record and did not say so. */
        net_numbers_of_query(&arrived, net_path(n, "belfry/ledger.db"), NET_QUERY_LINES);
        net_numbers_sort(&arrived);
        missing->count = 0;
        count = net_numbers_missing(sealed, &arrived, missing);
    }
    net_numbers_free(&arrived);
    return count;
}

bool
net_all_on_record(struct net *n)
{
    struct net_numbers sealed = { 0 };
    struct net_numbers missing = { 0 };
    char text[256];
    size_t copies;

    net_numbers_of_file(&sealed, net_path(n, "witness"));
    net_numbers_sort(&sealed);
    net_numbers_from(&sealed, n->reserved);
    int64_t until_us = net_now_us() + (int64_t)SETTLE_MS * 1000;
    while (count_missing(n, &sealed, &missing, &copies) > 0 && net_now_us() < until_us) {
        net_listen(n, 100);
    }
    if (missing.count > 0 || copies > 0 || sealed.count == 0) {
        printf("  of %zu lines %zu are missing (%s), %zu are there twice\n", sealed.count, missing.count,
                net_numbers_text(&missing, text, sizeof(text)), copies);
    }
    bool good = missing.count == 0 && copies == 0 && sealed.count > 0;
    net_numbers_free(&sealed);
    net_numbers_free(&missing);
    return good;
}

void
net_show_where(const struct net *n, size_t from)
{
    struct net_numbers network = { 0 };
    struct net_numbers serial = { 0 };
    char text[2][256];

    net_numbers_of_events(&network, n, from, "!" NET_LINE);
    net_numbers_of_events(&serial, n, from, NET_LINE);
    net_numbers_sort(&network);
    net_numbers_sort(&serial);
    printf("  first over the network: %s\n  first over the serial line: %s\n",
            net_numbers_text(&network, text[0], sizeof(text[0])),
            net_numbers_text(&serial, text[1], sizeof(text[1])));
    net_numbers_free(&network);
    net_numbers_free(&serial);
}
