#include "watch/portlook.h"
#include "watch/procnet.h"
#include "watch/sockdiag.h"
#include <errno.h>
#include <unistd.h>

#define DUMP_TRIES 3
#define SLICE 4000

static struct book book[CONF_PROTOS];

static int
fill(int proc, int diag, enum conf_proto proto)
{
    struct sockets *sockets = &book[proto].sockets;
    int error = diag;

    for (int i = 0; diag >= 0 && i < DUMP_TRIES; i++) {
        error = sockdiag_dump(diag, proto, sockets);
        if (error != -EAGAIN) {
            break;
        }
    }
    if (error != 0) {
        error = procnet_dump(proc, proto, sockets);
    }
    book_index(&book[proto]);
    for (uint32_t row = 0; row < sockets->count; row++) {
        book[proto].owned[row] = (struct owned){ .count = 0 };
    }
    return error;
}

static int
look(int proc, int diag, struct portlook *out, void (*alive)(void *to), void *to)
{
    struct owner_scan scan;
    int error = 0;

    for (int i = 0; i < CONF_PROTOS && error == 0; i++) {
        out->book[i] = &book[i];
        error = fill(proc, diag, (enum conf_proto)i);
    }
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
    int diag = sockdiag_open();

    *out = (struct portlook){ .judge = { .conf = conf, .book = out->book, .next_ms = INT64_MAX } };
    if (proc < 0) {
        return proc;
    }
    (void)portjudge_local_range(&out->judge, proc);
    int error = look(proc, diag, out, alive, to);

    close(proc);
    if (diag >= 0) {
        close(diag);
    }
    return error;
}
