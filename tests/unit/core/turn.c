#include "proc/core.h"
#include "proc/link.h"
#include "proc/rights.h"
#include "support/check.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The order of a turn of the core: who waits for a wire goes before the courier and before the client.
 */
#define NOW_MS 100000
#define NEVER_MS INT64_MAX

static struct conf conf;
static struct role_self self = { .conf = &conf };
static int courier;
static int client;

static int
link_to(int *other)
{
    int ends[2];

    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    *other = ends[1];
    return ends[0];
}

static void
begin(bool up)
{
    conf.channels = 1;
    snprintf(conf.receiver.name, sizeof(conf.receiver.name), "192.0.2.7");
    memset(&core, 0, sizeof(core));
    core.self = &self;
    core.channel[0].fd = -1;
    core.goodbye = true; /* a ring seals nothing */
    core.net = (struct core_net){ .fd = link_to(&courier), .used = true, .up = up };
    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        core.client[i].fd = -1;
    }
    core.client[0].fd = link_to(&client);
    schedule_init(&core.schedule, &conf);
}

static void
end(void)
{
    close(core.net.fd);
    close(core.client[0].fd);
    close(courier);
    close(client);
}

static void
add_line(uint32_t number)
{
    const struct session_line line = { .number = number, .severity = WIRE_WARN, .len = 4, .bytes = "line" };

    schedule_add(&core.schedule, &line, SCHEDULE_ALWAYS);
}

static unsigned
given_at(int64_t now_ms, int64_t *due_ms)
{
    struct line_message m;
    unsigned n = 0;

    core_net_feed(now_ms, due_ms);
    while (link_receive(courier, &m, sizeof(m)) > 0) {
        n++;
    }
    return n;
}

static void
a_line_goes_to_a_courier_that_is_connected_in_the_same_turn(void)
{
    int64_t due_ms = NEVER_MS;

    begin(true);
    add_line(1);
    CHECK_INT(given_at(NOW_MS, &due_ms), 1);
    CHECK(due_ms == NEVER_MS);
    end();
}

static void
a_line_that_is_only_for_the_disk_goes_when_the_wires_had_their_time(void)
{
    int64_t due_ms = NEVER_MS;

    begin(false);
    add_line(1);
    CHECK_INT(given_at(NOW_MS, &due_ms), 0);
    CHECK(due_ms > NOW_MS && due_ms <= NOW_MS + 10);
    CHECK_INT(given_at(due_ms - 1, &due_ms), 0);
    CHECK_INT(given_at(due_ms, &due_ms), 1);
    end();
}

static void
a_line_behind_one_that_is_not_kept_yet_does_not_wait_again(void)
{
    int64_t due_ms = NEVER_MS;

    begin(false);
    add_line(1);
    CHECK_INT(given_at(NOW_MS, &due_ms), 0);
    CHECK_INT(given_at(due_ms, &due_ms), 1);
    add_line(2);
    CHECK_INT(given_at(due_ms, &due_ms), 1);
    schedule_network_kept(&core.schedule, 2);
    CHECK_INT(given_at(due_ms, &due_ms), 0);
    add_line(3);
    CHECK_INT(given_at(due_ms, &due_ms), 0);
    end();
}

static void
who_rings_hears_of_what_is_lost_behind_the_wires(void)
{
    const struct ctl_request ring = { .magic = CTL_MAGIC, .kind = CTL_RING };
    int64_t due_ms = NEVER_MS;
    struct ctl_reply r;

    begin(false);
    core.net.lost = true;
    CHECK_INT(link_send(client, &ring, sizeof(ring)), 0);
    core_ctl_hear(&core.client[0], NOW_MS);
    CHECK_INT(link_receive(client, &r, sizeof(r)), -EAGAIN);
    core_ctl_answer(NOW_MS, &due_ms);
    CHECK_INT(link_receive(client, &r, sizeof(r)), sizeof(r));
    CHECK_INT(r.state, CTL_LOST);
    CHECK_INT(r.network, 0);
    CHECK_INT(link_receive(client, &r, sizeof(r)), sizeof(r));
    CHECK_INT(r.network, 1);
    core_ctl_answer(NOW_MS, &due_ms);
    CHECK_INT(link_receive(client, &r, sizeof(r)), -EAGAIN);
    end();
}

static bool
is_open(enum rights_layer layer)
{
    const char *name = rights_layer_name(layer);
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "layer", name, strlen(name));
    const struct open_entry *e = open_find(&core.open, &f);
    return e != NULL && e->state != OPEN_CLOSED && !e->over;
}

static void
a_missing_layer_is_over_when_the_last_process_without_it_was_started_again_with_it(void)
{
    begin(true);
    open_init(&core.open, NOW_MS);
    for (unsigned i = 0; i < RIGHTS_LAYERS; i++) {
        if (i == RIGHTS_SECCOMP && !rights_has_seccomp()) {
            continue; /* it is no layer of this build */
        }
        core_rights_take(ROLE_PROCSCAN, 0, RIGHTS_BIT(i));
        core_rights_take(ROLE_WIRE, 1, RIGHTS_BIT(i));
        core_rights_take(ROLE_PROCSCAN, 0, 0);
        CHECK(is_open((enum rights_layer)i));
        core_rights_take(ROLE_WIRE, 1, 0);
        CHECK(!is_open((enum rights_layer)i));
    }
    end();
}

static void
a_reply_names_no_more_channels_than_there_can_be(void)
{
    struct ctl_reply r = { .magic = CTL_MAGIC };

    for (unsigned channels = 0; channels <= UINT8_MAX; channels++) {
        for (unsigned channel = 0; channel <= UINT8_MAX; channel++) {
            r.channels = (uint8_t)channels;
            r.channel = (uint8_t)channel;
            CHECK_INT(message_reply_valid(&r, sizeof(r)), channel < channels && channels <= CONF_CHANNELS);
        }
    }
}

int
main(void)
{
    CHECK_RUN(a_line_goes_to_a_courier_that_is_connected_in_the_same_turn);
    CHECK_RUN(a_line_that_is_only_for_the_disk_goes_when_the_wires_had_their_time);
    CHECK_RUN(a_line_behind_one_that_is_not_kept_yet_does_not_wait_again);
    CHECK_RUN(who_rings_hears_of_what_is_lost_behind_the_wires);
    CHECK_RUN(a_missing_layer_is_over_when_the_last_process_without_it_was_started_again_with_it);
    CHECK_RUN(a_reply_names_no_more_channels_than_there_can_be);
    return check_result();
}
