#include "cmd/agent.h"
#include "cmd/channels.h"
#include "cmd/cmd.h"
#include "cmd/network.h"
#include "conf/plural.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * What each channel has open and how it does, as the agent that runs says it. Everything is asked for first,
 * so that what is printed is whole or not there at all.
 */
#define ANSWER_MS 3000
#define NODE 64
#define BYTES 32

struct answers {
    struct ctl_channel channel[CONF_CHANNELS];
    unsigned channels;
    struct ctl_net net;
};

static bool
take_channels(int fd, unsigned channels, struct answers *a)
{
    uint32_t next = 0;

    do {
        struct ctl_channel *r = &a->channel[a->channels];

        if (a->channels == channels) {
            return true;
        }
        if (agent_ask(fd, CTL_CHANNEL, next) != 0 ||
                !agent_take(fd, r, sizeof(*r), ANSWER_MS, message_channel_valid)) {
            return false;
        }
        a->channels++;
        next = r->next;
    } while (next != 0);
    return a->channels == channels;
}

/* The kernel's name for the device, as "ttyUSB0"; "" when it has none. */
static const char *
node_of(uint64_t device, char out[NODE])
{
    char path[64], text[512];

    out[0] = '\0';
    snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/uevent", major((uint32_t)device),
            minor((uint32_t)device));
    FILE *f = device != 0 ? fopen(path, "re") : NULL;
    while (f != NULL && fgets(text, sizeof(text), f) != NULL) {
        if (sscanf(text, "DEVNAME=%63[^\n]", out) == 1) {
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return out;
}

static const char *
state_of(const struct ctl_channel *r)
{
    if (r->state == CTL_LOST) {
        return strcmp(r->why, "stuck") == 0 ? "stuck" : "lost";
    }
    return r->running == 0 ? "ended" : r->answers == 0 ? "silent" : r->open != 0 ? "open" : "closed";
}

static bool
is_well(const struct ctl_channel *r)
{
    return r->state != CTL_LOST && r->running != 0 && r->answers != 0;
}

static const char *
bytes_text(uint64_t bytes, char out[BYTES])
{
    if (bytes < 10000) {
        snprintf(out, BYTES, "%" PRIu64 " B", bytes);
    } else if (bytes < 10000000) {
        snprintf(out, BYTES, "%" PRIu64 " kB", bytes / 1000);
    } else {
        snprintf(out, BYTES, "%" PRIu64 " MB", bytes / 1000000);
    }
    return out;
}

static void
print_written(const struct ctl_channel *r)
{
    char text[CMD_DURATION], bytes[BYTES];

    printf("         %" PRIu64 " line%s, %s written", r->lines, plural_s(r->lines),
            bytes_text(r->bytes, bytes));
    if (r->line_ms >= 0) {
        printf(", the last %s ago", cmd_duration(r->line_ms, text));
    }
    if (r->waiting > 0) {
        printf(", %" PRIu32 " waiting", r->waiting);
    }
    putchar('\n');
}

static void
print_channel(const struct conf *conf, const struct ctl_channel *r)
{
    const struct conf_channel *c = &conf->channel[r->channel];
    char text[CMD_DURATION], node[NODE];

    printf("%-8s %s\n", c->scheme, cmd_text(c->device));
    printf("         %s for %s", state_of(r), cmd_duration(r->state_ms, text));
    if (r->state == CTL_LOST) {
        printf(": %s", channel_why(r->why, r->error));
    }
    if (node_of(r->device, node)[0] != '\0') {
        printf(", %s", cmd_text(node));
    }
    if (r->settings[0] != '\0') {
        printf(", %s", r->settings);
    }
    printf("\n         %s, from %s\n", c->fallback ? "fallback" : "always",
            wire_severity_name((enum wire_severity)c->floor));
    print_written(r);
    if (r->error_ms >= 0 && r->state != CTL_LOST) {
        printf("         was lost %s ago: %s\n", cmd_duration(r->error_ms, text),
                channel_why(r->why, r->error));
    }
    if (r->tampered > 0) {
        printf("         tampered with %" PRIu32 " time%s\n", r->tampered, plural_s(r->tampered));
    }
}

static void
print_json_channel(const struct conf *conf, const struct ctl_channel *r, bool first)
{
    const struct conf_channel *c = &conf->channel[r->channel];
    char node[NODE];

    printf("%s\n  {\"scheme\": \"%s\", \"device\": ", first ? "" : ",", c->scheme);
    cmd_json_string(c->device);
    printf(", \"policy\": \"%s\", \"floor\": \"%s\", \"state\": \"%s\", \"state_ms\": %" PRId64
           ", \"open\": ",
            c->fallback ? "fallback" : "always", wire_severity_name((enum wire_severity)c->floor),
            state_of(r), r->state_ms);
    cmd_json_string(node_of(r->device, node));
    printf(", \"settings\": ");
    cmd_json_string(r->settings);
    printf(", \"waiting\": %" PRIu32 ", \"lines\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"tampered\": %" PRIu32,
            r->waiting, r->lines, r->bytes, r->tampered);
    if (r->line_ms >= 0) {
        printf(", \"line_ago_ms\": %" PRId64, r->line_ms);
    }
    if (r->error_ms >= 0) {
        printf(", \"lost_ago_ms\": %" PRId64 ", \"why\": ", r->error_ms);
        cmd_json_string(channel_why(r->why, r->error));
    }
    putchar('}');
}

static void
print_json(const struct conf *conf, const struct answers *a)
{
    printf("{\"schema\": \"tocsin-channels-1\", \"host\": \"%s\", \"channels\": [", conf->host);
    for (unsigned i = 0; i < a->channels; i++) {
        print_json_channel(conf, &a->channel[i], i == 0);
    }
    printf("%s]", a->channels > 0 ? "\n" : "");
    if (a->net.used != 0) {
        printf(", \"network\": ");
        network_json(&a->net);
    }
    printf("}\n");
}

static void
print_text(const struct conf *conf, const struct answers *a)
{
    for (unsigned i = 0; i < a->channels; i++) {
        print_channel(conf, &a->channel[i]);
    }
    if (a->net.used != 0) {
        printf("network  ");
        network_line(conf, &a->net);
    }
}

int
cmd_channels(const struct cmd *cmd)
{
    static struct conf conf;
    static struct answers a;

    if (cmd->argc > 0) {
        return cmd_error("channels takes no arguments");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    int fd = agent_connect(&conf);
    if (fd < 0) {
        return agent_refused(&conf, fd);
    }
    bool whole = take_channels(fd, conf.channels, &a) && network_ask(fd, &a.net);

    close(fd);
    if (!whole) {
        return cmd_error("the agent does not answer, or runs with other channels than %s names",
                cmd_text(conf.config_path));
    }
    if (cmd->json) {
        print_json(&conf, &a);
    } else {
        print_text(&conf, &a);
    }
    bool well = !network_lost(&a.net);

    for (unsigned i = 0; i < a.channels; i++) {
        well = well && is_well(&a.channel[i]);
    }
    return well ? CMD_CLEAN : CMD_FINDINGS;
}
