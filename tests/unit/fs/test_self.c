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
    CHECK_INT(self.error, 0);
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
    self.digest[31] ^= 1;
    fs_self_tell(&self, &base, &roots, &ground.env);
    const struct finding *f = ground_begins("image=running state=differs");
    CHECK(f != NULL && f->op == FINDING_OPEN && f->code == FINDING_AGENT_SELF);
    fs_self_tell(&self, &base, &roots, &ground.env);
    CHECK_INT(ground_count, 2);
    self.digest[31] ^= 1;
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
    self.error = -5;
    fs_self_tell(&self, &base, &roots, &ground.env);
    CHECK(ground_begins("image=running state=unreadable") != NULL);
    end();
}

static void
the_agents_unit_and_its_drop_ins_are_guarded(void)
{
    static const char *const paths[] = { "/etc/systemd/system/tocsin.service",
        "/etc/systemd/system/tocsin.service.d/override.conf", "/usr/lib/systemd/system/tocsin.service" };

    begin();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        CHECK(fs_roots_hold(&roots, (const uint8_t *)paths[i], strlen(paths[i])));
    }
    CHECK(!fs_roots_hold(&roots, (const uint8_t *)"/etc/systemd/system/ssh.service", 31));
    end();
}

int
main(void)
{
    CHECK_RUN(the_program_that_the_baseline_knows_is_no_finding);
    CHECK_RUN(another_program_than_the_baselines_is_told_until_it_is_that_one_again);
    CHECK_RUN(a_program_that_cannot_be_read_is_told);
    CHECK_RUN(the_agents_unit_and_its_drop_ins_are_guarded);
    return check_result();
}
