#include "proc/role.h"
#include "alarm/clock.h"
#include "alarm/pages.h"
#include "conf/name.h"
#include "proc/image.h"
#include "proc/link.h"
#include "proc/rights.h"
#include "wire/line.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#ifdef PLANT_ALLOCATION
#include <stdlib.h>
#endif
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifdef PLANT_FORBIDDEN_CALL
/* Not with the first signs of life: a core that ends with those has not told how the one before ended. */
static void
call_what_is_forbidden(const struct role_self *self)
{
    static unsigned signs;

    if (++signs > 2 && strncmp(self->conf->host, "forbid-", 7) == 0 &&
            strcmp(self->conf->host + 7, role_name(self->role)) == 0) {
        (void)socket(AF_PACKET, SOCK_RAW, 0);
    }
}
#endif

#ifdef PLANT_ALLOCATION
/* Each role at a sign of life of its own: a core that ends takes the others along. */
static void
allocate(const struct role_self *self)
{
    static unsigned signs;

    if (++signs == 2 * ((unsigned)ROLE_COURIER - (unsigned)self->role)) {
        void *volatile block = malloc(1);

        free(block);
    }
}
#endif

/* Behind the whole second: whom the core wakes then waits for that. */
static int64_t
place_in_second(enum role role)
{
    return role == ROLE_WIRE || role == ROLE_COURIER ? 200 : 0;
}

int64_t
role_next_ms(enum role role, int64_t now_ms, int64_t every_ms)
{
    return place_in_second(role) + clock_next_ms(now_ms + ROLE_EARLY_MS - place_in_second(role), every_ms);
}

void
role_hurry(struct role_self *self, bool hurried)
{
    if (hurried && !self->hurried) {
        self->alive_ms = 0;
    }
    self->hurried = hurried;
}

void
role_show_life(int pulse, int64_t until_ms)
{
    const struct itimerspec when = { .it_value = { .tv_sec = until_ms / 1000,
                                             .tv_nsec = until_ms % 1000 * 1000000 } };

    (void)timerfd_settime(pulse, TFD_TIMER_ABSTIME, &when, NULL);
}

int64_t
role_alive(struct role_self *self, int64_t now_ms)
{
    if (now_ms + ROLE_EARLY_MS >= self->alive_ms) {
#ifdef PLANT_FORBIDDEN_CALL
        call_what_is_forbidden(self);
#endif
#ifdef PLANT_ALLOCATION
        allocate(self);
#endif
        self->alive_ms = role_next_ms(self->role, now_ms, self->hurried ? ROLE_HURRIED_MS : ROLE_ALIVE_MS);
        role_show_life(ROLE_FD_PULSE, self->alive_ms + ROLE_LATE_MS);
        if (image_rest(&self->rested_ms, now_ms)) {
            pages_rest(self->conf, sizeof(*self->conf)); /* sealed: it comes back as it was */
        }
    }
    return self->alive_ms;
}

bool
role_was_absent(int64_t *turn_ms, int64_t now_ms)
{
    bool absent = *turn_ms != 0 && now_ms - *turn_ms > ROLE_ABSENT_MS;

    *turn_ms = now_ms;
    return absent;
}

void
role_tell_warden(const struct role_self *self, enum control_kind kind)
{
    struct control_message m = { .kind = (uint8_t)kind,
        .role = (uint8_t)self->role,
        .index = (uint8_t)self->index,
        .value = kind == CONTROL_READY ? (int32_t)self->missing : 0 };

    link_send(ROLE_FD_CONTROL, &m, sizeof(m));
}

int
role_hear_warden(struct control_message *out, int *passed)
{
    ssize_t n = link_receive_fd(ROLE_FD_CONTROL, out, sizeof(*out), passed);

    if (n == 0) {
        return -1;
    }
    if (n < 0) {
        return n == -EAGAIN ? 0 : -1;
    }
    if (!message_control_valid(out, (size_t)n)) {
        if (*passed >= 0) {
            close(*passed);
        }
        return 0;
    }
    return 1;
}

int
role_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    int n = poll(fds, count, timeout_ms);

    if (n < 0 && errno != EINTR) {
        _exit(ROLE_CANNOT_WAIT);
    }
    return n;
}

int
role_timeout(int64_t now_ms, int64_t due_ms, int most_ms)
{
    if (due_ms <= now_ms) {
        return 0;
    }
    return due_ms - now_ms < most_ms ? (int)(due_ms - now_ms) : most_ms;
}

static const struct conf *
map_conf(void)
{
    struct stat st;

    if (fstat(ROLE_FD_CONF, &st) < 0 || st.st_size != (off_t)sizeof(struct conf) ||
            !image_is_sealed(ROLE_FD_CONF)) {
        return NULL;
    }
    const struct conf *conf = image_map(ROLE_FD_CONF, sizeof(*conf));
    close(ROLE_FD_CONF);
    return conf;
}

static void
take_name(enum role role)
{
    char name[16];

    if (name_disguised()) {
        prctl(PR_SET_NAME, name_program());
        return;
    }
    snprintf(name, sizeof(name), "tocsin-%s", role_name(role));
    prctl(PR_SET_NAME, name);
}

int
role_begin(struct role_self *self, enum role role, unsigned index)
{
    struct stat st;

    *self = (struct role_self){ .role = role, .index = index };
    if (fstat(ROLE_FD_CONTROL, &st) < 0 || !S_ISSOCK(st.st_mode) ||
            (role != ROLE_OPENER && fcntl(ROLE_FD_PULSE, F_GETFD) < 0)) {
        return -ENOTSOCK;
    }
    rights_begin(role);
    take_name(role);
    self->conf = map_conf();
    self->alive_ms = clock_boot_ms();
    return self->conf != NULL ? 0 : -ENODATA;
}

/* Its folder was given to it; where that could not be, it stays who it is. */
static bool
owns(int folder, uint32_t id)
{
    struct stat st;

    return fstat(folder, &st) == 0 && st.st_uid == id;
}

static struct rights_order
order_of(const struct role_self *self)
{
    struct rights_order order = { .role = self->role, .id = self->id, .folder = -1 };

    if (self->role == ROLE_COURIER) {
        order.folder = ROLE_FD_SPOOL;
        order.id = owns(ROLE_FD_SPOOL, self->id) ? self->id : 0;
        order.port = self->conf->receiver.port;
        order.names = self->conf->receiver.family == 0;
    } else if (self->role == ROLE_WIRE && self->index < self->conf->channels) {
        const struct conf_channel *channel = &self->conf->channel[self->index];
        struct hal_usbip_name usbip;

        order.library =
                strcmp(conf_channel_kind(channel), "usb") == 0 && !conf_channel_usbip(channel, &usbip);
    }
    return order;
}

void
role_narrow(struct role_self *self)
{
    const struct rights_order order = order_of(self);

    self->missing |= rights_narrow(&order);
}

void
role_seal(struct role_self *self)
{
    const struct rights_order order = order_of(self);

    self->missing |= rights_seal(&order);
}

int
role_main(int argc, char **argv)
{
    enum role role = argc > 0 ? role_from(argv[0]) : ROLES;
    struct role_self self;
    uint32_t index = 0;
    uint32_t id = 0;
    int error = -ENOTSOCK;

    if (role != ROLES && role != ROLE_WARDEN && role != ROLE_COURIER &&
            (argc < 2 || (wire_decimal(argv[1], strlen(argv[1]), &index) && index < CONF_CHANNELS)) &&
            (argc < 3 || wire_decimal(argv[2], strlen(argv[2]), &id))) {
        error = role_begin(&self, role, index);
        self.id = id;
    }
    name_hide(argc, argv);
    if (error == -ENOTSOCK) {
        fprintf(stderr, "%s: --role is for the warden to use\n", name_program());
        return 2;
    }
    if (error < 0) {
        fprintf(stderr, "%s: %s: no configuration from the warden\n", name_program(), role_name(role));
        return 2;
    }
    switch (self.role) {
    case ROLE_CORE:
        return role_core(&self);
    case ROLE_OPENER:
        return role_opener(&self);
    case ROLE_WIRE:
        return role_wire(&self);
    default:
        role_narrow(&self);
        role_seal(&self);
        return role_detect(&self);
    }
}
