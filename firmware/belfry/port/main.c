#include "belfry/port/jobs.h"

#include "hal/host/serial_find.h"
#include "hal/host/serial_open.h"
#include "hal/host/usb_name.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PART_MS 1000 /* for what is to be closed when belfry ends */

/* ---- what a job does; in any thread */

/* The device that has the line's name now: a path, or a USB port by what it says it is or where it hangs. 0
 * or -errno. */
static int
find(const char *place, char out[CONF_PATH])
{
    struct hal_usb_name usb;

    if (place[0] == '/') {
        memcpy(out, place, strlen(place) + 1);
        return 0;
    }
    if (strncmp(place, CONF_USB_PORT, strlen(CONF_USB_PORT)) == 0) {
        return hal_serial_find_at(place + strlen(CONF_USB_PORT), out, CONF_PATH);
    }
    if (strncmp(place, CONF_USB, strlen(CONF_USB)) != 0 ||
            !hal_usb_name_parse(place + strlen(CONF_USB), &usb)) {
        return -EINVAL;
    }
    return hal_serial_find(usb.vendor, usb.product, usb.serial, out, CONF_PATH);
}

/* `fd` is closed here. */
static void
answer(uint32_t number, int error, int fd)
{
    struct dial_message m;

    memset(&m, 0, DIAL_HEAD);
    m.kind = error == 0 ? DIAL_CAME : DIAL_FAILED;
    m.number = number;
    m.error = -error;
    if (dial_send_patiently(DIAL_FD, &m, fd) != 0 && fd >= 0) {
        hal_serial_close(fd);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

static void
open_port(const struct job *job)
{
    char device[CONF_PATH];
    int fd = find(job->place, device);

    if (fd == 0) {
        fd = hal_serial_open(device, &job->line, job->writes);
    }
    answer(job->number, fd < 0 ? fd : 0, fd < 0 ? -1 : fd);
}

static void
set_port(const struct job *job)
{
    int error = hal_serial_set(job->fd, &job->settings);

    if (error != 0) {
        (void)close(job->fd);
    }
    answer(job->number, error, error == 0 ? job->fd : -1);
}

static void
work(struct job *job)
{
    switch (job->kind) {
    case DIAL_PORT:
        open_port(job);
        break;
    case DIAL_SET:
        set_port(job);
        break;
    default:
        hal_serial_close(job->fd);
        break;
    }
}

/* ---- what belfry asks */

static struct dial_message message;

static struct job *
make_job(int passed)
{
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL) {
        _exit(1); /* belfry starts us again */
    }
    job->kind = message.kind;
    job->number = message.number;
    job->fd = passed;
    if (message.kind == DIAL_SET) {
        memcpy(&job->settings, message.bytes, sizeof job->settings);
    } else if (message.kind == DIAL_PORT) {
        job->writes = message.serial.writes != 0;
        (void)snprintf(job->place, sizeof job->place, "%s", dial_text(&message, 1));
        (void)snprintf(job->frame, sizeof job->frame, "%s", dial_text(&message, 2));
        job->line = (struct hal_tty_line){
            .baud = message.serial.baud, .frame = job->frame, .flow = (enum hal_tty_flow)message.serial.flow
        };
    }
    return job;
}

static void
obey(int passed)
{
    bool with = message.kind == DIAL_SET || message.kind == DIAL_CLOSE;
    struct job *job;

    if ((message.kind != DIAL_PORT && !with) || with != (passed >= 0)) {
        if (passed >= 0) {
            (void)close(passed);
        }
        return;
    }
    job = make_job(passed);
    if (!jobs_add(job)) {
        answer(job->number, -EBUSY, -1);
        free(job);
    }
}

/* False when belfry is gone. */
static bool
take_messages(void)
{
    int passed;
    int n;

    while ((n = dial_receive(DIAL_FD, &message, &passed)) > 0) {
        if (!dial_message_valid(&message, (size_t)n)) {
            return false;
        }
        obey(passed);
    }
    return n == -EAGAIN;
}

static void
serve(void)
{
    struct pollfd link = { .fd = DIAL_FD, .events = POLLIN };

    while (take_messages()) {
        (void)poll(&link, 1, jobs_tend());
    }
}

/* ---- beginning */

static void
set_up(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct rlimit limit;

    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)close_range(DIAL_FD + 1, ~0U, 0);
    (void)fcntl(DIAL_FD, F_SETFD, FD_CLOEXEC);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    limit = (struct rlimit){ 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &limit);
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    (void)prctl(PR_SET_NAME, "belfry-port");
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    /* Belfry's end of the link is what ends us: signals to the whole group are not for us. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

int
main(int argc, char **argv)
{
    int kind = 0;
    socklen_t len = sizeof kind;

    (void)argv;
    if (getsockopt(DIAL_FD, SOL_SOCKET, SO_TYPE, &kind, &len) != 0 || kind != SOCK_SEQPACKET || argc != 2) {
        (void)fprintf(stderr, "belfry-port: started by belfry, for its serial lines\n");
        return 2;
    }
    set_up();
    if (jobs_init(work) != 0) {
        (void)fprintf(stderr, "belfry-port: cannot start\n");
        return 2;
    }
    serve();
    jobs_finish(PART_MS);
    return 0;
}
