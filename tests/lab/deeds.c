#include "lab.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEED_US 20000000
#define PORT_FIRST 39000

static int listener = -1;

static bool
write_file(struct lab *lab, const char *text)
{
    char path[LAB_PATH];
    int fd = open(lab_path(lab, "tree/accounts", path), O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0) {
        close(fd);
    }
    return written;
}

static bool
change_file(struct lab *lab, int round)
{
    char text[64];

    snprintf(text, sizeof(text), "root2:x:0:0:%d\n", round);
    return write_file(lab, text);
}

static bool
restore_file(struct lab *lab, int round)
{
    (void)round;
    return write_file(lab, "as it was\n");
}

static bool
open_port(struct lab *lab, int round)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1;

    (void)lab;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    for (int i = 0; i < 64; i++) {
        at.sin_port = htons((uint16_t)(PORT_FIRST + (round + i) % 1000));
        if (bind(listener, (const struct sockaddr *)&at, sizeof(at)) == 0) {
            return listen(listener, 1) == 0;
        }
    }
    return false;
}

static bool
close_port(struct lab *lab, int round)
{
    (void)lab;
    (void)round;
    return close(listener) == 0;
}

static bool
kill_daemon(struct lab *lab, int round)
{
    (void)round;
    return kill(lab->daemon_pid, SIGKILL) == 0 && waitpid(lab->daemon_pid, NULL, 0) == lab->daemon_pid;
}

static bool
restart_daemon(struct lab *lab, int round)
{
    (void)round;
    return lab_start_daemon(lab);
}

static bool
stop_network(struct lab *lab, int round)
{
    (void)round;
    return lab_stop_gate(lab, true);
}

static bool
mend_network(struct lab *lab, int round)
{
    (void)round;
    return lab_stop_gate(lab, false);
}

const struct deed lab_deeds[LAB_DEEDS] = {
    { "a file is changed", "integrity.changed", "integrity.ok", change_file, restore_file, "accounts" },
    { "a port is opened", "port.unexpected", "port.ok", open_port, close_port, "tcp/39" },
    { "a daemon is killed", "daemon.down", "daemon.up", kill_daemon, restart_daemon, "labd" },
    { "the network goes", "net.lost", "net.back", stop_network, mend_network, "127.0.0.1" },
};

void
lab_show(const struct lab_event *e, int64_t from_us)
{
    printf("  %9.2f ms  %-8s %-4s %-18s %-16s %s\n", (double)(e->at_us - from_us) / 1000, e->verdict,
            e->severity, e->code, e->number, e->detail);
    fflush(stdout);
}

double
lab_do(struct lab *lab, const struct deed *deed, bool undo, int round, bool show, struct lab_event *told)
{
    const char *code = undo ? deed->undo_code : deed->code;
    int64_t from_us = lab_now_us();

    if (!(undo ? deed->undo : deed->act)(lab, round)) {
        return -1;
    }
    while (lab_event(lab, told, from_us + DEED_US)) {
        bool proved = strcmp(told->verdict, "OK") == 0 || strcmp(told->verdict, "REPAIRED") == 0;

        if (show) {
            lab_show(told, from_us);
        }
        if (proved && strcmp(told->code, code) == 0 && strstr(told->detail, deed->detail) != NULL) {
            return (double)(told->at_us - from_us) / 1000;
        }
    }
    return -1;
}
