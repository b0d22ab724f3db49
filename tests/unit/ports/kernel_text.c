/* What the kernel writes, as text and as messages: whole, cut anywhere, and with names meant to mislead. */
#include "support/check.h"
#include "watch/procfs.h"
#include "watch/procnet.h"
#include "watch/sockdiag.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STAT_TAIL " S 1 2 3 4 5 2097152 7 8 9 10 11 12 13 14 20 0 1 0 777 18 19 18446744073709551615\n"

static void
a_process_is_read_whatever_its_name_is(void)
{
    static const char *const names[] = { "sh", "a b", ") S 1 (", "((", "))", "", ") R 9 9" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct procfs_stat stat = { 0 };
        char text[300];

        snprintf(text, sizeof(text), "42 (%s)" STAT_TAIL, names[i]);
        CHECK(procfs_stat_parse(text, strlen(text), &stat));
        CHECK_INT(stat.pid, 42);
        CHECK_INT(stat.parent, 1);
        CHECK_INT(stat.state, 'S');
        CHECK_INT(stat.start, 777);
        CHECK(stat.kernel_thread);
    }
}

static void
a_cut_process_line_is_refused(void)
{
    const char *text = "42 (sh)" STAT_TAIL;
    size_t whole = (size_t)(strstr(text, "777") - text) + 1;
    struct procfs_stat stat;

    for (size_t len = 0; len < whole; len++) {
        char *exact = malloc(len + 1);

        memcpy(exact, text, len);
        CHECK(!procfs_stat_parse(exact, len, &stat));
        free(exact);
    }
    CHECK(procfs_stat_parse(text, whole, &stat));
}

static void
this_process_is_what_it_is(void)
{
    struct procfs_stat stat;
    struct procfs_exe exe;
    char link[PROCFS_EXE] = { 0 };
    int proc = procfs_open();

    CHECK(proc >= 0);
    CHECK_INT(procfs_stat(proc, getpid(), &stat), 0);
    CHECK_INT(stat.pid, getpid());
    CHECK_INT(stat.parent, getppid());
    CHECK(!stat.kernel_thread);
    CHECK_INT(procfs_exe(proc, getpid(), &exe), 0);
    CHECK(readlink("/proc/self/exe", link, sizeof(link) - 1) > 0);
    CHECK_STR(exe.path, link);
    CHECK(exe.file.identified && !exe.file.deleted);
    CHECK_INT(procfs_exe(proc, INT32_MAX, &exe), -ENOENT);
    CHECK_INT(procfs_threads(proc, INT32_MAX), 0);
    close(proc);
}

static void *
wait_for_the_end(void *end)
{
    char byte;

    (void)!read(*(const int *)end, &byte, 1);
    return NULL;
}

static void
threads_are_counted_without_a_look_at_them(void)
{
    int end[2];
    int proc = procfs_open();
    uint32_t before = procfs_threads(proc, getpid());
    pthread_t thread;

    CHECK(before > 0 && pipe(end) == 0);
    CHECK_INT(pthread_create(&thread, NULL, wait_for_the_end, end), 0);
    CHECK_INT(procfs_threads(proc, getpid()), before + 1);
    close(end[1]);
    pthread_join(thread, NULL);
    close(end[0]);
    close(proc);
}

static void
only_a_socket_link_is_one(void)
{
    /* clang-format off */
    static const struct { const char *text; uint64_t inode; } links[] = {
        { "socket:[1]", 1 }, { "socket:[4294967296]", 4294967296u }, { "socket:[]", 0 }, { "socket:[1", 0 },
        { "socket:[1]x", 0 }, { "socket:[-1]", 0 }, { "pipe:[1]", 0 }, { "", 0 }, { "/tmp/socket:[1]", 0 },
        { "socket:[99999999999999999999999]", 0 },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        CHECK_INT(procfs_socket_link(links[i].text, strlen(links[i].text)), links[i].inode);
    }
}

#define LINE4                                                                                              \
    "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1061 1 0 " \
    "100"
#define LINE6                                                                               \
    "   1: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 " \
    "00000000:00000000 00:00000000 00000000   102        0 99 2 0000000000000000 0"

static void
a_line_of_proc_net_is_read_and_a_cut_one_refused(void)
{
    struct socket_row row;
    struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

    CHECK(procnet_parse(LINE4, strlen(LINE4), AF_INET, CONF_TCP, &row));
    CHECK_INT(row.port, 22);
    CHECK_INT(row.uid, 1000);
    CHECK_INT(row.inode, 1061);
    CHECK_MEM(row.address, "\x7f\0\0\1", 4);
    CHECK(!procnet_parse(LINE4, strlen(LINE4), AF_INET, CONF_UDP, &row));
    CHECK(!procnet_parse(LINE4, strlen(LINE4), AF_INET6, CONF_TCP, &row));
    CHECK(procnet_parse(LINE6, strlen(LINE6), AF_INET6, CONF_UDP, &row));
    CHECK_INT(row.port, 53);
    CHECK_MEM(row.address, &loopback, 16);
    for (size_t len = 0; len < strlen(LINE4) - strlen("1061 1 0 100"); len++) {
        char *exact = malloc(len + 1);

        memcpy(exact, LINE4, len);
        CHECK(!procnet_parse(exact, len, AF_INET, CONF_TCP, &row));
        free(exact);
    }
}

#define PACKET "0000000000000000 3      3    88cc   2     1 0      0      1061 "
#define SCTP "       0        0 2   10  9    36412  200 465001933 192.168.60.142 10.0.0.1 "
#define SCTP6 \
    "ffff88017e0a0200 ffff880299f7fa00 1   10  29   3868     0 7 2001:0db8:0000:0000:0000:0000:0000:0001 "

static void
a_line_of_each_other_table_is_read_and_its_heading_is_not(void)
{
    struct socket_row row;
    char text[SOCKETS_ADDRESS];

    CHECK(procnet_parse(PACKET, strlen(PACKET), AF_PACKET, CONF_PACKET, &row));
    CHECK_INT(row.port, 0x88CC);
    CHECK_INT(row.device, 2);
    CHECK_INT(row.inode, 1061);
    CHECK_STR(sockets_address(&row, text), "*%2");
    CHECK(procnet_parse(SCTP, strlen(SCTP), AF_INET, CONF_SCTP, &row));
    CHECK_INT(row.port, 36412);
    CHECK_INT(row.uid, 200);
    CHECK_INT(row.inode, 465001933);
    CHECK_STR(sockets_address(&row, text), "192.168.60.142");
    CHECK(procnet_parse(SCTP6, strlen(SCTP6), AF_INET, CONF_SCTP, &row));
    CHECK_INT(row.port, 3868);
    CHECK_STR(sockets_address(&row, text), "[2001:db8::1]");
    CHECK(procnet_parse(LINE4, strlen(LINE4), AF_INET, CONF_RAW, &row));

    static const char heading[] = " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS";
    static const char closed[] = "0 0 2   7  9    36412  200 465001933 192.168.60.142";
    static const char idle[] = "0000000000000000 3      3    0000   0     0 0      0      1061";
    CHECK(!procnet_parse(heading, sizeof(heading) - 1, AF_INET, CONF_SCTP, &row));
    CHECK(!procnet_parse(closed, sizeof(closed) - 1, AF_INET, CONF_SCTP, &row));
    CHECK(!procnet_parse(idle, sizeof(idle) - 1, AF_PACKET, CONF_PACKET, &row));
    for (size_t len = 0; len < strlen(PACKET) - strlen("1061 "); len++) {
        CHECK(!procnet_parse(PACKET, len, AF_PACKET, CONF_PACKET, &row));
    }
}

static void
a_protocol_that_is_not_there_is_not_found(void)
{
    static const char text[] = "protocol  size sockets\nAF_VSOCKS 1 2\nTCP       2304\n";

    CHECK(procnet_has(text, sizeof(text) - 1, "TCP"));
    CHECK(!procnet_has(text, sizeof(text) - 1, "AF_VSOCK"));
    CHECK(!procnet_has(text, sizeof(text) - 1, "SCTP"));
    CHECK(!procnet_has("TCP", 3, "TCP"));
}

static void
the_number_of_sockets_is_the_one_of_the_protocol_asked_for(void)
{
    static const char text[] =
            "sockets: used 8\nTCP: inuse 1 orphan 0\nUDP: inuse 17 mem 0\nUDPLITE: inuse 3\n"
            "RAW: inuse x\nFRAG: inuse 99999999999 memory 0\nUDP6: inuse";
    uint64_t n = 77;

    CHECK(procnet_inuse(text, sizeof(text) - 1, "UDP", &n));
    CHECK_INT(n, 17);
    CHECK(procnet_inuse(text, sizeof(text) - 1, "UDPLITE", &n));
    CHECK_INT(n, 3);
    CHECK(!procnet_inuse(text, sizeof(text) - 1, "RAW", &n));
    CHECK(!procnet_inuse(text, sizeof(text) - 1, "FRAG", &n));
    CHECK(!procnet_inuse(text, sizeof(text) - 1, "UDP6", &n));
    CHECK(!procnet_inuse(text, strlen("sockets: used 8\nTCP: inuse "), "TCP", &n));
    CHECK(!procnet_inuse("", 0, "UDP", &n));
}

static void
a_unit_is_the_first_folder_that_is_no_slice(void)
{
    /* clang-format off */
    static const struct { const char *text; const char *unit; } groups[] = {
        { "0::/system.slice/ssh.service\n", "ssh.service" },
        { "0::/init.scope\n", "init.scope" },
        { "0::/\n", "" },
        { "", "" },
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service\n", "user@1000.service" },
        { "0::/system.slice/docker-0123456789abcdef.scope/init\n", "docker-0123456789abcdef.scope" },
        { "4:memory:/x\n1:name=systemd:/system.slice/a.service\n0::/b.service\n", "a.service" },
        { "0::/b.service\n1:name=systemd:/system.slice/a.service\n", "a.service" },
        { "4:memory:/x.service\n0::/b.service", "b.service" },
        { "10::/b.service\n", "" },
        { "0::/user.slice/user@1000.service/x:name=systemd:/a.service\n", "user@1000.service" },
        { "4:memory:/x:name=systemd:/a.service\n0::/b.service\n", "b.service" },
        { "0::/a.slice", "" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        char unit[PROCFS_UNIT];

        procfs_unit_parse(groups[i].text, strlen(groups[i].text), unit);
        CHECK_STR(unit, groups[i].unit);
    }
    char text[400] = "0::/";
    char unit[PROCFS_UNIT];

    memset(text + 4, 'x', 300);
    procfs_unit_parse(text, strlen(text), unit);
    CHECK_INT(strlen(unit), PROCFS_UNIT - 1);
}

struct answer {
    struct nlmsghdr head;
    struct inet_diag_msg socket;
    struct nlmsghdr end;
    int32_t status;
};

static struct answer
answer_for(uint32_t seq)
{
    struct answer a = { .head = { .nlmsg_len = sizeof(a.head) + sizeof(a.socket),
                                .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                .nlmsg_seq = seq },
        .end = {
                .nlmsg_len = sizeof(a.end) + sizeof(a.status), .nlmsg_type = NLMSG_DONE, .nlmsg_seq = seq } };

    a.socket.idiag_family = AF_INET;
    a.socket.idiag_inode = 5;
    a.socket.id.idiag_sport = htons(80);
    return a;
}

struct vsock_answer {
    struct nlmsghdr head;
    struct vsock_diag_msg socket;
};

static void
a_vsock_socket_is_taken_only_while_it_listens(void)
{
    static struct sockets sockets;
    struct vsock_answer a = {
        .head = { .nlmsg_len = sizeof(a), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_seq = 3 },
        .socket = { .vdiag_family = AF_VSOCK,
                .vdiag_state = 10,
                .vdiag_src_cid = UINT32_MAX,
                .vdiag_src_port = 70000,
                .vdiag_ino = 9 }
    };
    char text[SOCKETS_ADDRESS];
    int error;

    sockets_clear(&sockets);
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 3, &sockets, &error), SOCKDIAG_MORE);
    CHECK_INT(sockets.count, 1);
    CHECK_INT(sockets.row[0].port, 70000);
    CHECK_INT(sockets.row[0].inode, 9);
    CHECK_STR(sockets_address(&sockets.row[0], text), "*");
    a.socket.vdiag_state = 1;
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 3, &sockets, &error), SOCKDIAG_MORE);
    CHECK_INT(sockets.count, 1);
    a.socket.vdiag_state = 10;
    a.head.nlmsg_len = sizeof(a) - 1;
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a) - 1, 3, &sockets, &error), SOCKDIAG_MORE);
    CHECK_INT(sockets.count, 1);
}

static void
an_answer_of_the_kernel_is_read_and_a_cut_one_is_not_the_end(void)
{
    static struct sockets sockets;
    struct answer a = answer_for(3);
    int error;

    sockets_clear(&sockets);
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 3, &sockets, &error), SOCKDIAG_DONE);
    CHECK_INT(sockets.count, 1);
    CHECK_INT(sockets.row[0].port, 80);
    CHECK_INT(sockets.row[0].inode, 5);
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 4, &sockets, &error), SOCKDIAG_MORE);
    CHECK_INT(sockets.count, 1);
    for (size_t len = 0; len < offsetof(struct answer, status) + 4; len++) {
        uint8_t *exact = malloc(len + 1);

        memcpy(exact, &a, len);
        CHECK(sockdiag_parse(exact, len, 3, &sockets, &error) != SOCKDIAG_DONE);
        free(exact);
    }
    a.head.nlmsg_type = NLMSG_ERROR;
    a.socket.idiag_family = (uint8_t)-ENOENT;
    memset(&a.socket.idiag_state, 0xFF, 3);
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 3, &sockets, &error), SOCKDIAG_BAD);
    CHECK_INT(error, -ENOENT);
    a.head.nlmsg_len = 3;
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 3, &sockets, &error), SOCKDIAG_BAD);
    CHECK_INT(error, -EPROTO);
}

static void
the_end_of_a_walk_that_the_kernel_could_not_make_is_its_error(void)
{
    static struct sockets sockets;
    struct answer a = answer_for(3);
    int error;

    sockets_clear(&sockets);
    a.status = -ENOENT;
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 3, &sockets, &error), SOCKDIAG_BAD);
    CHECK_INT(error, -ENOENT);
    a.status = 1;
    CHECK_INT(sockdiag_parse((const uint8_t *)&a, sizeof(a), 3, &sockets, &error), SOCKDIAG_DONE);
    CHECK_INT(error, 0);
}

int
main(void)
{
    CHECK_RUN(a_process_is_read_whatever_its_name_is);
    CHECK_RUN(a_cut_process_line_is_refused);
    CHECK_RUN(this_process_is_what_it_is);
    CHECK_RUN(threads_are_counted_without_a_look_at_them);
    CHECK_RUN(only_a_socket_link_is_one);
    CHECK_RUN(a_line_of_proc_net_is_read_and_a_cut_one_refused);
    CHECK_RUN(a_line_of_each_other_table_is_read_and_its_heading_is_not);
    CHECK_RUN(a_protocol_that_is_not_there_is_not_found);
    CHECK_RUN(the_number_of_sockets_is_the_one_of_the_protocol_asked_for);
    CHECK_RUN(a_unit_is_the_first_folder_that_is_no_slice);
    CHECK_RUN(a_vsock_socket_is_taken_only_while_it_listens);
    CHECK_RUN(an_answer_of_the_kernel_is_read_and_a_cut_one_is_not_the_end);
    CHECK_RUN(the_end_of_a_walk_that_the_kernel_could_not_make_is_its_error);
    return check_result();
}
