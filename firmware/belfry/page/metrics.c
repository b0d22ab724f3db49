#include "belfry/page/metrics.h"

#include <stdio.h>

static void
family(struct sheet *s, const char *name, const char *type, const char *help)
{
    sheet_print(s, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
single(struct sheet *s, const char *name, const char *type, const char *help, uint64_t value)
{
    family(s, name, type, help);
    sheet_print(s, "%s %llu\n", name, (unsigned long long)value);
}

static void
single_time(struct sheet *s, const char *name, const char *help, int64_t ms)
{
    family(s, name, "gauge", help);
    sheet_print(s, "%s %lld.%03d\n", name, (long long)(ms / 1000), (int)(ms % 1000));
}

static void
labelled(struct sheet *s, const char *name, const char *label, const char *value)
{
    sheet_print(s, "%s{%s=\"", name, label);
    sheet_label(s, value);
    sheet_put(s, "\"");
}

/* ---- belfry itself */

static void
itself(struct sheet *s, const struct model *m)
{
    family(s, "belfry_build_info", "gauge", "The version that runs; always 1.");
    labelled(s, "belfry_build_info", "version", m->version);
    sheet_put(s, "} 1\n");
    single_time(s, "belfry_start_time_seconds", "When belfry was started.", m->started_ms);
    single_time(s, "belfry_answer_timestamp_seconds", "When belfry answered the page last, by its own clock.",
            m->now_ms);
    single(s, "belfry_ledger_writable", "gauge", "1 when the ledger can be written.", !m->stuck);
    single(s, "belfry_unpaired_lines_total", "counter", "Sealed lines that named hosts which are not paired.",
            m->strangers);
    single(s, "belfry_torn_lines_total", "counter", "Beginnings of sealed lines without their end.", m->torn);
    single(s, "belfry_lines", "gauge", "Configured lines.", m->lines);
    single(s, "belfry_hosts", "gauge", "Paired hosts.", m->hosts);
}

static void
alarms(struct sheet *s, const struct model *m)
{
    family(s, "belfry_alarms_open", "gauge", "Open alarms.");
    for (int i = 0; i < WIRE_SEVERITIES; i++) {
        sheet_print(s, "belfry_alarms_open{severity=\"%s\"} %u\n", wire_severity_name((enum wire_severity)i),
                m->by_severity[i]);
    }
    family(s, "belfry_alarms_unacknowledged", "gauge", "Open alarms that nobody has acknowledged.");
    for (int i = 0; i < WIRE_SEVERITIES; i++) {
        sheet_print(s, "belfry_alarms_unacknowledged{severity=\"%s\"} %u\n",
                wire_severity_name((enum wire_severity)i), m->unacked_by_severity[i]);
    }
}

/* ---- lines and hosts: one family after the other, as the format wants */

typedef uint64_t line_value_fn(const struct model_line *l);
typedef uint64_t host_value_fn(const struct model_host *h);

static uint64_t
line_up(const struct model_line *l)
{
    return l->up;
}

static uint64_t
line_bytes(const struct model_line *l)
{
    return l->bytes;
}

static uint64_t
line_last(const struct model_line *l)
{
    return (uint64_t)l->last_ms / 1000;
}

static uint64_t
line_lost(const struct model_line *l)
{
    return l->lost;
}

static uint64_t
line_errors(const struct model_line *l)
{
    return l->errors;
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    line_value_fn *value;
} of_lines[] = {
    { "belfry_line_up", "gauge", "1 when the line is open.", line_up },
    { "belfry_line_received_bytes_total", "counter", "Bytes received since belfry was started.", line_bytes },
    { "belfry_line_last_byte_timestamp_seconds", "gauge", "When the last byte came; 0 for never.",
            line_last },
    { "belfry_line_transcript_lost_bytes_total", "counter", "Bytes that the transcript lacks.", line_lost },
    { "belfry_line_uart_errors_total", "counter", "Bytes that the driver counted as damaged or lost.",
            line_errors },
};

static void
lines(struct sheet *s, const struct model *m)
{
    for (size_t f = 0; f < sizeof of_lines / sizeof of_lines[0]; f++) {
        family(s, of_lines[f].name, of_lines[f].type, of_lines[f].help);
        for (unsigned i = 0; i < m->lines; i++) {
            labelled(s, of_lines[f].name, "line", m->line[i].name);
            sheet_print(s, "} %llu\n", (unsigned long long)of_lines[f].value(&m->line[i]));
        }
    }
}

static uint64_t
host_silent(const struct model_host *h)
{
    return h->state == MODEL_SILENT;
}

static uint64_t
host_last(const struct model_host *h)
{
    return (uint64_t)h->last_ms / 1000;
}

static uint64_t
host_missing(const struct model_host *h)
{
    return h->missing;
}

static uint64_t
host_network(const struct model_host *h)
{
    return h->network;
}

static uint64_t
host_expected(const struct model_host *h)
{
    return (uint64_t)h->expect_ms / 1000;
}

static uint64_t
host_alarms(const struct model_host *h)
{
    return h->alarms;
}

static const struct {
    const char *name;
    const char *help;
    host_value_fn *value;
} of_hosts[] = {
    { "belfry_host_silent", "1 when no line was proved in the time that the host promised.", host_silent },
    { "belfry_host_last_record_timestamp_seconds", "When the last line was proved; 0 for never.", host_last },
    { "belfry_host_missing_records", "Lines that are missing in the sessions that are followed.",
            host_missing },
    { "belfry_host_network_up", "1 when it is connected over the network.", host_network },
    { "belfry_host_silence_expected_until_timestamp_seconds",
            "Until when a person expects silence; 0 for not.", host_expected },
    { "belfry_host_alarms_open", "Open alarms of the host.", host_alarms },
};

static void
host_records(struct sheet *s, const struct model_host *h, const char *result, uint64_t count)
{
    labelled(s, "belfry_host_records_total", "host", h->name);
    sheet_print(s, ",result=\"%s\"} %llu\n", result, (unsigned long long)count);
}

static void
hosts(struct sheet *s, const struct model *m)
{
    for (size_t f = 0; f < sizeof of_hosts / sizeof of_hosts[0]; f++) {
        family(s, of_hosts[f].name, "gauge", of_hosts[f].help);
        for (unsigned i = 0; i < m->hosts; i++) {
            labelled(s, of_hosts[f].name, "host", m->host[i].name);
            sheet_print(s, "} %llu\n", (unsigned long long)of_hosts[f].value(&m->host[i]));
        }
    }
    family(s, "belfry_host_records_total", "counter", "Sealed lines of the host by what became of them.");
    for (unsigned i = 0; i < m->hosts; i++) {
        const struct model_host *h = &m->host[i];

        host_records(s, h, "authentic", h->proved);
        host_records(s, h, "healed", h->repaired);
        host_records(s, h, "replay", h->copies);
        host_records(s, h, "bad_mac", h->forged);
    }
}

/* ---- who is told */

static uint64_t
sink_up(const struct model_sink *k)
{
    return k->up && !k->waits;
}

static uint64_t
sink_waiting(const struct model_sink *k)
{
    return k->waiting;
}

static uint64_t
sink_last(const struct model_sink *k)
{
    return (uint64_t)k->last_ms / 1000;
}

static const struct {
    const char *name;
    const char *help;
    uint64_t (*value)(const struct model_sink *k);
} of_sinks[] = {
    { "belfry_sink_up", "1 when the notifier runs and its target takes alarms.", sink_up },
    { "belfry_sink_queue_length", "Notices that the notifier has not told yet.", sink_waiting },
    { "belfry_sink_last_success_timestamp_seconds", "When it told something last; 0 for never.", sink_last },
};

static void
sinks(struct sheet *s, const struct model *m)
{
    for (size_t f = 0; f < sizeof of_sinks / sizeof of_sinks[0] && m->sinks > 0; f++) {
        family(s, of_sinks[f].name, "gauge", of_sinks[f].help);
        for (unsigned i = 0; i < m->sinks; i++) {
            labelled(s, of_sinks[f].name, "sink", m->sink[i].name);
            sheet_print(s, "} %llu\n", (unsigned long long)of_sinks[f].value(&m->sink[i]));
        }
    }
    if (m->sinks > 0) {
        family(s, "belfry_sink_deliveries_total", "counter", "Notices by what became of them.");
    }
    for (unsigned i = 0; i < m->sinks; i++) {
        labelled(s, "belfry_sink_deliveries_total", "sink", m->sink[i].name);
        sheet_print(s, ",result=\"told\"} %llu\n", (unsigned long long)m->sink[i].told);
        labelled(s, "belfry_sink_deliveries_total", "sink", m->sink[i].name);
        sheet_print(s, ",result=\"given_up\"} %llu\n", (unsigned long long)m->sink[i].failed);
    }
}

/* ---- the network */

static void
network(struct sheet *s, const struct model *m)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
    } of_gate[8] = {
        { "belfry_gate_addresses", "gauge", "Addresses to listen at." },
        { "belfry_gate_listening", "gauge", "Addresses that are listened at." },
        { "belfry_gate_connections", "gauge", "Connections of agents." },
        { "belfry_gate_handshakes", "gauge", "Handshakes under way." },
        { "belfry_gate_handshakes_total", "counter", "Handshakes that began." },
        { "belfry_gate_refused_total", "counter", "Handshakes that were refused." },
        { "belfry_gate_limited_total", "counter", "Handshakes that were too many." },
        { "belfry_gate_expired_total", "counter", "Handshakes that were too slow." },
    };

    for (unsigned i = 0; i < 8 && m->gate.there; i++) {
        single(s, of_gate[i].name, of_gate[i].type, of_gate[i].help, m->gate.count[i]);
    }
}

void
metrics_write(struct sheet *s, const struct model *m, unsigned connections, unsigned streams)
{
    itself(s, m);
    if (m->knows_alarms) {
        alarms(s, m); /* a 0 would be news */
    }
    lines(s, m);
    hosts(s, m);
    sinks(s, m);
    network(s, m);
    single(s, "belfry_page_connections", "gauge", "Connections to the status page.", connections);
    single(s, "belfry_page_streams", "gauge", "Browsers that are told what is new.", streams);
}
