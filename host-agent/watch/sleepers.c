#include "watch/sleepers.h"
#include "alarm/pages.h"
#include <time.h>

#define PLACES 2048 /* two processes of one place put each other out */
#define TIMES 8

struct sleeper {
    int32_t pid;
    uint8_t times[SLEEPERS_WHO]; /* each was asked since it was added; 0: it was not */
    int64_t ran;                 /* when one of them was added last */
};

static struct sleeper place[PLACES];

static struct {
    int32_t pid;
    int64_t ran; /* before the look that was asked for */
} asked;

int64_t
sleepers_ran(int32_t pid)
{
    struct timespec t; /* clock_getcpuclockid(3) would ask twice */
    uint32_t clock = (-(uint32_t)pid - 1) * 8 + 2;

    return clock_gettime((clockid_t)clock, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : 0;
}

bool
sleepers_has(int32_t pid, enum sleepers_who who)
{
    struct sleeper *s = &place[(uint32_t)pid % PLACES];

    if (asked.pid == 0) {
        pages_touch(place, sizeof(place)); /* at the start, and not as processes come that use it */
    }
    asked.pid = pid;
    asked.ran = sleepers_ran(pid);
    if (s->pid != pid || asked.ran == 0) {
        return false;
    }
    if (s->ran != asked.ran || s->times[who] == 0 || ++s->times[who] > TIMES) {
        s->times[who] = 0;
    }
    return s->times[who] != 0;
}

/* What others added before it ran again is true no more. */
void
sleepers_add(int32_t pid, enum sleepers_who who)
{
    struct sleeper *s = &place[(uint32_t)pid % PLACES];

    if (pid != asked.pid) {
        return;
    }
    if (s->pid != pid || s->ran != asked.ran) {
        *s = (struct sleeper){ .pid = pid, .ran = asked.ran };
    }
    s->times[who] = 1;
}

bool
sleepers_slept(int32_t pid, enum sleepers_who who)
{
    const struct sleeper *s = &place[(uint32_t)pid % PLACES];

    return s->pid == pid && s->times[who] > 0 && s->ran != 0 && s->ran == sleepers_ran(pid);
}
