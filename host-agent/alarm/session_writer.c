#include "alarm/session_writer.h"
#include "alarm/clock.h"
#include "alarm/errand.h"
#include "alarm/session_file.h"
#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <sys/mman.h>

#define STACK 32768 /* a slot, a hash and what the C library asks for */

static struct {
    bool given; /* and not taken back */
    struct errand errand;
    struct session_writer_job job;
} writer = { .errand = { .wake = -1, .done = -1 } };

static alignas(4096) uint8_t stack[STACK];

static void
work(void)
{
    struct session_writer_job *job = &writer.job;

    job->overwritten = job->look && !session_file_holds(job->fd, &job->state);
    if (!job->look || job->overwritten) {
        job->error = session_file_write(job->fd, &job->state, &job->slot);
    }
    (void)fstat(job->fd, &job->file);
}

static bool
runs(void)
{
    return writer.errand.done >= 0;
}

/* Roots pass through here: neither swap nor a core dump gets them. What is not allowed is the core's to tell.
 */
static void
protect_keys(void)
{
    (void)mlock(&writer, sizeof(writer));
    (void)mlock(stack, sizeof(stack));
    (void)madvise(stack, sizeof(stack), MADV_DONTDUMP);
}

int
session_writer_start(void)
{
    if (runs()) {
        return 0;
    }
    protect_keys();
    return errand_start(&writer.errand, work, stack, sizeof(stack));
}

int
session_writer_fd(void)
{
    return writer.errand.done;
}

bool
session_writer_busy(void)
{
    return writer.given;
}

bool
session_writer_give(const struct session_writer_job *job)
{
    if (!runs() || writer.given) {
        return false;
    }
    writer.given = true;
    writer.job = *job;
    errand_give(&writer.errand);
    return true;
}

bool
session_writer_take(struct session_writer_job *job, int wait_ms)
{
    struct pollfd p = { .fd = writer.errand.done, .events = POLLIN };
    int64_t until_ms = clock_boot_ms() + wait_ms;
    int64_t left_ms = wait_ms;

    if (!writer.given) {
        return false;
    }
    while (left_ms > 0 && poll(&p, 1, (int)left_ms) < 0 && errno == EINTR) {
        left_ms = until_ms - clock_boot_ms();
    }
    if (!errand_back(&writer.errand)) {
        return false;
    }
    *job = writer.job;
    wire_wipe(&writer.job.state, sizeof(writer.job.state));
    writer.given = false;
    return true;
}
