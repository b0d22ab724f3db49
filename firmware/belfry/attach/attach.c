#include "belfry/attach/attach.h"

#include "belfry/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void
refuse(struct out *out, const char *why)
{
    char text[200];
    int n = snprintf(text, sizeof text, "error\t%s\n", why);

    (void)out_put(out, text, (size_t)n);
}

static struct run_line *
find_line(struct run *run, const char *name)
{
    for (unsigned i = 0; i < run->lines; i++) {
        if (strcasecmp(run->line[i]->line.conf->name, name) == 0) {
            return run->line[i];
        }
    }
    return NULL;
}

static void
end(struct run_line *rl, const char *how)
{
    struct attach_lease *lease = &rl->lease;
    char detail[ATTACH_WHO + 80];

    (void)snprintf(detail, sizeof detail, "%s state=%s bytes=%llu", lease->who, how,
            (unsigned long long)lease->bytes);
    intake_tell(rl, "line.write", WIRE_NOTE, false, detail);
    memset(lease, 0, sizeof *lease);
    rl->line.transcript.direct = rl->line.conf->kind == CONF_FILE;
}

/* That somebody writes is on the disk before his first byte goes out. */
static bool
begin(struct run_line *rl, uint32_t session, const char *who)
{
    struct attach_lease *lease = &rl->lease;
    char detail[ATTACH_WHO + 80];

    bool is_kept;

    commit_patient(rl->run, true);
    /* Each try would leave a record in the queue, and take the place of what nobody says twice. */
    is_kept = !rl->run->stuck || commit_now(rl->run);
    if (is_kept) {
        (void)snprintf(detail, sizeof detail, "%s state=begun", who);
        intake_tell(rl, "line.write", WIRE_NOTE, false, detail);
        is_kept = commit_now(rl->run);
    }
    commit_patient(rl->run, false);
    if (!is_kept) {
        return false;
    }
    *lease = (struct attach_lease){ .session = session };
    (void)snprintf(lease->who, sizeof lease->who, "%s", who);
    rl->line.transcript.direct = true; /* he waits for what the line answers */
    return true;
}

/* Why this line takes nothing from anybody; NULL when it does. */
static const char *
why_not(const struct run_line *rl)
{
    const struct line *l = &rl->line;

    return l->conf->options.alarm_only ? "the line is alarm-only: nobody may write to it"
           : l->ops->write == NULL     ? "lines of this kind are only read"
           : !l->up                    ? "the line is lost"
                                       : NULL;
}

/* Makes the sender the line's writer. False after telling why not. */
static bool
hold(struct run_line *rl, const struct ctl_request *request, const char *who, struct out *out)
{
    struct attach_lease *lease = &rl->lease;
    char why[ATTACH_WHO + 40];

    if (lease->session != 0 && lease->session != request->session) {
        if (request->what != CTL_TAKE) {
            (void)snprintf(why, sizeof why, "somebody else writes: %s", lease->who);
            refuse(out, why);
            return false;
        }
        end(rl, "taken");
    }
    if (lease->session == 0 && !begin(rl, request->session, who)) {
        refuse(out, "the ledger cannot be written");
        return false;
    }
    lease->until_ms = rl->run->now_ms + ATTACH_LEASE_MS;
    return true;
}

static void
pass_on(struct run_line *rl, const struct ctl_request *request, struct out *out)
{
    struct line *l = &rl->line;
    char text[40];
    int n = request->count > 0 ? line_write(l, request->bytes, request->count) : 0;

    if (n < 0) {
        refuse(out, strerror(-n));
        return;
    }
    rl->lease.bytes += (uint64_t)n;
    (void)out_put(out, text, (size_t)snprintf(text, sizeof text, "ok\t%d\n", n));
}

static const struct attach_roles *
roles(struct run *run)
{
    if (run->roles.conf != run->conf) {
        attach_roles_load(&run->roles, run->conf);
    }
    return &run->roles;
}

bool
attach_welcome(void *run, const struct ctl_peer *peer)
{
    char who[ATTACH_WHO];

    return attach_may(roles(run), peer, NULL, who);
}

void
attach_answer(struct run *run, const struct ctl_request *request, struct out *out)
{
    struct run_line *rl = find_line(run, request->line);
    /* The name as it is configured: his own spelling of it may fit a pattern that this one does not. */
    const char *name = rl != NULL ? rl->line.conf->name : request->line;
    char who[ATTACH_WHO];
    const char *why;

    if (!attach_may(roles(run), request->peer, name, who)) {
        refuse(out, "you are no Operator of this line");
        return;
    }
    if (rl == NULL) {
        refuse(out, "no such line");
        return;
    }
    if (request->what == CTL_LEAVE) {
        if (rl->lease.session == request->session) {
            end(rl, "ended");
        }
        (void)out_put(out, "ok\t0\n", 5);
        return;
    }
    why = why_not(rl);
    if (why != NULL) {
        refuse(out, why);
    } else if (hold(rl, request, who, out)) {
        pass_on(rl, request, out);
    }
}

void
attach_end(struct run_line *rl)
{
    if (rl->lease.session != 0) {
        end(rl, "closed");
    }
}

void
attach_reload(struct run *run, const struct conf *next)
{
    run->own.operators = next->operators;
    memcpy(run->own.operator, next->operator, sizeof run->own.operator);
    attach_roles_load(&run->roles, run->conf);
    ctl_reach(&run->ctl, run->conf);
}

void
attach_tick(struct run_line *rl)
{
    if (rl->lease.session != 0 && rl->run->now_ms >= rl->lease.until_ms) {
        end(rl, "left");
    }
}
