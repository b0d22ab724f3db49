#include "conf/protect.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAILY (26 * 3600) /* a day, and two hours for timers that take their time */

const struct protect protect_table[CONF_PROTECTS] = {
    [CONF_PROTECT_AIDE] = {
            .name = "aide",
            .watch = { "/usr/bin/aide", "/usr/sbin/aideinit", "/usr/share/aide", "/etc/aide",
                    "/etc/default/aide", "/var/lib/aide/aide.db", "/etc/cron.daily/aide",
                    "/etc/cron.daily/dailyaidecheck", NULL },
            .unit = { "*aidecheck*.*", NULL },
            .stamp = { "/var/log/aide/aide.log", "/var/lib/systemd/timers/stamp-dailyaidecheck.timer", NULL },
            .within_s = DAILY,
    },
    [CONF_PROTECT_TRIPWIRE] = {
            .name = "tripwire",
            .watch = { "/usr/sbin/tripwire", "/usr/sbin/twadmin", "/usr/sbin/twprint", "/usr/sbin/siggen",
                    "/etc/tripwire", "/etc/cron.daily/tripwire", "/var/lib/tripwire/*.twd", NULL },
            .stamp = { "/var/lib/tripwire/report", NULL },
            .within_s = DAILY,
    },
    [CONF_PROTECT_SAMHAIN] = {
            .name = "samhain",
            .watch = { "/usr/sbin/samhain", "/etc/samhain", "/etc/init.d/samhain",
                    "/var/lib/samhain/samhain_file", NULL },
            .unit = { "samhain.*", NULL },
            .daemon = { "/usr/sbin/samhain", NULL },
    },
    [CONF_PROTECT_RKHUNTER] = {
            .name = "rkhunter",
            .watch = { "/usr/bin/rkhunter", "/usr/share/rkhunter", "/etc/rkhunter.conf",
                    "/etc/rkhunter.conf.local", "/etc/rkhunter.d", "/etc/default/rkhunter",
                    "/etc/cron.daily/rkhunter", "/etc/cron.weekly/rkhunter",
                    "/var/lib/rkhunter/db/rkhunter.dat", NULL },
            .stamp = { "/var/log/rkhunter.log", NULL },
            .within_s = DAILY,
    },
    [CONF_PROTECT_CHKROOTKIT] = {
            .name = "chkrootkit",
            .watch = { "/usr/sbin/chkrootkit", "/usr/sbin/chkrootkit-daily", "/usr/lib/chkrootkit",
                    "/etc/chkrootkit", "/etc/cron.daily/chkrootkit", NULL },
            .unit = { "chkrootkit.*", NULL },
            .stamp = { "/var/log/chkrootkit/log.today", "/var/lib/systemd/timers/stamp-chkrootkit.timer", NULL },
            .within_s = DAILY,
    },
    [CONF_PROTECT_CRON] = {
            .name = "cron",
            /* Of its spool all but what Debian's at(1) keeps there: atjobs and atspool. */
            .watch = { "/usr/sbin/cron", "/usr/sbin/crond", "/usr/sbin/anacron", "/usr/bin/crontab",
                    "/etc/crontab", "/etc/anacrontab", "/etc/cron.*", "/etc/default/*cron",
                    "/etc/sysconfig/crond", "/etc/pam.d/cron*", "/var/spool/cron/[!a]*",
                    "/var/spool/cron/a[!t]*", "/var/spool/cron/at[!js]*", NULL },
            .unit = { "*cron*.*", NULL },
            .daemon = { "/usr/sbin/cron", "/usr/sbin/crond", NULL },
    },
    [CONF_PROTECT_MAILER] = {
            .name = "mailer",
            .watch = { "/usr/sbin/sendmail", "/usr/sbin/exim4", "/usr/lib/exim4", "/etc/exim4",
                    "/usr/lib/postfix", "/etc/postfix", "/usr/libexec/sendmail", "/etc/mail", "/etc/aliases",
                    NULL },
            .unit = { "exim*.*", "postfix*.*", "sendmail*.*", NULL },
            .daemon = { "/usr/sbin/exim4", "/usr/lib/postfix/sbin/master", "/usr/libexec/sendmail/sendmail",
                    "/usr/sbin/sendmail-mta", NULL },
    },
};

static bool
is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

bool
protect_installed(enum conf_protect which)
{
    const struct protect *p = &protect_table[which];
    bool there = is_there(p->watch[0]);

    for (unsigned i = 0; p->daemon[i] != NULL; i++) {
        there = there || is_there(p->daemon[i]);
    }
    return there;
}

/* A Watch line of the user's for the same path stands. */
static bool
add_watch(struct conf *conf, const char *path)
{
    for (unsigned i = 0; i < conf->watches; i++) {
        if (strcmp(conf->watch[i].path, path) == 0) {
            return true;
        }
    }
    return conf_add_watch(conf, path, strncmp(path, "/usr/", 5) == 0 ? "binaries" : NULL);
}

/* Units, their drop-ins, and the links that start them or put nothing in their places. */
static bool
add_unit(struct conf *conf, const char *name)
{
    static const char *const folders[] = { "/etc/systemd/system/**/", "/run/systemd/system/**/",
        "/usr/lib/systemd/system/" };
    char path[64];
    bool fits = true;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", folders[i], name);
        fits = add_watch(conf, path) && fits;
    }
    return fits;
}

static bool
add_daemon(struct conf *conf, const char *path)
{
    for (unsigned i = 0; i < conf->daemons; i++) {
        if (strcmp(conf->daemon[i].exe, path) == 0) {
            return true;
        }
    }
    if (conf->daemons == CONF_DAEMONS) {
        return false;
    }
    struct conf_daemon *d = &conf->daemon[conf->daemons++];

    memset(d, 0, sizeof(*d));
    memcpy(d->exe, path, strlen(path) + 1);
    return true;
}

static bool
expand(struct conf *conf, const struct protect *p)
{
    bool fits = true;

    for (unsigned i = 0; p->watch[i] != NULL; i++) {
        fits = add_watch(conf, p->watch[i]) && fits;
    }
    for (unsigned i = 0; p->unit[i] != NULL; i++) {
        fits = add_unit(conf, p->unit[i]) && fits;
    }
    if (p->daemon[0] != NULL) {
        const char *daemon = p->daemon[0];

        for (unsigned i = 0; p->daemon[i] != NULL; i++) {
            if (is_there(p->daemon[i])) {
                daemon = p->daemon[i];
                break;
            }
        }
        fits = add_daemon(conf, daemon) && fits;
    }
    return fits;
}

bool
protect_expand(struct conf *conf)
{
    bool fits = true;

    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        struct conf_protector *c = &conf->protect[i];

        c->on = c->on || (conf->protect_auto && protect_installed((enum conf_protect)i));
        fits = (!c->on || expand(conf, &protect_table[i])) && fits;
    }
    return fits;
}

uint32_t
protect_within_s(const struct conf *conf, enum conf_protect which)
{
    const struct conf_protector *c = &conf->protect[which];

    if (!c->on || protect_table[which].stamp[0] == NULL) {
        return 0;
    }
    return c->given ? c->within_s : protect_table[which].within_s;
}

int64_t
protect_last_s(enum conf_protect which)
{
    int64_t last_s = -1;
    struct stat st;

    for (unsigned i = 0; protect_table[which].stamp[i] != NULL; i++) {
        if (stat(protect_table[which].stamp[i], &st) == 0 && st.st_mtim.tv_sec > last_s) {
            last_s = st.st_mtim.tv_sec;
        }
    }
    return last_s;
}
