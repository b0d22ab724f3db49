#include "support/check.h"

#include "belfry/nobody.h"
#include "init/disk.h"
#include "init/network.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
a_disk_is_ours_by_magic_and_label_alone(void)
{
    uint8_t s[DISK_SUPERBLOCK] = { [0x38] = 0x53, [0x39] = 0xEF, [0x3A] = 1 };

    CHECK(!disk_label(s).ours);
    memcpy(s + 0x78, "belfry-log", 10);
    CHECK(disk_label(s).ours && !disk_label(s).errors && !disk_label(s).replays);
    s[0x3A] |= 2;
    s[0x60] = 4;
    CHECK(disk_label(s).errors && disk_label(s).replays);
    s[0x78 + 10] = 'x';
    CHECK(!disk_label(s).ours);
    s[0x78 + 10] = 0;
    s[0x39] = 0;
    CHECK(!disk_label(s).ours);
}

static enum network_kind
kind_of(const char *line)
{
    struct network_fact f;

    network_parse(line, &f);
    return f.kind;
}

static void
a_line_of_the_network_file_is_one_fact_or_wrong(void)
{
    struct network_fact f;

    network_parse("address eth0 192.0.2.5/24\n", &f);
    CHECK_INT(f.kind, NETWORK_ADDRESS);
    CHECK_STR(f.name, "eth0");
    CHECK_INT(f.size, 4);
    CHECK_INT(f.bits, 24);
    CHECK_INT(f.address[3], 5);
    network_parse("address 52:54:00:12:34:56 2001:db8::5/64 # upstairs", &f);
    CHECK_STR(f.name, "52:54:00:12:34:56");
    CHECK_INT(f.size, 16);
    CHECK_INT(kind_of("gateway 192.0.2.1"), NETWORK_GATEWAY);
    CHECK_INT(kind_of("nameserver 2001:db8::53"), NETWORK_NAMESERVER);
    CHECK_INT(kind_of("hostname rack3"), NETWORK_HOSTNAME);
    CHECK_INT(kind_of(" # nothing"), NETWORK_NOTHING);
    static const char *const wrong[] = { "address eth0 192.0.2.5", "address eth0 192.0.2.5/33",
        "address eth0 192.0.2.5/0", "address eth0 192.0.2/24", "address eth0 192.0.2.5/24x",
        "address eth0 192.0.2.5/-1", "gateway", "gateway eth0", "route 192.0.2.1", "hostname a b",
        "address a/b 192.0.2.5/24", "address a-name-that-is-too-long 192.0.2.5/24" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_INT(kind_of(wrong[i]), NETWORK_WRONG);
    }
}

/* Each bit that is 0 in what the child ended with was refused. */
static int
as_bound(void)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        int got = 0;

        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (!nobody_alone()) {
            _exit(255);
        }
        got |= (setresuid(0, 0, 0) == 0) << 0;
        got |= (setuid(0) == 0) << 1;
        got |= (setresgid(0, 0, 0) == 0) << 2;
        got |= (unshare(CLONE_NEWUSER) == 0) << 3;
        got |= (setresuid(NOBODY, NOBODY, 0) == 0) << 4;
        pid_t other = fork();
        if (other == 0) {
            _exit(0);
        }
        got |= (other > 0 && waitpid(other, NULL, 0) == other) << 5;
        got |= (setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0) << 6;
        _exit(got);
    }
    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
who_is_bound_becomes_nobody_and_no_other(void)
{
    CHECK_INT(as_bound(), geteuid() == 0 ? 0x60 : 0x20);
}

int
main(void)
{
    CHECK_RUN(a_disk_is_ours_by_magic_and_label_alone);
    CHECK_RUN(a_line_of_the_network_file_is_one_fact_or_wrong);
    CHECK_RUN(who_is_bound_becomes_nobody_and_no_other);
    return check_result();
}
