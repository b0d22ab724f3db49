#include "receiver.h"

#include <grp.h>
#include <sys/wait.h>

#define GROUP_ID 65534 /* of the group that Debian calls nogroup */
#define OTHER_ID 65533

/* As nobody in this one group: can the file be read to its end? */
static bool
can_read(const struct receiver *r, gid_t group, const char *name)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        char text[100];
        int fd = -1;

        if (setgroups(1, &group) == 0 && setgid(group) == 0 && setuid(65534) == 0) {
            fd = open(receiver_path(r, name), O_RDONLY);
        }
        _exit(fd >= 0 && read(fd, text, sizeof text) > 0 ? 0 : 1);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
say(const struct receiver *r, const char *name)
{
    int fd = receiver_tty(r);
    int64_t until = test_ms() + 20000;
    struct stat st = { .st_size = 0 };

    receiver_send(fd, "all is well\r\n", 13);
    while (test_ms() < until && (stat(receiver_path(r, name), &st) != 0 || st.st_size < 13)) {
        test_sleep(20);
    }
    CHECK(st.st_size >= 13);
    (void)close(fd);
}

static mode_t
mode_of(const struct receiver *r, const char *name)
{
    struct stat st = { .st_mode = 0 };

    CHECK_INT(stat(receiver_path(r, name), &st), 0);
    return st.st_mode & 07777;
}

static void
configure(const struct receiver *r, const char *more)
{
    char conf[400];

    (void)snprintf(
            conf, sizeof conf, "StateDir %s/state\nSyslog no\nLine tty pty %s/tty\n%s", r->dir, r->dir, more);
    receiver_write(receiver_path(r, "conf"), conf, 0600);
}

static void
a_group_reads_transcripts_and_nothing_else_until_it_is_taken_away(void)
{
    struct receiver r;
    char more[120];

    receiver_make(&r, NULL);
    CHECK_INT(chmod(r.dir, 0711), 0);
    receiver_start(&r);
    say(&r, "state/lines/tty.raw");
    CHECK_INT(mode_of(&r, "state/lines"), 0700);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);

    configure(&r, "Readers nogroup\n");
    receiver_start(&r);
    CHECK_INT(mode_of(&r, "state/lines/tty.raw"), 0640);
    CHECK(can_read(&r, GROUP_ID, "state/lines/tty.raw"));
    CHECK(can_read(&r, GROUP_ID, "state/lines/tty.idx"));
    CHECK(!can_read(&r, OTHER_ID, "state/lines/tty.raw"));
    CHECK(!can_read(&r, GROUP_ID, "state/ledger.db"));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);

    (void)snprintf(more, sizeof more, "Readers nogroup\nLine new pty %s/new\n", r.dir);
    configure(&r, more);
    receiver_start(&r);
    CHECK_INT(mode_of(&r, "state/lines/new.raw"), 0640);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);

    configure(&r, "");
    receiver_start(&r);
    CHECK(!can_read(&r, GROUP_ID, "state/lines/tty.raw"));
    CHECK_INT(mode_of(&r, "state/lines/tty.raw"), 0600);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_link_among_the_transcripts_shares_no_other_file(void)
{
    struct receiver r;

    receiver_make(&r, NULL);
    receiver_start(&r);
    say(&r, "state/lines/tty.raw");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_write(receiver_path(&r, "secret"), "keys", 0600);
    CHECK_INT(symlink(receiver_path(&r, "secret"), receiver_path(&r, "state/lines/x.raw")), 0);
    configure(&r, "Readers nogroup\n");
    receiver_start(&r);
    CHECK_INT(mode_of(&r, "secret"), 0600);
    CHECK_INT(mode_of(&r, "state/lines/tty.raw"), 0640);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_group_that_is_not_there_stops_nothing(void)
{
    struct receiver r;

    receiver_make(&r, NULL);
    configure(&r, "Readers no-such-group\n");
    receiver_start(&r);
    say(&r, "state/lines/tty.raw");
    CHECK_INT(mode_of(&r, "state/lines"), 0700);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

int
main(void)
{
    if (getuid() != 0 || getgrnam("nogroup") == NULL || getgrnam("nogroup")->gr_gid != GROUP_ID) {
        printf("skip: only root can be somebody else, and the group nogroup is needed\n");
        return CHECK_SKIPPED;
    }
    CHECK_RUN(a_group_reads_transcripts_and_nothing_else_until_it_is_taken_away);
    CHECK_RUN(a_link_among_the_transcripts_shares_no_other_file);
    CHECK_RUN(a_group_that_is_not_there_stops_nothing);
    return check_result();
}
