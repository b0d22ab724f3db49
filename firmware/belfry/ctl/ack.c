#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ctl/client.h"
#include "belfry/ctl/request.h"
#include "belfry/ledger/ledger.h"
#include "belfry/state.h"
#include "wire/escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without a running belfry. It tells the closing when it starts. */
static int
ack_in_ledger(const struct command *c, const struct ctl_request *request)
{
    struct ledger_changes changes = { .count = 0 };
    struct ledger *l = command_ledger(c);
    int r;

    if (l == NULL) {
        return COMMAND_ERROR;
    }
    r = ledger_begin(l);
    if (r == 0) {
        r = ledger_ack(l, request->alarm, request->by, clock_utc_us() / 1000, &changes);
    }
    if (r == 0) {
        r = ledger_commit(l);
    }
    if (r == 0) {
        (void)printf("alarm %lld %s (belfry is not running)\n", (long long)request->alarm,
                changes.count > 0 ? "closed" : "acknowledged");
    } else if (r == LEDGER_E_NONE) {
        r = command_error("no alarm %lld", (long long)request->alarm);
    } else {
        r = command_error("%s", ledger_error(l));
    }
    ledger_rollback(l);
    ledger_close(l);
    return r;
}

int
command_ack(const struct command *c)
{
    struct ctl_request request = { .what = CTL_ACK };
    struct client_answer answer;
    char *end = NULL;
    char *field[2];
    int r;

    errno = 0;
    request.alarm = strtoll(c->argument[0], &end, 10);
    if (errno != 0 || *end != '\0' || end == c->argument[0] || request.alarm < 1) {
        return command_error("\"%s\" is no alarm; expected a number as `belfry alarms` shows it",
                command_shown(c->argument[0]));
    }
    command_who(c, request.by);
    r = client_ask(c->conf, &request, &answer);
    if (r == -ECONNREFUSED) {
        return ack_in_ledger(c, &request);
    }
    if (r != 0) {
        return command_error("the running belfry does not answer: %s", strerror(-r));
    }
    if (client_fields(answer.text, field, 2) == 2 && strcmp(field[0], "ok") == 0) {
        (void)printf("alarm %lld %s\n", (long long)request.alarm, command_shown(field[1]));
        return COMMAND_WELL;
    }
    return command_error("alarm %lld: %s", (long long)request.alarm, command_shown(field[1]));
}
