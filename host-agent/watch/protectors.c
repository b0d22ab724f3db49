#include "alarm/clock.h"
#include "conf/protect.h"
#include "conf/utc.h"
#include "watch/detector.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Protectors: did the machine's other guards run when they should have? Their programs, settings and daemons
 * are watched by the detectors for files and daemons; here are only the marks that a run leaves.
 */
#define LOOK_EVERY_MS 60000
#define AFTER_BOOT_S 7200 /* what was due while the machine was off may take so long to be made up for */
#define AHEAD_S 86400     /* a mark from the future says nothing about the past */
#define HOUR_S 3600

static struct {
    struct detector_env env;
    int64_t looked_ms;
} watched;

static int64_t
read_s(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec;
}

static void
look_at(const struct detector_env *env, enum conf_protect which, uint32_t within_s)
{
    const char *name = conf_protect_name(which);
    int64_t last_s = protect_last_s(which);
    int64_t age_s = read_s(CLOCK_REALTIME) - last_s;
    bool late = (last_s < 0 || age_s > within_s) && read_s(CLOCK_BOOTTIME) >= AFTER_BOOT_S;
    bool ahead = age_s < -AHEAD_S;
    char last[UTC_TEXT];
    struct finding f;

    finding_begin(&f, FINDING_PROTECTOR_LATE, "name", name, strlen(name));
    if (late || ahead) {
        finding_addf(&f, "last", "%s", last_s < 0 ? "never" : utc_text(last_s, last));
        finding_addf(&f, "within", within_s % HOUR_S == 0 ? "%uh" : "%us",
                within_s % HOUR_S == 0 ? within_s / HOUR_S : within_s);
        if (ahead) {
            finding_addf(&f, "why", "future");
        }
    } else {
        f.op = FINDING_CLOSE;
    }
    env->report(env->report_to, &f);
}

static void
look(const struct detector_env *env)
{
    struct finding pass;

    finding_pass(&pass, FINDING_PROTECTORS, FINDING_PASS_BEGIN);
    env->report(env->report_to, &pass);
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        uint32_t within_s = protect_within_s(env->conf, (enum conf_protect)i);

        if (within_s > 0) {
            look_at(env, (enum conf_protect)i, within_s);
        }
    }
    finding_pass(&pass, FINDING_PROTECTORS, FINDING_PASS_END);
    env->report(env->report_to, &pass);
}

static int
protectors_open(const struct detector_env *env)
{
    watched.env = *env;
    return 0;
}

static int
protectors_fds(struct pollfd *fds, int max)
{
    (void)fds;
    (void)max;
    return 0;
}

static void
protectors_ready(const struct pollfd *fds, int count)
{
    (void)fds;
    (void)count;
}

static int64_t
protectors_work(int64_t now_ms)
{
    look(&watched.env);
    watched.looked_ms = now_ms;
    return clock_next_ms(now_ms, LOOK_EVERY_MS);
}

static int
protectors_check(const struct detector_env *env)
{
    look(env);
    return 0;
}

static void
protectors_status(struct detector_status *out)
{
    status_source(out, "each 60 s");
    out->pass_ms = watched.looked_ms;
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        if (watched.env.conf->protect[i].on) {
            status_note(out, "%s", conf_protect_name((enum conf_protect)i));
            out->looked++;
        }
    }
}

const struct detector_ops detector_protectors_ops = {
    .name = "protectors",
    .source = FINDING_PROTECTORS,
    .open = protectors_open,
    .fds = protectors_fds,
    .ready = protectors_ready,
    .work = protectors_work,
    .check = protectors_check,
    .status = protectors_status,
};
