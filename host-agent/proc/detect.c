#include "alarm/clock.h"
#include "proc/link.h"
#include "proc/rights.h"
#include "proc/role.h"
#include "watch/detector.h"
#include "wire/escape.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * The loop of fscheck, procscan and netwatch: each runs the detectors of its role.
 */
#define DETECTORS_MAX 4
#define CORE_PATIENCE_MS 100
#define AGAIN_MS 60000 /* until another process may find what there was too little of */

static const struct detector_ops *const by_role[ROLES][DETECTORS_MAX] = {
    [ROLE_FSCHECK] = { &detector_files_ops, &detector_protectors_ops },
    [ROLE_PROCSCAN] = { &detector_ports_ops, &detector_daemons_ops, &detector_processes_ops },
    [ROLE_NETWATCH] = { &detector_clock_ops, &detector_mounts_ops, &detector_routes_ops,
            &detector_system_ops },
};

const char *
role_detector(unsigned i)
{
    for (unsigned cell = 0; cell < ROLES * DETECTORS_MAX; cell++) {
        const struct detector_ops *ops = by_role[cell / DETECTORS_MAX][cell % DETECTORS_MAX];

        if (ops != NULL && i-- == 0) {
            return ops->name;
        }
    }
    return NULL;
}

struct running {
    const struct detector_ops *ops;
    int error; /* of open(): it cannot guard, and only its status is asked for */
    int64_t due_ms;
    int first_fd;
    int fds;
};

static void
show_life(void *to)
{
    role_alive(to, clock_boot_ms());
}

/* The core takes messages at once; when it is behind, the detector waits, but goes on showing life. */
static void
tell_core(struct role_self *self, const void *message, size_t len)
{
    while (link_send(ROLE_FD_LINK, message, len) == -EAGAIN) {
        link_wait_room(ROLE_FD_LINK, CORE_PATIENCE_MS);
        show_life(self);
    }
}

static void
report(void *to, const struct finding *f)
{
    tell_core(to, f, sizeof(*f));
}

static void
report_base(void *to, const uint8_t *root)
{
    struct base_message m = { .magic = BASE_MAGIC, .none = root == NULL };

    if (root != NULL) {
        memcpy(m.root, root, sizeof(m.root));
    }
    tell_core(to, &m, sizeof(m));
}

/* One that opens well may have been blind in the process before. */
static void
report_opened(struct role_self *self, const struct detector_ops *ops, int error)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "check", ops->name, strlen(ops->name));
    finding_addf(&f, "state", "blind");
    if (error < 0) {
        finding_add(&f, "why", strerror(-error), strlen(strerror(-error)));
    } else {
        f.op = FINDING_CLOSE;
    }
    report(self, &f);
}

static unsigned
open_all(struct role_self *self, const struct detector_env *env, struct running *running)
{
    unsigned count = 0;

    for (unsigned i = 0; i < DETECTORS_MAX && by_role[self->role][i] != NULL; i++) {
        const struct detector_ops *ops = by_role[self->role][i];
        int error = ops->open(env);

        running[count++] = (struct running){ .ops = ops, .error = error < 0 ? error : 0 };
        report_opened(self, ops, error);
    }
    self->missing |= self->role == ROLE_PROCSCAN ? rights_loaded() : 0;
    return count;
}

/* When this process should end and be started anew: a detector that failed keeps what it had opened. */
static int64_t
again_at(const struct running *running, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        switch (running[i].error) {
        case -EMFILE:
        case -ENFILE:
        case -ENOMEM:
        case -ENOBUFS:
        case -EAGAIN:
            return clock_boot_ms() + AGAIN_MS;
        default:
            break;
        }
    }
    return INT64_MAX;
}

static int
gather(struct running *running, unsigned count, struct pollfd *fds, int max)
{
    int used = 0;

    for (unsigned i = 0; i < count; i++) {
        running[i].first_fd = used;
        running[i].fds = running[i].error == 0 ? running[i].ops->fds(fds + used, max - used) : 0;
        used += running[i].fds;
    }
    return used;
}

static bool
any_ready(const struct pollfd *fds, int count)
{
    for (int i = 0; i < count; i++) {
        if (fds[i].revents != 0) {
            return true;
        }
    }
    return false;
}

/* True when the warden says stop, or is gone, or the core is. */
static bool
told_to_end(const struct pollfd *control, const struct pollfd *link)
{
    struct control_message m;
    int passed;

    if ((link->revents & (POLLHUP | POLLERR)) != 0) {
        return true;
    }
    if (control->revents == 0) {
        return false;
    }
    int heard = role_hear_warden(&m, &passed);
    return heard < 0 || (heard > 0 && m.kind == CONTROL_STOP);
}

static int64_t
work_all(struct running *running, unsigned count, int64_t now_ms)
{
    int64_t due_ms = INT64_MAX;

    for (unsigned i = 0; i < count; i++) {
        if (running[i].due_ms <= now_ms) {
            running[i].due_ms = running[i].error == 0 ? running[i].ops->work(now_ms) : INT64_MAX;
        }
        due_ms = running[i].due_ms < due_ms ? running[i].due_ms : due_ms;
    }
    return due_ms;
}

static void
tell_status(const struct running *running, unsigned count)
{
    struct detector_status s;

    for (unsigned i = 0; i < count; i++) {
        status_init(&s, running[i].ops->name);
        s.left = (uint8_t)(count - 1 - i);
        if (running[i].error != 0) {
            status_lower(&s, STATUS_BLIND);
            status_note(&s, "cannot guard: %s", strerror(-running[i].error));
        } else if (running[i].ops->status != NULL) {
            running[i].ops->status(&s);
        }
        (void)link_send(ROLE_FD_LINK, &s, sizeof(s)); /* a core that is behind takes what it was told last */
    }
}

static void
pass_address(struct running *running, unsigned count, const struct address_message *m)
{
    for (unsigned i = 0; i < count; i++) {
        if (running[i].error == 0 && running[i].ops->receiver != NULL) {
            running[i].ops->receiver(m->family, m->address);
            running[i].due_ms = 0;
        }
    }
}

static void
pass_device(struct running *running, unsigned count, const struct device_message *m)
{
    for (unsigned i = 0; i < count; i++) {
        if (running[i].error == 0 && running[i].ops->device != NULL) {
            running[i].ops->device(m->channel, m->device);
            running[i].due_ms = 0;
        }
    }
}

static void
hear_core(struct running *running, unsigned count)
{
    union {
        struct ask_message ask;
        struct address_message address;
        struct device_message device;
    } m;
    ssize_t n;

    while ((n = link_receive(ROLE_FD_LINK, &m, sizeof(m))) > 0) {
        if (message_ask_valid(&m, (size_t)n)) {
            tell_status(running, count);
        } else if (message_address_valid(&m, (size_t)n)) {
            pass_address(running, count, &m.address);
        } else if (message_device_valid(&m, (size_t)n)) {
            pass_device(running, count, &m.device);
        }
    }
}

static bool
settled(const struct running *running, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (running[i].error == 0 && running[i].ops->settled != NULL && !running[i].ops->settled()) {
            return false;
        }
    }
    return true;
}

static bool
any_in_kernel(const struct running *running, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (running[i].error == 0 && running[i].ops->in_kernel != NULL && running[i].ops->in_kernel()) {
            return true;
        }
    }
    return false;
}

int
role_detect(struct role_self *self)
{
    struct detector_env env = {
        .conf = self->conf,
        .report = report,
        .report_to = self,
        .alive = show_life,
        .alive_to = self,
        .base = report_base,
    };
    struct running running[DETECTORS_MAX];
    struct pollfd fds[2 + DETECTORS_MAX * DETECTOR_FDS];
    unsigned count = open_all(self, &env, running);
    int64_t again_ms = again_at(running, count);

    bool ready = false;
    for (int64_t now_ms; (now_ms = clock_boot_ms()) < again_ms;) {
        int64_t due_ms = work_all(running, count, now_ms);
        if (!ready && settled(running, count)) {
            role_tell_warden(self, CONTROL_READY);
            ready = true;
        }
        role_hurry(self, any_in_kernel(running, count));
        int64_t alive_ms = role_alive(self, now_ms);

        fds[0] = (struct pollfd){ .fd = ROLE_FD_CONTROL, .events = POLLIN };
        fds[1] = (struct pollfd){ .fd = ROLE_FD_LINK, .events = POLLIN };
        int used = 2 + gather(running, count, fds + 2, DETECTORS_MAX * DETECTOR_FDS);
        int wait_ms = role_timeout(now_ms, due_ms < alive_ms ? due_ms : alive_ms, ROLE_ALIVE_MS);
        (void)role_poll(fds, (nfds_t)used, wait_ms);
        if (told_to_end(&fds[0], &fds[1])) {
            return 0;
        }
        if (fds[1].revents != 0) {
            hear_core(running, count);
        }
        for (unsigned i = 0; i < count; i++) {
            if (any_ready(fds + 2 + running[i].first_fd, running[i].fds)) {
                running[i].ops->ready(fds + 2 + running[i].first_fd, running[i].fds);
                running[i].due_ms = 0; /* an event may have brought work */
            }
        }
    }
    return ROLE_TRIES_AGAIN;
}
