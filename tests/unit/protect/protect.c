#include "conf/protect.h"
#include "support/check.h"

static struct conf conf;

/* What Debian 12's packages install: dpkg -L and dpkg -c, by guard, with merged directories. */
static const struct {
    enum conf_protect which;
    const char *path;
} debian[] = {
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

        if (strncmp(path, conf.watch[i].path, len) == 0 && (path[len] == '\0' || path[len] == '/')) {
            return true;
        }
    }
    return false;
}

static void
what_debian_installs_of_a_guard_is_watched(void)
{
    for (size_t i = 0; i < sizeof(debian) / sizeof(debian[0]); i++) {
        begin();
        CHECK(!watched(debian[i].path));
        conf.protect[debian[i].which].on = true;
        CHECK(protect_expand(&conf));
        if (!watched(debian[i].path)) {
            printf("%s: %s is not watched\n", conf_protect_name(debian[i].which), debian[i].path);
            check_failures++;
        }
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
    CHECK(conf.watches <= CONF_WATCHES / 2 + 8);
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
    CHECK_RUN(every_row_is_made_of_paths_that_a_configuration_could_hold);
    CHECK_RUN(a_guard_that_must_run_is_demanded_even_when_it_is_not_there);
    CHECK_RUN(all_of_them_fit_and_what_does_not_is_said);
    CHECK_RUN(auto_is_what_is_installed);
    return check_result();
}
