#include "watch/portlearn.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NOBODY "-"

struct learning {
    struct portlook *look;
    struct conf *conf;
    unsigned known; /* entries that were there before */
    unsigned left_out;
    enum conf_proto proto;
};

/* What to write for a holder: its path, or its name where the path cannot stand in the file. */
static const char *
process_of(const struct owner *owner)
{
    const struct owner_exe *exe = owner != NULL ? owners_exe(owner->exe) : NULL;

    if (exe == NULL) {
        return NOBODY;
    }
    if (conf_path_valid(exe->path, exe->len) && procfs_file_at(&exe->file, exe->path)) {
        return exe->path;
    }
    const char *base = procfs_base(exe->path);
    return *base != '\0' && strlen(base) < CONF_PATH ? base : NOBODY;
}

static void
add_process(struct learning *l, struct conf_port *port, const char *process)
{
    for (unsigned i = 0; i < port->processes; i++) {
        if (strcmp(port->process[i], process) == 0) {
            return;
        }
    }
    if (port->processes == CONF_PORT_PROCESSES) {
        l->left_out++;
        return;
    }
    snprintf(port->process[port->processes++], CONF_PATH, "%s", process);
}

static void
add_holders(struct learning *l, struct conf_port *port, const struct owned *o)
{
    if (o->count == 0) {
        add_process(l, port, NOBODY);
    }
    for (unsigned i = 0; i < o->count; i++) {
        add_process(l, port, process_of(&o->owner[i]));
    }
}

/* The entry for it among the new ones, or one more. NULL when there is no room. */
static struct conf_port *
entry_for(struct learning *l, uint32_t number, const char *netns)
{
    struct conf *conf = l->conf;

    for (unsigned i = l->known; number != 0 && i < conf->ports; i++) {
        struct conf_port *port = &conf->port[i];

        if (port->proto == l->proto && port->port == number && strcmp(port->netns, netns) == 0) {
            return port;
        }
    }
    if (conf->ports == CONF_PORTS) {
        l->left_out++;
        return NULL;
    }
    struct conf_port *port = &conf->port[conf->ports++];

    memset(port, 0, sizeof(*port));
    port->proto = (uint8_t)l->proto;
    port->port = number;
    snprintf(port->netns, sizeof(port->netns), "%s", netns);
    return port;
}

static bool
on_loopback(const struct socket_row *row)
{
    static const uint8_t loopback6[16] = { [15] = 1 };

    return row->family == AF_INET    ? row->address[0] == 127
           : row->family == AF_INET6 ? memcmp(row->address, loopback6, sizeof(loopback6)) == 0
                                     : false;
}

/* Namespaces without a name have another number after each start: whatever is there has to do. */
static const char *
lasting_name(unsigned net)
{
    const char *name = netspaces_name(net);

    return net == 0 || name[strspn(name, "0123456789")] != '\0' ? name : CONF_NETNS_ANY;
}

static bool
is_known(const struct learning *l, uint32_t number, unsigned net)
{
    for (unsigned i = 0; i < l->known; i++) {
        if (portjudge_about(&l->conf->port[i], l->proto, number, net)) {
            return true;
        }
    }
    return false;
}

static void
take_port(void *to, uint32_t number, const struct book *b, const uint16_t *rows, unsigned count)
{
    struct learning *l = to;
    unsigned net = b->sockets.row[rows[0]].net;
    struct conf_port *port = NULL;
    bool loopback = l->proto == CONF_TCP || l->proto == CONF_UDP || l->proto == CONF_UDPLITE;

    if (!is_known(l, number, net) && !portjudge_any(&l->look->judge, l->proto, b, rows, count)) {
        port = entry_for(l, number, lasting_name(net));
    }
    if (port == NULL) {
        return;
    }
    for (unsigned r = 0; r < count; r++) {
        loopback = loopback && on_loopback(&b->sockets.row[rows[r]]);
        add_holders(l, port, &b->owned[rows[r]]);
    }
    if (loopback) {
        port->on = CONF_ADDRESS_LOOPBACK;
    }
}

static bool
any_lists(const struct learning *l, const char *process, const char *netns)
{
    for (unsigned i = 0; i < l->conf->ports; i++) {
        const struct conf_port *port = &l->conf->port[i];

        for (unsigned n = 0; port->proto == l->proto && port->port == 0 && n < port->processes; n++) {
            if (strcmp(port->process[n], process) == 0 && strcmp(port->netns, netns) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Programs with a UDP socket whose number the kernel chose: it will be another one after their next start. */
static void
take_any(struct learning *l, const struct socket_row *row, const struct owned *o)
{
    const char *netns = lasting_name(row->net);

    for (unsigned i = 0; i < o->count; i++) {
        const char *process = process_of(&o->owner[i]);

        if (strcmp(process, NOBODY) == 0 || any_lists(l, process, netns)) {
            continue;
        }
        struct conf_port *port = entry_for(l, 0, netns);

        if (port != NULL) {
            add_process(l, port, process);
        }
    }
}

unsigned
portlearn_add(struct portlook *look, struct conf *conf)
{
    struct learning l = { .look = look, .conf = conf, .known = conf->ports };

    for (int i = 0; i < CONF_PROTOS; i++) {
        l.proto = (enum conf_proto)i;
        portjudge_each(&look->judge, l.proto, take_port, &l);
    }
    const struct book *b = look->book[CONF_UDP];

    l.proto = CONF_UDP;
    for (uint32_t row = 0; row < b->sockets.count; row++) {
        const struct socket_row *r = &b->sockets.row[row];

        if (portjudge_is_local(&look->judge, CONF_UDP, r->port) && !is_known(&l, r->port, r->net)) {
            take_any(&l, r, &b->owned[row]);
        }
    }
    return l.left_out;
}
