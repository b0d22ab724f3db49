#include "conf/protect.h"
#include "conf/pattern.h"
#include "support/check.h"

static struct conf conf;

struct place {
    enum conf_protect which;
    const char *path;
};

/* What Debian 12's packages install: dpkg -L and dpkg -c, by guard, with merged directories. */
static const struct place debian[] = {
    { CONF_PROTECT_AIDE, "/usr/bin/aide" },
    { CONF_PROTECT_AIDE, "/usr/sbin/aideinit" },
    { CONF_PROTECT_AIDE, "/usr/share/aide/bin/dailyaidecheck" },
    { CONF_PROTECT_AIDE, "/etc/aide/aide.conf" },
    { CONF_PROTECT_AIDE, "/usr/lib/systemd/system/dailyaidecheck.service" },
    { CONF_PROTECT_AIDE, "/usr/lib/systemd/system/dailyaidecheck.timer" },
    { CONF_PROTECT_TRIPWIRE, "/usr/sbin/tripwire" },
    { CONF_PROTECT_TRIPWIRE, "/usr/sbin/twadmin" },
    { CONF_PROTECT_TRIPWIRE, "/etc/tripwire/twpol.txt" },
    { CONF_PROTECT_TRIPWIRE, "/etc/cron.daily/tripwire" },
    { CONF_PROTECT_SAMHAIN, "/usr/sbin/samhain" },
    { CONF_PROTECT_SAMHAIN, "/etc/samhain/samhainrc" },
    { CONF_PROTECT_SAMHAIN, "/etc/init.d/samhain" },
    { CONF_PROTECT_RKHUNTER, "/usr/bin/rkhunter" },
    { CONF_PROTECT_RKHUNTER, "/usr/share/rkhunter/scripts/check_modules.pl" },
    { CONF_PROTECT_RKHUNTER, "/etc/rkhunter.conf" },
    { CONF_PROTECT_RKHUNTER, "/etc/cron.daily/rkhunter" },
    { CONF_PROTECT_RKHUNTER, "/etc/cron.weekly/rkhunter" },
    { CONF_PROTECT_CHKROOTKIT, "/usr/sbin/chkrootkit" },
    { CONF_PROTECT_CHKROOTKIT, "/usr/sbin/chkrootkit-daily" },
    { CONF_PROTECT_CHKROOTKIT, "/usr/lib/chkrootkit/chkproc" },
    { CONF_PROTECT_CHKROOTKIT, "/etc/chkrootkit/chkrootkit.conf" },
    { CONF_PROTECT_CHKROOTKIT, "/usr/lib/systemd/system/chkrootkit.timer" },
    { CONF_PROTECT_CRON, "/usr/sbin/cron" },
    { CONF_PROTECT_CRON, "/usr/bin/crontab" },
    { CONF_PROTECT_CRON, "/etc/crontab" },
    { CONF_PROTECT_CRON, "/etc/cron.daily/0anacron" },
    { CONF_PROTECT_CRON, "/usr/lib/systemd/system/cron.service" },
    { CONF_PROTECT_MAILER, "/usr/sbin/exim4" },
    { CONF_PROTECT_MAILER, "/usr/lib/postfix/sbin/master" },
    { CONF_PROTECT_MAILER, "/etc/postfix/post-install" },
    { CONF_PROTECT_MAILER, "/usr/libexec/sendmail/sendmail" },
    { CONF_PROTECT_MAILER, "/etc/mail/service.switch" },
};

/* Where an administrator, an attacker or another distribution puts what decides whether a guard runs. */
static const struct place elsewhere[] = {
    { CONF_PROTECT_AIDE, "/etc/systemd/system/dailyaidecheck.timer" },
    { CONF_PROTECT_AIDE, "/etc/systemd/system/dailyaidecheck.timer.d/never.conf" },
    { CONF_PROTECT_AIDE, "/etc/systemd/system/timers.target.wants/dailyaidecheck.timer" },
    { CONF_PROTECT_SAMHAIN, "/etc/systemd/system/samhain.service" },
    { CONF_PROTECT_CHKROOTKIT, "/run/systemd/system/chkrootkit.timer" },
    { CONF_PROTECT_CRON, "/etc/anacrontab" },
    { CONF_PROTECT_CRON, "/etc/cron.allow" },
    { CONF_PROTECT_CRON, "/etc/cron.deny" },
    { CONF_PROTECT_CRON, "/etc/cron.yearly/x" },
    { CONF_PROTECT_CRON, "/etc/pam.d/cron" },
    { CONF_PROTECT_CRON, "/etc/default/anacron" },
    { CONF_PROTECT_CRON, "/etc/systemd/system/cron.service" },
    { CONF_PROTECT_CRON, "/etc/systemd/system/cron.service.d/override.conf" },
    { CONF_PROTECT_CRON, "/etc/systemd/system/multi-user.target.wants/cron.service" },
    { CONF_PROTECT_CRON, "/run/systemd/system/cron.service" },
    { CONF_PROTECT_CRON, "/run/systemd/system/cron.service.d/override.conf" },
    { CONF_PROTECT_CRON, "/usr/lib/systemd/system/cron.service.d/override.conf" },
    { CONF_PROTECT_CRON, "/etc/systemd/system/anacron.timer" },
    { CONF_PROTECT_CRON, "/usr/sbin/crond" },
    { CONF_PROTECT_CRON, "/usr/lib/systemd/system/crond.service" },
    { CONF_PROTECT_CRON, "/etc/sysconfig/crond" },
    { CONF_PROTECT_CRON, "/etc/pam.d/crond" },
    { CONF_PROTECT_CRON, "/var/spool/cron/root" },
    { CONF_PROTECT_CRON, "/var/spool/cron/apache" },
    { CONF_PROTECT_CRON, "/var/spool/cron/atlas" },
    { CONF_PROTECT_CRON, "/var/spool/cron/crontabs/root" },
    { CONF_PROTECT_MAILER, "/etc/systemd/system/exim4.service" },
    { CONF_PROTECT_MAILER, "/etc/systemd/system/postfix@.service.d/x.conf" },
    { CONF_PROTECT_MAILER, "/run/systemd/system/sendmail.service" },
};

/* Beside them, and no guard's. */
static const char *const others[] = { "/etc/systemd/system/ssh.service",
    "/run/systemd/system/ssh.service.d/x", "/etc/systemd/system/multi-user.target.wants/ssh.service",
    "/var/spool/cron/atjobs/a1", "/var/spool/cron/atspool/a1", "/etc/crypttab", "/etc/pam.d/sshd",
    "/etc/systemd/system" };

static void
begin(void)
{
    memset(&conf, 0, sizeof(conf));
    CHECK(conf_init(&conf, NULL, NULL));
}

static bool
watched(const char *path)
{
    for (unsigned i = 0; i < conf.watches; i++) {
        size_t len = strlen(conf.watch[i].path);
        struct pattern p;

        CHECK(pattern_parse(&p, conf.watch[i].path, len) == NULL);
        if (p.parts > 0 && pattern_covers(&p, path, strlen(path))) {
            return true;
        }
        if (strncmp(path, conf.watch[i].path, len) == 0 && (path[len] == '\0' || path[len] == '/')) {
            return true;
        }
    }
    return false;
}

static void
expect_watched(const struct place *place, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        begin();
        CHECK(!watched(place[i].path));
        conf.protect[place[i].which].on = true;
        CHECK(protect_expand(&conf));
        if (!watched(place[i].path)) {
            printf("%s: %s is not watched\n", conf_protect_name(place[i].which), place[i].path);
            check_failures++;
        }
    }
}

static void
what_debian_installs_of_a_guard_is_watched(void)
{
    expect_watched(debian, sizeof(debian) / sizeof(debian[0]));
}

static void
what_decides_whether_a_guard_runs_is_watched_wherever_it_may_come(void)
{
    expect_watched(elsewhere, sizeof(elsewhere) / sizeof(elsewhere[0]));
}

static void
what_belongs_to_no_guard_is_not_watched(void)
{
    begin();
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        conf.protect[i].on = true;
    }
    CHECK(protect_expand(&conf));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK(!watched(others[i]));
    }
}

static void
every_row_is_made_of_paths_that_a_configuration_could_hold(void)
{
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        const struct protect *p = &protect_table[i];

        CHECK(p->name != NULL && p->watch[0] != NULL);
        for (unsigned k = 0; p->watch[k] != NULL; k++) {
            CHECK(conf_path_valid(p->watch[k], strlen(p->watch[k])));
        }
        for (unsigned k = 0; p->daemon[k] != NULL; k++) {
            CHECK(conf_path_valid(p->daemon[k], strlen(p->daemon[k])));
        }
        for (unsigned k = 0; p->stamp[k] != NULL; k++) {
            CHECK(conf_path_valid(p->stamp[k], strlen(p->stamp[k])));
        }
        CHECK((p->stamp[0] != NULL) == (p->within_s > 0));
        CHECK(p->stamp[0] != NULL || p->daemon[0] != NULL);
    }
}

static void
a_guard_that_must_run_is_demanded_even_when_it_is_not_there(void)
{
    begin();
    conf.protect[CONF_PROTECT_SAMHAIN].on = true;
    CHECK(protect_expand(&conf));
    CHECK_INT(conf.daemons, 1);
    CHECK_STR(conf.daemon[0].exe, "/usr/sbin/samhain");
    CHECK(protect_expand(&conf));
    CHECK_INT(conf.daemons, 1);
}

static void
all_of_them_fit_and_what_does_not_is_said(void)
{
    begin();
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        conf.protect[i].on = true;
    }
    CHECK(protect_expand(&conf));
    CHECK(conf.watches <= CONF_WATCHES * 5 / 8);
    begin();
    conf.watches = CONF_WATCHES - 1;
    conf.protect[CONF_PROTECT_CRON].on = true;
    CHECK(!protect_expand(&conf));
}

static void
auto_is_what_is_installed(void)
{
    begin();
    conf.protect_auto = true;
    CHECK(protect_expand(&conf));
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        CHECK(conf.protect[i].on == protect_installed((enum conf_protect)i));
    }
}

int
main(void)
{
    CHECK_RUN(what_debian_installs_of_a_guard_is_watched);
    CHECK_RUN(what_decides_whether_a_guard_runs_is_watched_wherever_it_may_come);
    CHECK_RUN(what_belongs_to_no_guard_is_not_watched);
    CHECK_RUN(every_row_is_made_of_paths_that_a_configuration_could_hold);
    CHECK_RUN(a_guard_that_must_run_is_demanded_even_when_it_is_not_there);
    CHECK_RUN(all_of_them_fit_and_what_does_not_is_said);
    CHECK_RUN(auto_is_what_is_installed);
    return check_result();
}
