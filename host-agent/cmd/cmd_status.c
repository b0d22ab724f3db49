#include "alarm/open.h"
#include "cmd/agent.h"
#include "cmd/channels.h"
#include "cmd/cmd.h"
#include "cmd/network.h"
#include "conf/plural.h"
#include "proc/rights.h"
#include "proc/role.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * How the agent that runs is: its detectors, its channels, and what is open. Everything is asked for first,
 * so that what is printed is whole or not there at all.
 */
#define ANSWER_MS 3000
#define FRESH_MS 1000 /* a detector that answers does so within half of it */

struct answers {
    struct ctl_detector head; /* the session; its status is that of the first detector */
    struct detector_status detector[STATUS_DETECTORS];
    bool silent[STATUS_DETECTORS];
    unsigned detectors;
    struct ctl_reply channel[CONF_CHANNELS];
    unsigned channels;
    struct ctl_net net;
    struct ctl_rights rights;
    struct ctl_finding finding[OPEN_FINDINGS];
    unsigned findings;
    bool list; /* the findings are asked for */
};

static bool
take_detectors(int fd, struct answers *a)
{
    struct ctl_detector r = { .next = 0 };

    do {
        if (agent_ask(fd, CTL_DETECTOR, r.next) != 0 ||
                !agent_take(fd, &r, sizeof(r), ANSWER_MS, message_detector_valid)) {
            return false;
        }
        a->head = a->detectors == 0 ? r : a->head;
        if (r.status.name[0] != '\0') {
            a->silent[a->detectors] = r.now_ms - r.heard_ms > FRESH_MS;
            a->detector[a->detectors++] = r.status;
        }
    } while (r.next != 0 && a->detectors < STATUS_DETECTORS);
    return true;
}

/* Those of which nothing was ever heard. */
static void
add_missing(struct answers *a)
{
    for (unsigned i = 0; role_detector(i) != NULL && a->detectors < STATUS_DETECTORS; i++) {
        unsigned n = 0;

        while (n < a->detectors && strcmp(a->detector[n].name, role_detector(i)) != 0) {
            n++;
        }
        if (n == a->detectors) {
            status_init(&a->detector[n], role_detector(i));
            a->silent[n] = true;
            a->detectors++;
        }
    }
}

static bool
take_channels(int fd, unsigned channels, struct answers *a)
{
    if (channels == 0) {
        return true;
    }
    if (agent_ask(fd, CTL_STATUS, 0) != 0) {
        return false;
    }
    do {
        struct ctl_reply *r = &a->channel[a->channels];

        if (!agent_take(fd, r, sizeof(*r), ANSWER_MS, message_reply_valid)) {
            return false;
        }
        a->channels++;
    } while (a->channels < a->channel[0].channels);
    return a->channels == channels;
}

static bool
take_rights(int fd, struct answers *a)
{
    return agent_ask(fd, CTL_RIGHTS, 0) == 0 &&
           agent_take(fd, &a->rights, sizeof(a->rights), ANSWER_MS, message_rights_valid);
}

static bool
take_findings(int fd, struct answers *a)
{
    uint32_t next = 0;

    do {
        struct ctl_finding *r = &a->finding[a->findings];

        if (agent_ask(fd, CTL_FINDING, next) != 0 ||
                !agent_take(fd, r, sizeof(*r), ANSWER_MS, message_finding_valid)) {
            return false;
        }
        a->findings += r->text[0] != '\0';
        next = r->next;
    } while (next != 0 && a->findings < OPEN_FINDINGS);
    return true;
}

static const char *
state_of(const struct answers *a, unsigned i)
{
    return a->silent[i] ? "silent" : status_state_name((enum status_state)a->detector[i].state);
}

static const char *
channel_name(const struct ctl_reply *r)
{
    static const char *const names[CTL_STATES] = { "written", "waiting", "lost" };

    return names[r->state];
}

static void
print_detector(const struct answers *a, unsigned i)
{
    const struct detector_status *s = &a->detector[i];
    char ago[CMD_DURATION];
    char took[CMD_DURATION];

    printf("%-10s %-8s %s\n", cmd_text(s->name), state_of(a, i), cmd_text(s->sources));
    if (s->pass_ms > 0) {
        printf("%20slast pass %s ago", "", cmd_duration(a->head.now_ms - s->pass_ms, ago));
        if (s->looked > 0) {
            printf(": %" PRIu64 " looked at in %s", s->looked, cmd_duration(s->took_ms, took));
        }
        putchar('\n');
    }
    if (s->total > 0 || s->done > 0) {
        printf("%20spass running: %" PRIu64, "", s->done);
        if (s->total > 0) {
            printf(" of %" PRIu64 " (%u %%)", s->total,
                    s->done < s->total ? (unsigned)(s->done * 100 / s->total) : 100);
        }
        putchar('\n');
    }
    if (s->note[0] != '\0') {
        printf("%20s%s\n", "", cmd_text(s->note));
    }
}

/* How far a process is walled in, as agent.run says it of the core; the warden has what it hands out. */
static const char *
rights_level(unsigned place, unsigned missing)
{
    const unsigned walls = RIGHTS_ALL & ~RIGHTS_BIT(RIGHTS_MLOCK);

    if (place == ROLE_WARDEN) {
        return "starter";
    }
    return (missing & walls) == 0 ? "narrow" : (missing & walls) == walls ? "full" : "part";
}

static void
print_process(unsigned place)
{
    if (place < ROLES) {
        printf("%s", role_name((enum role)place));
    } else {
        printf("%s %u", role_name(ROLE_WIRE), place - ROLES);
    }
}

/* Those that are alike share a line. */
static void
print_rights(const struct ctl_rights *r)
{
    for (unsigned i = 0; i < CTL_PROCESSES; i++) {
        const char *level = rights_level(i, r->process[i]);
        bool first = r->process[i] != 0;

        for (unsigned k = 0; k < i && first; k++) {
            first = r->process[k] != r->process[i] || rights_level(k, r->process[k]) != level;
        }
        if (!first) {
            continue;
        }
        printf("rights     %-8s ", level);
        for (unsigned k = i; k < CTL_PROCESSES; k++) {
            if (r->process[k] == r->process[i] && rights_level(k, r->process[k]) == level) {
                printf("%s", k == i ? "" : ", ");
                print_process(k);
            }
        }
        for (unsigned k = 0, n = 0; k < RIGHTS_LAYERS; k++) {
            if ((r->process[i] & RIGHTS_BIT(k)) != 0) {
                printf("%s%s", n++ == 0 ? ": without " : ", ", rights_layer_name((enum rights_layer)k));
            }
        }
        putchar('\n');
    }
}

static void
print_text(const struct conf *conf, const struct answers *a)
{
    char text[CMD_DURATION];

    printf("%s  session %u  up %s  %u open finding%s\n\n", conf->host, a->head.session,
            cmd_duration(a->head.now_ms - a->head.started_ms, text), a->head.open, plural_s(a->head.open));
    for (unsigned i = 0; i < a->detectors; i++) {
        print_detector(a, i);
    }
    for (unsigned i = 0; i < a->channels; i++) {
        const struct ctl_reply *r = &a->channel[i];

        printf("%schannel    %-8s %s %s", i == 0 ? "\n" : "", channel_name(r), conf->channel[i].scheme,
                cmd_text(conf->channel[i].device));
        if (r->queued > 0) {
            printf("  %u line%s waiting", r->queued, plural_s(r->queued));
        }
        printf("%s%s%s\n", conf->channel[i].fallback ? "  fallback" : "", r->state == CTL_LOST ? "  " : "",
                r->state == CTL_LOST ? channel_why(r->why, r->error) : "");
    }
    if (a->net.used != 0) {
        printf("%snetwork    ", a->channels == 0 ? "\n" : "");
        network_line(conf, &a->net);
    }
    putchar('\n');
    print_rights(&a->rights);
    for (unsigned i = 0; i < a->findings; i++) {
        const struct ctl_finding *f = &a->finding[i];

        printf("%s%s %-18s ", i == 0 ? "\n" : "", wire_severity_name((enum wire_severity)f->severity),
                finding_code_name((enum finding_code)f->code));
        if (f->told) {
            printf("line %-6u %s ago  %s\n", f->number, cmd_duration((int64_t)f->since_s * 1000, text),
                    f->text);
        } else {
            printf("waits to be told  %s\n", f->text);
        }
    }
}

static void
json_detector(const struct answers *a, unsigned i)
{
    const struct detector_status *s = &a->detector[i];

    printf("%s\n  {\"name\": ", i == 0 ? "" : ",");
    cmd_json_string(s->name);
    printf(", \"state\": \"%s\", \"sources\": ", state_of(a, i));
    cmd_json_string(s->sources);
    if (s->pass_ms > 0) {
        printf(", \"pass_ago_ms\": %" PRId64 ", \"pass_took_ms\": %u, \"pass_looked\": %" PRIu64,
                a->head.now_ms - s->pass_ms, s->took_ms, s->looked);
    }
    if (s->total > 0 || s->done > 0) {
        printf(", \"running_done\": %" PRIu64 ", \"running_total\": %" PRIu64, s->done, s->total);
    }
    printf(", \"note\": ");
    cmd_json_string(s->note);
    putchar('}');
}

static void
json_channel(const struct conf *conf, const struct ctl_reply *r, bool first)
{
    printf("%s\n  {\"scheme\": \"%s\", \"device\": ", first ? "" : ",", conf->channel[r->channel].scheme);
    cmd_json_string(conf->channel[r->channel].device);
    printf(", \"policy\": \"%s\", \"state\": \"%s\", \"waiting\": %u, \"error\": ",
            conf->channel[r->channel].fallback ? "fallback" : "always", channel_name(r), r->queued);
    cmd_json_string(r->state == CTL_LOST ? channel_why(r->why, r->error) : "");
    putchar('}');
}

static void
json_rights(const struct ctl_rights *r)
{
    bool first = true;

    for (unsigned i = 0; i < CTL_PROCESSES; i++) {
        if (r->process[i] == 0) {
            continue;
        }
        printf("%s\n  {\"process\": \"", first ? "" : ",");
        print_process(i);
        printf("\", \"level\": \"%s\", \"missing\": [", rights_level(i, r->process[i]));
        for (unsigned k = 0, n = 0; k < RIGHTS_LAYERS; k++) {
            if ((r->process[i] & RIGHTS_BIT(k)) != 0) {
                printf("%s\"%s\"", n++ == 0 ? "" : ", ", rights_layer_name((enum rights_layer)k));
            }
        }
        printf("]}");
        first = false;
    }
}

static void
json_finding(const struct ctl_finding *f, bool first)
{
    printf("%s\n  {\"id\": ", first ? "" : ",");
    cmd_json_id(f->id);
    printf(", \"severity\": \"%s\", \"code\": \"%s\", ", wire_severity_name((enum wire_severity)f->severity),
            finding_code_name((enum finding_code)f->code));
    if (f->told) {
        printf("\"since_s\": %u, \"line\": %u, ", f->since_s, f->number);
    }
    printf("\"detail\": ");
    cmd_json_escaped(f->text);
    putchar('}');
}

static void
print_json(const struct conf *conf, const struct answers *a)
{
    printf("{\"schema\": \"tocsin-status-1\", \"host\": \"%s\", \"session\": %u, \"up_ms\": %" PRId64
           ", \"open\": %u, \"detectors\": [",
            conf->host, a->head.session, a->head.now_ms - a->head.started_ms, a->head.open);
    for (unsigned i = 0; i < a->detectors; i++) {
        json_detector(a, i);
    }
    printf("%s], \"channels\": [", a->detectors > 0 ? "\n" : "");
    for (unsigned i = 0; i < a->channels; i++) {
        json_channel(conf, &a->channel[i], i == 0);
    }
    printf("%s]", a->channels > 0 ? "\n" : "");
    if (a->net.used != 0) {
        printf(", \"network\": ");
        network_json(&a->net);
    }
    printf(", \"rights\": [");
    json_rights(&a->rights);
    printf("]");
    if (a->list) {
        printf(", \"findings\": [");
        for (unsigned i = 0; i < a->findings; i++) {
            json_finding(&a->finding[i], i == 0);
        }
        printf("%s]", a->findings > 0 ? "\n" : "");
    }
    printf("}\n");
}

static bool
all_well(const struct answers *a)
{
    bool well = a->head.open == 0 && !network_lost(&a->net);

    for (unsigned i = 0; i < a->detectors; i++) {
        well = well && !a->silent[i] && a->detector[i].state == STATUS_OK;
    }
    for (unsigned i = 0; i < a->channels; i++) {
        well = well && a->channel[i].state != CTL_LOST;
    }
    return well;
}

int
cmd_status(const struct cmd *cmd)
{
    static struct conf conf;
    static struct answers a;

    a.list = cmd->argc == 1 && strcmp(cmd->argv[0], "--findings") == 0;
    if (cmd->argc > (a.list ? 1 : 0)) {
        return cmd_error("status: unknown argument \"%s\" (status takes --findings)", cmd_text(cmd->argv[0]));
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    int fd = agent_connect(&conf);
    if (fd < 0) {
        return agent_refused(&conf, fd);
    }
    bool whole = take_detectors(fd, &a) && take_channels(fd, conf.channels, &a) && network_ask(fd, &a.net) &&
                 take_rights(fd, &a) && (!a.list || take_findings(fd, &a));

    close(fd);
    if (!whole) {
        return cmd_error("the agent does not answer, or runs with other channels than %s names",
                cmd_text(conf.config_path));
    }
    add_missing(&a);
    if (cmd->json) {
        print_json(&conf, &a);
    } else {
        print_text(&conf, &a);
    }
    return all_well(&a) ? CMD_CLEAN : CMD_FINDINGS;
}
