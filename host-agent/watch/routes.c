/*
 * routes - the way to the receiver
 *
 * Looked at on every event of rtnetlink and twice a second. A way that is lost is told at once; that it is
 * back only when it has stayed so for two seconds, so that a link that flaps is one pair of lines and not
 * sixty.
 */
#include "alarm/clock.h"
#include "conf/name.h"
#include "watch/detector.h"
#include "watch/routelook.h"
#include "wire/escape.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY_MS 500
#define STEADY_MS 2000

static struct {
    const struct detector_env *env;
    struct route_target target;
    const char *subject; /* the receiver as it is configured */
    int asking;
    int events;
    int no_events; /* -errno: why there are none */
    struct route_view now;
    struct route_view known; /* the last that was good */
    bool known_valid;
    bool lost;       /* told, and not over */
    bool blind;      /* the same for "the kernel cannot be asked" */
    int64_t good_ms; /* since when it has been good again; 0 while it is not */
    int64_t looked_ms;
} routes = { .asking = -1, .events = -1 };

static void
report(const struct finding *f)
{
    routes.env->report(routes.env->report_to, f);
}

static void
begin(struct finding *f, enum finding_code code)
{
    finding_begin(f, code, "to", routes.subject, strlen(routes.subject));
}

static const char *
address_text(uint8_t family, const uint8_t *address, char out[INET6_ADDRSTRLEN])
{
    return family != 0 && inet_ntop(family, address, out, INET6_ADDRSTRLEN) != NULL ? out : "-";
}

static const char *
link_text(const struct route_view *v, char out[3 * ROUTE_NAME + 1])
{
    wire_escape(out, 3 * ROUTE_NAME + 1, v->name, strlen(v->name), WIRE_ESCAPE_VALUE);
    return out[0] != '\0' ? out : "-";
}

static void
tell_lost(void)
{
    const struct route_view *was = routes.known_valid ? &routes.known : &routes.now;
    char link[3 * ROUTE_NAME + 1];
    char gateway[INET6_ADDRSTRLEN];
    struct finding f;

    begin(&f, FINDING_ROUTE_LOST);
    finding_addf(&f, "why", "%s", route_state_name(routes.now.state));
    finding_addf(&f, "dev", "%s", link_text(was, link));
    finding_addf(&f, "via", "%s", address_text(was->gateway_family, was->gateway, gateway));
    report(&f);
    routes.lost = true;
}

static void
tell_back(void)
{
    struct finding f;

    begin(&f, FINDING_ROUTE_LOST);
    f.op = FINDING_CLOSE;
    report(&f);
    routes.lost = false;
}

static void
tell_changed(const struct route_view *was, const struct route_view *now)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    char from_link[3 * ROUTE_NAME + 1], to_link[3 * ROUTE_NAME + 1];
    struct finding f;

    begin(&f, FINDING_ROUTE_CHANGED);
    f.op = FINDING_EVENT;
    finding_addf(&f, "dev", "%s>%s", link_text(was, from_link), link_text(now, to_link));
    finding_addf(&f, "via", "%s>%s", address_text(was->gateway_family, was->gateway, from),
            address_text(now->gateway_family, now->gateway, to));
    report(&f);
}

static void
tell_blind(bool blind)
{
    static const char subject[] = "routes.rtnetlink";
    struct finding f;

    if (!blind && !routes.blind) {
        return;
    }
    finding_begin(&f, FINDING_AGENT_SELF, "source", subject, sizeof(subject) - 1);
    if (blind) {
        finding_addf(&f, "state", "blind");
        finding_add(&f, "why", strerror(-routes.now.error), strlen(strerror(-routes.now.error)));
    } else {
        f.op = FINDING_CLOSE;
    }
    routes.blind = blind;
    report(&f);
}

static void
judge_good(int64_t now_ms)
{
    routes.good_ms = routes.good_ms == 0 ? now_ms : routes.good_ms;
    if (routes.lost && now_ms - routes.good_ms >= STEADY_MS) {
        tell_back();
    }
    if (routes.lost) {
        return;
    }
    if (routes.known_valid && !route_same(&routes.known, &routes.now)) {
        tell_changed(&routes.known, &routes.now);
    }
    routes.known = routes.now;
    routes.known_valid = true;
}

static void
look(int64_t now_ms)
{
    routelook_ask(routes.asking, &routes.target, &routes.now);
    routes.looked_ms = now_ms;
    tell_blind(routes.now.state == ROUTE_UNKNOWN);
    if (routes.now.state == ROUTE_UNKNOWN) {
        return;
    }
    if (routes.now.state == ROUTE_GOOD) {
        judge_good(now_ms);
        return;
    }
    routes.good_ms = 0;
    tell_lost();
}

/* False when no receiver is named: there is then nothing to look at. */
static bool
take_target(const struct detector_env *env)
{
    const struct conf_receiver *receiver = &env->conf->receiver;

    routes.env = env;
    routes.subject = receiver->name;
    routes.target.family = (uint8_t)receiver->family;
    memcpy(routes.target.address, receiver->address, sizeof(routes.target.address));
    return receiver->name[0] != '\0';
}

/* Another address may have another way, which is then no change. */
static void
routes_receiver(uint8_t family, const uint8_t address[16])
{
    if (routes.env == NULL || routes.env->conf->receiver.family != 0 ||
            (routes.target.family == family &&
                    memcmp(routes.target.address, address, sizeof(routes.target.address)) == 0)) {
        return;
    }
    routes.target.family = family;
    memcpy(routes.target.address, address, sizeof(routes.target.address));
    routes.known_valid = false;
}

static int
routes_open(const struct detector_env *env)
{
    if (!take_target(env)) {
        return 0;
    }
    routes.known_valid = routes.blind = false;
    routes.lost = true; /* as far as an earlier life may have told */
    routes.good_ms = -STEADY_MS;
    routes.asking = routelook_open();
    if (routes.asking < 0) {
        return routes.asking;
    }
    routes.events = routelook_events_open();
    routes.no_events = routes.events < 0 ? routes.events : 0;
    return 0;
}

static int
routes_fds(struct pollfd *fds, int max)
{
    if (max < 1 || routes.events < 0) {
        return 0;
    }
    fds[0] = (struct pollfd){ .fd = routes.events, .events = POLLIN };
    return 1;
}

/* Whatever was told, or lost on the way: the look follows. */
static void
routes_ready(const struct pollfd *fds, int count)
{
    bool lost;

    (void)fds;
    (void)count;
    (void)routelook_events_drain(routes.events, &lost);
}

static int64_t
routes_work(int64_t now_ms)
{
    if (routes.asking < 0 || routes.target.family == 0) {
        return INT64_MAX;
    }
    look(now_ms);
    return clock_next_ms(now_ms, LOOK_EVERY_MS);
}

static int
routes_check(const struct detector_env *env)
{
    if (!take_target(env) || routes.target.family == 0) {
        return 0;
    }
    routes.asking = routelook_open();
    if (routes.asking < 0) {
        fprintf(stderr, "%s: routes: cannot ask the kernel: %s\n", name_program(), strerror(-routes.asking));
        return routes.asking;
    }
    routes.lost = false;
    look(clock_boot_ms());
    close(routes.asking);
    routes.asking = -1;
    return routes.now.state == ROUTE_UNKNOWN ? routes.now.error : 0;
}

static void
routes_status(struct detector_status *out)
{
    char gateway[INET6_ADDRSTRLEN];
    char link[3 * ROUTE_NAME + 1];

    if (routes.asking < 0) {
        status_note(out, "no Receiver is named");
        return;
    }
    status_source_or(out, "rtnetlink", -routes.no_events, "asked twice a second");
    if (routes.target.family == 0) {
        status_note(out, "to %s: no address is known yet", routes.subject);
        return;
    }
    status_note(out, "to %s: %s, dev %s, via %s", routes.subject, route_state_name(routes.now.state),
            link_text(&routes.now, link),
            address_text(routes.now.gateway_family, routes.now.gateway, gateway));
    out->pass_ms = routes.looked_ms;
    out->looked = 1;
}

const struct detector_ops detector_routes_ops = {
    .name = "routes",
    .source = FINDING_NET,
    .open = routes_open,
    .fds = routes_fds,
    .ready = routes_ready,
    .work = routes_work,
    .check = routes_check,
    .status = routes_status,
    .receiver = routes_receiver,
};
