#include "belfry/ctl/view.h"

#include "belfry/text.h"

#include <stdio.h>
#include <string.h>

static void
keep_path(void *to, const struct path_record *path)
{
    struct view *v = to;

    if (v->paths < PATHS_MAX) {
        v->path[v->paths++] = *path;
    }
}

static void
keep_pin(void *to, const struct pin_record *pin)
{
    struct view *v = to;

    if (v->pins < VIEW_PINS) {
        v->pin[v->pins++] = *pin;
    }
}

int
view_read(struct ledger *l, const char *host, uint32_t pairing, struct view *out)
{
    int r;

    memset(out, 0, sizeof *out);
    r = ledger_paths(l, host, pairing, keep_path, out);
    if (r == 0) {
        r = ledger_pins(l, host, pairing, keep_pin, out);
    }
    if (r == 0) {
        r = ledger_connection(l, host, pairing, &out->net);
        out->has_net = r == 0;
    }
    return r == LEDGER_E_NONE ? 0 : r;
}

bool
view_linked(const struct view *v, const struct path_record *path)
{
    return v->net.up && path->token[0] != '\0' && strcmp(path->token, v->net.token[0]) == 0;
}

const char *
view_paths(const struct view *v, char *out, size_t size)
{
    const struct path_record *linked = NULL;
    char time[TEXT_TIME];
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < v->paths && n < size; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s%s%s", i > 0 ? "+" : "", v->path[i].path,
                v->path[i].quiet ? "(QUIET)" : "");
        if (view_linked(v, &v->path[i])) {
            linked = &v->path[i];
        }
    }
    if (linked != NULL && n < size) {
        (void)snprintf(out + n, size - n, " linked %.5s", text_time(linked->token_ms, time) + 11);
    } else if (v->net.up && v->paths > 1 && n < size) {
        (void)snprintf(out + n, size - n, " not linked");
    }
    return out;
}

bool
view_pin_differs(const struct pin_record *pin)
{
    return strcmp(pin->digest, pin->seen) != 0;
}
