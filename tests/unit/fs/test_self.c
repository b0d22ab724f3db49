#include "ground.h"
#include "support/check.h"
#include "watch/fs_roots.h"
#include "watch/fs_self.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fs_roots roots;
static struct fs_self self;
static struct baseline base;

/* A baseline in which this test's own executable is the agent's program. */
static void
begin(void)
{
    char path[400];
    struct baseline_error error;

    ground_open();
    ground_write("file", "a");
    CHECK(ground_baseline());
    snprintf(path, sizeof(path), "%s/%s", ground.state, BASELINE_FILE);
    CHECK_INT(baseline_load(&base, path, &error), 0);
    CHECK(fs_roots_init(&roots, &ground.conf, &base));
    fs_self_init(&self);
    CHECK_INT(self.agent.error, 0);
    ground_forget();
}

static void
end(void)
{
    baseline_unload(&base);
    ground_close();
}

static void
the_program_that_the_baseline_knows_is_no_finding(void)
{
    begin();
    fs_self_tell(&self, &base, &roots, &ground.env);
    CHECK_INT(ground_count, 0);
    end();
}

static void
another_program_than_the_baselines_is_told_until_it_is_that_one_again(void)
{
    begin();
    self.agent.digest[31] ^= 1;
    fs_self_tell(&self, &base, &roots, &ground.env);
    const struct finding *f = ground_begins("image=running state=differs");
    CHECK(f != NULL && f->op == FINDING_OPEN && f->code == FINDING_AGENT_SELF);
    fs_self_tell(&self, &base, &roots, &ground.env);
    CHECK_INT(ground_count, 2);
    self.agent.digest[31] ^= 1;
    fs_self_tell(&self, &base, &roots, &ground.env);
    CHECK_INT(ground_heard[ground_count - 1].op, FINDING_CLOSE);
    ground_forget();
    fs_self_tell(&self, &base, &roots, &ground.env);
    CHECK_INT(ground_count, 0);
    end();
}

static void
a_program_that_cannot_be_read_is_told(void)
{
    begin();
    self.agent.error = -5;
    fs_self_tell(&self, &base, &roots, &ground.env);
    CHECK(ground_begins("image=running state=unreadable") != NULL);
    end();
}

/* Returns when it executes the program, or at once without one. */
static void
child_of_warden(const char *program)
{
    int link[2];
    char byte;

    if (pipe2(link, O_CLOEXEC) == 0 && fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (program != NULL) {
            execlp(program, program, "60", NULL);
        }
        close(link[1]);
        pause();
        _exit(0);
    }
    close(link[1]);
    (void)!read(link[0], &byte, 1);
    close(link[0]);
}

/* Beside one that has not executed yet what it is to run, and one that has, if `program` is not NULL. */
static void
tell_beside(const char *program)
{
    child_of_warden(NULL);
    if (program != NULL) {
        child_of_warden(program);
    }
    if (fork() == 0) {
        self.agent.st.st_ino ^= 1; /* as a role runs from another file, in memory */
        self.agent.st.st_nlink = 0;
        fs_self_tell(&self, &base, &roots, &ground.env);
        _exit(program == NULL ? ground_count != 0 : ground_begins("image=courier state=differs") == NULL);
    }
}

/* As the warden, with children of its own. What the last of them returned. */
static int
told_beside(const char *program)
{
    int status = -1;

    fflush(stdout);
    pid_t warden = fork();
    if (warden == 0) {
        tell_beside(program);
        _exit(wait(&status) > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 99);
    }
    CHECK(waitpid(warden, &status, 0) == warden && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
courier_beside(char path[300])
{
    ssize_t n = readlink("/proc/self/exe", path, 300 - 20);

    CHECK(n > 0);
    path[n > 0 ? n : 0] = '\0';
    strcpy(strrchr(path, '/'), "/tocsin-courier");
}

static void
another_courier_is_told_and_a_child_that_has_just_begun_is_none(void)
{
    char path[300];

    courier_beside(path);
    if (access(path, X_OK) != 0) {
        printf("     left out: no courier is beside this program\n");
        return;
    }
    begin();
    CHECK_INT(told_beside(NULL), 0);
    CHECK_INT(told_beside("sleep"), 0);
    end();
}

static void
the_agents_unit_and_its_drop_ins_are_guarded(void)
{
    static const char *const paths[] = { "/etc/systemd/system/tocsin.service",
        "/etc/systemd/system/tocsin.service.d/override.conf", "/usr/lib/systemd/system/tocsin.service",
        "/usr/lib/systemd/system/tocsin.service.d/x", "/usr/local/lib/systemd/system/tocsin.service",
        "/run/systemd/system/tocsin.service", "/run/systemd/system/tocsin.service.d/override.conf",
        "/run/systemd/system/service.d/x.conf", "/etc/systemd/system/service.d/x.conf",
        "/usr/lib/systemd/system/service.d", "/etc/systemd/system.control/tocsin.service.d/50-CPUQuota.conf",
        "/etc/systemd/system/multi-user.target.wants/tocsin.service" };

    begin();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        CHECK(fs_roots_hold(&roots, (const uint8_t *)paths[i], strlen(paths[i])));
    }
    CHECK(!fs_roots_hold(&roots, (const uint8_t *)"/etc/systemd/system/ssh.service", 31));
    end();
}

static void
the_courier_beside_the_program_is_one_of_the_agents_own_files(void)
{
    char path[300];

    begin();
    courier_beside(path);
    CHECK(fs_roots_own(&roots, (const uint8_t *)path, strlen(path)));
    CHECK(fs_roots_courier((const uint8_t *)path, strlen(path)));
    CHECK(!fs_roots_courier((const uint8_t *)"/usr/sbin/tocsin", 16));
    CHECK(!fs_roots_courier((const uint8_t *)"/usr/sbin/not-tocsin-courier", 28));
    end();
}

static bool
guarded_in_state(const char *name)
{
    char path[200];
    int n = snprintf(path, sizeof(path), "%s%s", ground.state, name);

    return fs_roots_hold(&roots, (const uint8_t *)path, (size_t)n);
}

static void
the_state_directory_is_guarded_without_a_watch_but_for_what_the_agent_writes(void)
{
    static const char *const guarded[] = { "", "/courier", "/courier/psk", "/seal", "/whatever" };
    static const char *const written[] = { "/baseline", "/session", "/ctl", "/courier/spool.00000001",
        "/courier/address" };

    begin();
    for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
        CHECK(guarded_in_state(guarded[i]));
    }
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        CHECK(!guarded_in_state(written[i]));
    }
    end();
}

int
main(void)
{
    CHECK_RUN(the_program_that_the_baseline_knows_is_no_finding);
    CHECK_RUN(another_program_than_the_baselines_is_told_until_it_is_that_one_again);
    CHECK_RUN(a_program_that_cannot_be_read_is_told);
    CHECK_RUN(another_courier_is_told_and_a_child_that_has_just_begun_is_none);
    CHECK_RUN(the_agents_unit_and_its_drop_ins_are_guarded);
    CHECK_RUN(the_courier_beside_the_program_is_one_of_the_agents_own_files);
    CHECK_RUN(the_state_directory_is_guarded_without_a_watch_but_for_what_the_agent_writes);
    return check_result();
}
