#include "belfry/notify/kind.h"

#include "belfry/clock.h"
#include "belfry/notify/facility.h"
#include "belfry/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOG_SOCKET "/dev/log"
#define AGAIN_MS 100
#define PATIENCE_MS \
    10000 /* a log daemon that is away for longer is not waited for: its machine may have none */
#define TEXT 1024

/* To the log daemon of this machine, as syslog(3) does, but without waiting for it. */

static int facility;
static int log_fd = -1;
static int64_t again_ms = INT64_MAX;
static int64_t away_ms = -1; /* since when, -1 for it is there */
static struct notify_task *held;

static bool
open_log(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };

    if (log_fd < 0) {
        log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    return log_fd >= 0 && connect(log_fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

static int
local_text(char out[TEXT], const struct notice *n)
{
    const struct alarm *a = &n->alarm;
    char detail[RECORD_DETAIL];
    char when[32];
    time_t now = time(NULL);
    struct tm tm;

    (void)localtime_r(&now, &tm);
    (void)strftime(when, sizeof when, "%b %e %H:%M:%S", &tm);
    (void)text_detail(detail, sizeof detail, a->detail, strlen(a->detail));
    return snprintf(out, TEXT, "<%d>%s belfry[%ld]: alarm %lld %s: %s %s %s %s", facility | (int)a->severity,
            when, (long)getppid(), (long long)a->id, n->closed ? "closed" : "open",
            a->host[0] != '\0' ? a->host : "-", wire_severity_name(a->severity), a->code, detail);
}

static bool
send_one(const struct notice *n)
{
    char text[TEXT];
    int len = local_text(text, n);

    return (log_fd >= 0 || open_log()) && send(log_fd, text, (size_t)len, MSG_NOSIGNAL) == len;
}

static void
away(int64_t now_ms)
{
    if (errno != EAGAIN && log_fd >= 0) {
        (void)close(log_fd);
        log_fd = -1;
    }
    if (away_ms < 0) {
        away_ms = now_ms;
    }
    again_ms = now_ms + AGAIN_MS;
}

static int
local_start(void)
{
    const char *name = notify_option("facility");

    facility = facility_of(name != NULL ? name : "daemon");
    return 0;
}

static unsigned
local_polls(struct pollfd *p, int64_t *due_ms)
{
    (void)p;
    *due_ms = held != NULL ? again_ms : INT64_MAX;
    return 0;
}

static void
local_turn(const struct pollfd *p, unsigned count)
{
    int64_t now_ms = clock_ms();

    (void)p;
    (void)count;
    while (held != NULL || (held = notify_next()) != NULL) {
        if (send_one(&held->message.of.notice)) {
            away_ms = -1;
        } else {
            away(now_ms);
            if (now_ms - away_ms < PATIENCE_MS) {
                return;
            }
        }
        notify_told(held);
        held = NULL;
    }
}

const struct notify_kind notify_local = {
    .name = "syslog",
    .keeps_user = true,
    .start = local_start,
    .polls = local_polls,
    .turn = local_turn,
};
