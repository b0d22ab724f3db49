#include "alarm/clock.h"
#include "conf/utc.h"
#include "watch/detector.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/*
 * Clock: a timer that the kernel cancels when somebody sets the time. How far it jumped follows from the
 * clock that nobody can set. Slewing (adjtime) is no step, and neither is anything below a second.
 */
#define STEP_MS 1000
#define FOREVER_MS (365LL * 24 * 3600 * 1000)
#define LOOK_EVERY_MS 10000
#define BETWEEN_MS 20 /* two readings, or it was not at once */
#define TRIES 10

static struct {
    struct detector_env env;
    int timer;
    int error;         /* why the timer does not tell */
    int64_t looked_ms; /* when the two clocks were compared last */
    int64_t offset_ms; /* of the time of day against the time since boot */
} watched = { .timer = -1 };

static int64_t
read_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A process that does not run between the readings would see a step that nobody made, and another one back.
 */
static int64_t
offset_ms(void)
{
    int64_t boot_ms = read_ms(CLOCK_BOOTTIME);
    int64_t offset_ms = 0;

    for (int left = TRIES; left > 0; left--) {
        int64_t before_ms = boot_ms;

        offset_ms = read_ms(CLOCK_REALTIME) - before_ms;
        boot_ms = read_ms(CLOCK_BOOTTIME);
        if (boot_ms - before_ms < BETWEEN_MS) {
            break;
        }
    }
    return offset_ms;
}

/* Far away in any case: only its being cancelled matters. */
static int
arm(void)
{
    struct itimerspec when = { .it_value = { .tv_sec = (read_ms(CLOCK_REALTIME) + FOREVER_MS) / 1000 } };

    if (timerfd_settime(watched.timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL) != 0) {
        return -errno;
    }
    return 0;
}

/* Tells a step. Returns the offset that it saw. */
static int64_t
look(void)
{
    static const char subject[] = "clock";
    int64_t now_offset_ms = offset_ms();
    int64_t step_ms = now_offset_ms - watched.offset_ms;
    int64_t since_boot_ms = read_ms(CLOCK_BOOTTIME);
    char from[UTC_TEXT];
    char to[UTC_TEXT];
    struct finding f;

    if (llabs(step_ms) < STEP_MS) {
        return now_offset_ms;
    }
    finding_begin(&f, FINDING_TIME_STEP, "what", subject, strlen(subject));
    f.op = FINDING_EVENT;
    finding_addf(&f, "from", "%s", utc_text((since_boot_ms + now_offset_ms - step_ms) / 1000, from));
    finding_addf(&f, "to", "%s", utc_text((since_boot_ms + now_offset_ms) / 1000, to));
    finding_addf(&f, "step", "%+lld.%03llds", (long long)(step_ms / 1000), llabs(step_ms % 1000));
    watched.offset_ms = now_offset_ms;
    watched.env.report(watched.env.report_to, &f);
    return now_offset_ms;
}

static int
clock_open(const struct detector_env *env)
{
    watched.env = *env;
    watched.offset_ms = offset_ms();
    watched.timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watched.timer < 0) {
        return -errno;
    }
    watched.error = arm();
    return watched.error;
}

static int
clock_fds(struct pollfd *fds, int max)
{
    if (max < 1) {
        return 0;
    }
    fds[0] = (struct pollfd){ .fd = watched.timer, .events = POLLIN };
    return 1;
}

static void
clock_ready(const struct pollfd *fds, int count)
{
    uint64_t expirations;

    (void)fds;
    (void)count;
    (void)!read(watched.timer, &expirations, sizeof(expirations)); /* ECANCELED: the time was set */
    watched.error = arm();
    (void)look();
}

/*
 * A slow slew is no step: what it has moved since the last look is taken over. Anything faster was a step
 * that the timer did not tell.
 */
static int64_t
clock_work(int64_t now_ms)
{
    watched.offset_ms = look();
    watched.looked_ms = now_ms;
    return clock_next_ms(now_ms, LOOK_EVERY_MS);
}

/* One look cannot see a step. */
static int
clock_check(const struct detector_env *env)
{
    (void)env;
    return 0;
}

static void
clock_status(struct detector_status *out)
{
    status_source_or(out, "timer that a set clock cancels", watched.error, "compared each 10 s");
    out->pass_ms = watched.looked_ms;
    out->looked = 1;
}

const struct detector_ops detector_clock_ops = {
    .name = "clock",
    .source = FINDING_NET,
    .open = clock_open,
    .fds = clock_fds,
    .ready = clock_ready,
    .work = clock_work,
    .check = clock_check,
    .status = clock_status,
};
