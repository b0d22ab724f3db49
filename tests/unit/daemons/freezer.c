#include "watch/freezer.h"
#include "support/check.h"
#include "watch/daemonheld.h"
#include "watch/pidinfo.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
parse(const char *text, struct freezer_groups *out)
{
    return freezer_groups_parse(text, strlen(text), out);
}

static bool
is(const struct freezer_groups *g, enum freezer_version version, const char *path)
{
    return g->path[version] != NULL && g->len[version] == strlen(path) &&
           memcmp(g->path[version], path, g->len[version]) == 0;
}

static void
the_groups_of_both_versions_are_found_among_others(void)
{
    struct freezer_groups g;

    CHECK(parse("12:cpu,cpuacct:/a\n9:name=systemd:/b\n6:freezer:/c:d/e\n0::/system.slice/x.service\n", &g));
    CHECK(is(&g, FREEZER_V1, "/c:d/e"));
    CHECK(is(&g, FREEZER_V2, "/system.slice/x.service"));
    CHECK(parse("3:devices,freezer,cpu:/z\n", &g));
    CHECK(is(&g, FREEZER_V1, "/z"));
    CHECK(g.path[FREEZER_V2] == NULL);
    CHECK(parse("0::/\n", &g));
    CHECK(is(&g, FREEZER_V2, "/"));
    CHECK(g.path[FREEZER_V1] == NULL);
    CHECK(parse("1:name=freezer:/x\n2:freezers,afreezer:/y\n7::/n\n", &g));
    CHECK(g.path[FREEZER_V1] == NULL && g.path[FREEZER_V2] == NULL);
    CHECK(parse("", &g));
}

static void
what_is_no_list_of_groups_is_refused(void)
{
    static const char *const bad[] = { "\n", "0::\n", "0:/\n", "0::x\n", ":\n", "::\n", "0::/",
        "0::/\n6:freezer" };
    struct freezer_groups g;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!parse(bad[i], &g));
    }
}

static void
frozen_is_only_what_the_kernel_calls_so(void)
{
    static const struct {
        enum freezer_version version;
        const char *text;
        bool frozen;
    } row[] = {
        { FREEZER_V2, "populated 1\nfrozen 1\n", true },
        { FREEZER_V2, "populated 1\nfrozen 0\n", false },
        { FREEZER_V2, "FROZEN\n", false },
        { FREEZER_V2, "frozen 10\n", false },
        { FREEZER_V2, "", false },
        { FREEZER_V1, "FROZEN\n", true },
        { FREEZER_V1, "FREEZING\n", true },
        { FREEZER_V1, "THAWED\n", false },
        { FREEZER_V1, "frozen 1\n", false },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        CHECK_INT(freezer_state_parse(row[i].version, row[i].text, strlen(row[i].text)), row[i].frozen);
    }
}

static void
processes_are_frozen_in_place_where_version_1_has_groups(void)
{
    static const struct {
        const char *text;
        bool in_place;
    } row[] = {
        { "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t9\t1\nfreezer\t6\t2\t1\npids\t8\t1\t1\n",
                true },
        { "cpu\t1\t9\t1\nfreezer\t6\t1\t1\npids\t8\t7\t1\n", false },
        { "freezer\t0\t73\t1\n", false },
        { "freezers\t6\t2\t1\n", false },
        { "cpu\t1\t9\t1\n", false },
        { "freezer\t6\n", true },
        { "freezer\n", false },
        { "", false },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        CHECK_INT(freezer_counts_parse(row[i].text, strlen(row[i].text)), row[i].in_place);
    }
}

static void
a_group_in_a_hierarchy_that_is_not_mounted_is_unknown(void)
{
    struct freezer none = { .dir = { -1, -1 } };
    struct freezer_watch w = FREEZER_WATCH_NONE;
    struct freezer_groups g;
    char text[4096];
    int proc = procfs_open();
    ssize_t len = procfs_read(proc, "self/cgroup", text, sizeof(text));

    CHECK(proc >= 0);
    if (len <= 0) {
        printf("     left out: a kernel without control groups\n");
        return;
    }
    CHECK(freezer_groups_parse(text, (size_t)len, &g));
    bool root = (g.path[FREEZER_V1] == NULL || g.len[FREEZER_V1] == 1) &&
                (g.path[FREEZER_V2] == NULL || g.len[FREEZER_V2] == 1);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(freezer_look(&none, proc, getpid(), &w), root ? FREEZER_THAWED : FREEZER_UNKNOWN);
    }
    CHECK_INT(freezer_look(&none, proc, 0, &(struct freezer_watch)FREEZER_WATCH_NONE), FREEZER_UNKNOWN);
    freezer_forget(&w);
    CHECK_INT(w.groups, -1);
    close(proc);
}

/* Seen by a text that cannot be read any more. */
static void
the_groups_of_a_process_that_stays_in_its_group_are_not_read_again(void)
{
    struct daemon_process self = { .pid = getpid() };
    struct procfs_stat stat = { .pid = 0 };
    struct pidinfo info;
    struct freezer freezer;
    struct held h;
    int proc = procfs_open();
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    CHECK(proc >= 0 && nothing >= 0 && procfs_stat(proc, self.pid, &stat) == 0);
    self.start = stat.start;
    freezer_open(&freezer);
    CHECK(held_begin(&h, proc, &freezer, &self));
    if (h.blind || !pidinfo_read(pidfd, &info)) {
        printf("     left out: the kernel does not tell the group by number\n");
    } else {
        CHECK(dup2(nothing, h.freezer.groups) >= 0);
        CHECK(held_look(&h, proc, &freezer));
        CHECK(!h.blind && h.state == HELD_RUNS && h.freezer.groups >= 0);
        h.group = 0; /* as if it had been moved since */
        CHECK(held_look(&h, proc, &freezer));
        CHECK(h.blind && h.freezer.groups < 0);
    }
    held_end(&h);
    freezer_close(&freezer);
    close(pidfd);
    close(nothing);
    close(proc);
}

/* Held, looked at until a look in full saw it asleep, and from now on gone for whoever reads its state. */
static bool
begin_sleeper(struct held *h, int proc, const struct freezer *freezer, int nothing)
{
    struct daemon_process process = { .pid = fork() };
    struct procfs_stat stat = { .pid = 0 };

    if (process.pid == 0) {
        for (;;) {
            pause();
        }
    }
    CHECK(process.pid > 0 && procfs_stat(proc, process.pid, &stat) == 0);
    process.start = stat.start;
    CHECK(held_begin(h, proc, freezer, &process));
    for (int i = 0; i < 1000 && !h->slept; i++) {
        usleep(1000);
        CHECK(held_look(h, proc, freezer));
    }
    CHECK(held_look(h, proc, freezer)); /* it may have come to rest just after its count was read */
    h->rested = 0;
    return dup2(nothing, h->stat) >= 0;
}

static void
end_sleeper(struct held *h)
{
    kill(h->pid, SIGKILL);
    waitpid(h->pid, NULL, 0);
    held_end(h);
}

/* Full looks see it gone. */
static void
a_process_that_did_not_run_is_looked_at_in_full_every_eighth_time(void)
{
    struct freezer freezer;
    struct held h;
    int proc = procfs_open();
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    freezer_open(&freezer);
    freezer.in_place = false;
    CHECK(begin_sleeper(&h, proc, &freezer, nothing));
    if (h.blind) {
        printf("     left out: it cannot be seen here whether a process is frozen\n");
    } else {
        CHECK(h.slept);
        for (int i = 1; i < 8; i++) {
            CHECK(held_look(&h, proc, &freezer));
        }
        CHECK(!held_look(&h, proc, &freezer));
    }
    end_sleeper(&h);
    freezer_close(&freezer);
    close(nothing);
    close(proc);
}

static void
a_process_that_ran_or_may_be_frozen_in_place_is_looked_at_in_full(void)
{
    struct freezer freezer;
    struct held h;
    int proc = procfs_open();
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    freezer_open(&freezer);
    for (int in_place = 0; in_place < 2; in_place++) {
        freezer.in_place = false;
        CHECK(begin_sleeper(&h, proc, &freezer, nothing));
        freezer.in_place = in_place;
        if (!in_place) {
            kill(h.pid, SIGSTOP);
            CHECK_INT(waitpid(h.pid, NULL, WUNTRACED), h.pid);
        }
        CHECK(!held_look(&h, proc, &freezer));
        end_sleeper(&h);
    }
    freezer_close(&freezer);
    close(nothing);
    close(proc);
}

int
main(void)
{
    CHECK_RUN(the_groups_of_both_versions_are_found_among_others);
    CHECK_RUN(what_is_no_list_of_groups_is_refused);
    CHECK_RUN(frozen_is_only_what_the_kernel_calls_so);
    CHECK_RUN(processes_are_frozen_in_place_where_version_1_has_groups);
    CHECK_RUN(a_process_that_did_not_run_is_looked_at_in_full_every_eighth_time);
    CHECK_RUN(a_process_that_ran_or_may_be_frozen_in_place_is_looked_at_in_full);
    CHECK_RUN(a_group_in_a_hierarchy_that_is_not_mounted_is_unknown);
    CHECK_RUN(the_groups_of_a_process_that_stays_in_its_group_are_not_read_again);
    return check_result();
}
