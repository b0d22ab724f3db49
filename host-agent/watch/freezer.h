#ifndef WATCH_FREEZER_H
#define WATCH_FREEZER_H
/*
 * freezer - is a process kept from running by its control group?
 *
 * Such a process looks asleep in PID/stat. Version 2 tells it in the group's cgroup.events, version 1's
 * freezer in freezer.state. The hierarchies are looked for where Linux systems mount them, below
 * /sys/fs/cgroup.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum freezer_version { FREEZER_V1, FREEZER_V2, FREEZER_VERSIONS };

enum freezer_state {
    FREEZER_THAWED,
    FREEZER_FROZEN,
    FREEZER_UNKNOWN /* its group lies in a hierarchy that is not mounted, or not where we look */
};

/* The mounted hierarchies. -1: none. */
struct freezer {
    int dir[FREEZER_VERSIONS];
    int counts;    /* /proc/cgroups */
    bool in_place; /* as of freezer_refresh() */
};

/* What is kept open of one process, so that the next look is cheap. Begins as FREEZER_WATCH_NONE. */
struct freezer_watch {
    int groups;                  /* PID/cgroup */
    int state[FREEZER_VERSIONS]; /* its groups' files */
    bool unknown;
    uint8_t digest[16]; /* of what PID/cgroup said when the files were opened */
};

/* clang-format off */
#define FREEZER_WATCH_NONE { .groups = -1, .state = { -1, -1 } }
/* clang-format on */

/* The paths in the text of PID/cgroup; NULL where there is no such line. */
struct freezer_groups {
    const char *path[FREEZER_VERSIONS];
    size_t len[FREEZER_VERSIONS];
};

void freezer_open(struct freezer *f);
void freezer_close(struct freezer *f);

/*
 * Before a round of looks: `in_place` says whether a process may be frozen where it sleeps, without running
 * first. Version 1 does that, in any group but the root; version 2 lets each process freeze itself.
 */
void freezer_refresh(struct freezer *f);

/* `proc` is a descriptor of /proc. FREEZER_UNKNOWN also for a process that is gone. */
enum freezer_state freezer_look(const struct freezer *f, int proc, int32_t pid, struct freezer_watch *w);
void freezer_forget(struct freezer_watch *w);

/* The same for one that is in the same group of version 2 as at the last look, and by PID/stat not in 'D', as
 * which Linux 6.13 and later show what version 1 has frozen. FREEZER_UNKNOWN: freezer_look() is to say it. */
enum freezer_state freezer_look_again(const struct freezer_watch *w);

/* Reads the text of PID/cgroup; false when a line is none. Whoever may make a group chose its name. */
bool freezer_groups_parse(const char *src, size_t len, struct freezer_groups *out);

/* The text of /proc/cgroups: true when the freezer of version 1 has groups besides its root. */
bool freezer_counts_parse(const char *src, size_t len);

/* The text of cgroup.events or freezer.state. */
bool freezer_state_parse(enum freezer_version version, const char *src, size_t len);

#endif
