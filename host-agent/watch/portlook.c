#include "watch/portlook.h"
#include <errno.h>
#include <unistd.h>

#define SLICE 4000

static struct book book[CONF_PROTOS];
static struct sockets part;

static void
fill_others(const struct socktable *own)
{
    netspaces_search();
    while (!netspaces_step(SLICE)) {
    }
    for (unsigned net = 1; net <= NETSPACES_MAX; net++) {
        struct socktable table;

        if (!netspaces_used(net) || netspaces_enter(net, own, &table) != 0) {
            continue;
        }
        part.net = (uint8_t)net;
        for (int proto = 0; proto < CONF_PROTOS; proto++) {
            if (socktable_dump(&table, (enum conf_proto)proto, &part) == 0) {
                sockets_append(&book[proto].sockets, &part);
            }
        }
        netspaces_leave(&table);
    }
}

static int
fill(struct socktable *own, struct portlook *out)
{
    int error = 0;

    for (int i = 0; i < CONF_PROTOS && error == 0; i++) {
        out->book[i] = &book[i];
        error = socktable_dump(own, (enum conf_proto)i, &book[i].sockets);
    }
    if (error != 0) {
        return error;
    }
    fill_others(own);
    for (int i = 0; i < CONF_PROTOS; i++) {
        book_index(&book[i]);
        for (uint32_t row = 0; row < book[i].sockets.count; row++) {
            book[i].owned[row] = (struct owned){ .count = 0 };
        }
    }
    out->judge.vsock_unlisted = own->vsock == SOCKTABLE_VSOCK_UNLISTED;
    out->netns_denied = netspaces_denied() || netspaces_more();
    return 0;
}

static int
look(int proc, struct portlook *out, void (*alive)(void *to), void *to)
{
    struct socktable own;
    struct owner_scan scan;

    socktable_open(&own, proc, "self/net");
    socktable_refresh(&own);
    int error = fill(&own, out);

    socktable_close(&own);
    if (error == 0) {
        error = owner_scan_begin(&scan, proc, out->book, true);
    }
    if (error != 0) {
        return error;
    }
    while (!owner_scan_step(&scan, SLICE)) {
        if (alive != NULL) {
            alive(to);
        }
    }
    out->denied = scan.denied;
    out->judge.all_seen = scan.denied == 0;
    return 0;
}

int
portlook_once(const struct conf *conf, struct portlook *out, void (*alive)(void *to), void *to)
{
    int proc = procfs_open();

    *out = (struct portlook){ .judge = { .conf = conf, .book = out->book, .next_ms = INT64_MAX } };
    if (proc < 0) {
        return proc;
    }
    netspaces_open(proc, !conf->own_netns);
    portjudge_begin(&out->judge, proc);
    int error = look(proc, out, alive, to);

    netspaces_close();
    close(proc);
    out->judge.proc = -1;
    return error;
}
