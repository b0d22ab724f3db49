#include "ground.h"
#include "support/check.h"
#include "watch/fs_roots.h"
#include "watch/fs_self.h"
#include <stdlib.h>
#include <string.h>
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
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 20);
    CHECK(n > 0);
    path[n > 0 ? n : 0] = '\0';
    strcpy(strrchr(path, '/'), "/tocsin-courier");
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
    CHECK_RUN(the_agents_unit_and_its_drop_ins_are_guarded);
    CHECK_RUN(the_courier_beside_the_program_is_one_of_the_agents_own_files);
    CHECK_RUN(the_state_directory_is_guarded_without_a_watch_but_for_what_the_agent_writes);
    return check_result();
}
