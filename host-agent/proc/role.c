#include "proc/role.h"
#include "alarm/clock.h"
#include "alarm/pages.h"
#include "proc/image.h"
#include "proc/link.h"
#include "wire/line.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_FD_NOT_OURS 8

int64_t
role_alive(struct role_self *self, int64_t now_ms)
{
    if (now_ms - self->alive_ms >= ROLE_ALIVE_MS) {
        role_tell_warden(self, CONTROL_ALIVE);
        self->alive_ms = now_ms;
        if (image_rest(&self->rested_ms, now_ms)) {
            pages_rest(self->conf, sizeof(*self->conf)); /* sealed: it comes back as it was */
        }
    }
    return self->alive_ms + ROLE_ALIVE_MS;
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
    struct control_message m = {
        .kind = (uint8_t)kind, .role = (uint8_t)self->role, .index = (uint8_t)self->index
    };

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

    if (fstat(ROLE_FD_CONF, &st) < 0 || st.st_size != (off_t)sizeof(struct conf)) {
        return NULL;
    }
    const struct conf *conf = image_map(ROLE_FD_CONF, sizeof(*conf));
    close(ROLE_FD_CONF);
    return conf;
}

static void
close_what_is_not_ours(void)
{
    syscall(SYS_close_range, FIRST_FD_NOT_OURS, UINT_MAX, 0);
}

/* The order in which every process of the agent narrows itself; DESIGN.md, "Start order". */
static void
narrow(enum role role)
{
    struct rlimit none = { 0, 0 };
    char name[16];

    close_what_is_not_ours();
    setsid();
    umask(077);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    snprintf(name, sizeof(name), "tocsin-%s", role_name(role));
    prctl(PR_SET_NAME, name);
}

int
role_main(int argc, char **argv)
{
    struct role_self self = { .role = argc > 0 ? role_from(argv[0]) : ROLES };
    uint32_t index = 0;
    struct stat st;

    if (self.role == ROLES || self.role == ROLE_WARDEN ||
            (argc > 1 && (!wire_decimal(argv[1], strlen(argv[1]), &index) || index >= CONF_CHANNELS)) ||
            fstat(ROLE_FD_CONTROL, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        fprintf(stderr, "tocsin: --role is for the warden to use\n");
        return 2;
    }
    self.index = index;
    narrow(self.role);
    self.conf = map_conf();
    if (self.conf == NULL) {
        fprintf(stderr, "tocsin: %s: no configuration from the warden\n", role_name(self.role));
        return 2;
    }
    self.alive_ms = clock_boot_ms();
    switch (self.role) {
    case ROLE_CORE:
        return role_core(&self);
    case ROLE_WIRE:
        return role_wire(&self);
    default:
        return role_detect(&self);
    }
}
