#include "proc/spawn.h"
#include "support/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The status of a process in which no program could be started says why.
 */
static char path[] = "/tmp/tocsin-spawn-XXXXXX";

static void
write_program(const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
    close(fd);
}

static int
status_of_spawned(void)
{
    const struct spawn_order order = {
        .name = "tocsin", .role = ROLE_FSCHECK, .program = open(path, O_RDONLY), .fds = { -1, -1, -1, -1, -1 }
    };
    int status = -1;
    pid_t pid = spawn_role(&order);

    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    close(order.program);
    return WEXITSTATUS(status);
}

static void
only_a_program_that_is_not_there_is_told_as_that(void)
{
    write_program("#!/nowhere/at/all\n", 0755);
    CHECK_INT(status_of_spawned(), SPAWN_NOT_FOUND);
    write_program("no program", 0755);
    CHECK_INT(status_of_spawned(), SPAWN_FAILED);
    write_program("#!/bin/true\n", 0644);
    CHECK_INT(status_of_spawned(), SPAWN_FAILED);
}

static void
want_of_descriptors_is_not_told_as_a_program_that_is_not_there(void)
{
    struct rlimit before;

    write_program("#!/nowhere/at/all\n", 0755);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = { .rlim_cur = 10, .rlim_max = before.rlim_max };
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    CHECK_INT(status_of_spawned(), SPAWN_FAILED);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int
main(void)
{
    int fd = mkstemp(path);

    if (fd < 0) {
        return 1;
    }
    close(fd);
    CHECK_RUN(only_a_program_that_is_not_there_is_told_as_that);
    CHECK_RUN(want_of_descriptors_is_not_told_as_a_program_that_is_not_there);
    unlink(path);
    return check_result();
}
