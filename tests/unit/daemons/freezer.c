#include "watch/freezer.h"
#include "support/check.h"
#include "watch/daemonheld.h"
#include "watch/pidinfo.h"
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
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

int
main(void)
{
    CHECK_RUN(the_groups_of_both_versions_are_found_among_others);
    CHECK_RUN(what_is_no_list_of_groups_is_refused);
    CHECK_RUN(frozen_is_only_what_the_kernel_calls_so);
    CHECK_RUN(a_group_in_a_hierarchy_that_is_not_mounted_is_unknown);
    CHECK_RUN(the_groups_of_a_process_that_stays_in_its_group_are_not_read_again);
    return check_result();
}
