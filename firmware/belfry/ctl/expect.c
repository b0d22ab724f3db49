#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ledger/ledger.h"
#include "belfry/text.h"
#include "wire/line.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_MOST_S INT64_C(604800) /* seven days */

/* "90s", "20m", "2h", "1d": seconds, 0 when it is none of these or longer than a week. */
static int64_t
duration(const char *text)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = { 1, 60, 3600, 86400 };
    size_t len = strlen(text);
    const char *unit = len > 1 ? strchr(units, text[len - 1]) : NULL;
    uint32_t number;

    if (unit == NULL || !wire_decimal(text, len - 1, &number) || number == 0 || number > WINDOW_MOST_S) {
        return 0;
    }
    int64_t all = number * seconds[unit - units];
    return all <= WINDOW_MOST_S ? all : 0;
}

static int
finish(struct ledger *l, int r, const char *none)
{
    if (r == 0) {
        r = ledger_commit(l);
    }
    if (r != 0) {
        ledger_rollback(l);
    }
    if (r == LEDGER_E_NONE) {
        r = command_error("%s", none);
    } else if (r != 0) {
        r = command_error("%s", ledger_error(l));
    }
    ledger_close(l);
    return r;
}

int
command_expect(const struct command *c)
{
    const char *host = c->argument[0];
    bool off = strcmp(c->argument[1], "off") == 0;
    int64_t seconds = off ? 0 : duration(c->argument[1]);
    int64_t now_ms = clock_utc_us() / 1000;
    int64_t until_ms = off ? 0 : now_ms + seconds * 1000;
    char by[CONF_NAME], text[TEXT_TIME], none[80];

    if (!command_host_fits(host)) {
        return COMMAND_ERROR;
    }
    if (!off && seconds == 0) {
        return command_error("\"%s\" is no duration; expected a number with s, m, h or d, at most 7d, or off",
                command_shown(c->argument[1]));
    }
    struct ledger *l = command_ledger(c);
    if (l == NULL) {
        return COMMAND_ERROR;
    }
    command_who(c, by);
    (void)snprintf(none, sizeof none, off ? "nothing is declared for %s" : "%s is not paired", host);
    int r = ledger_begin(l);
    r = finish(l, r == 0 ? ledger_expect(l, host, until_ms, by, now_ms) : r, none);
    if (r == 0 && off) {
        (void)printf("%s is expected to be there from now on\n", host);
    } else if (r == 0) {
        (void)printf("%s may be silent or stopped until %s\n", host, text_time(until_ms, text));
    }
    return r;
}

int
command_unpair(const struct command *c)
{
    const char *host = c->argument[0];
    char by[CONF_NAME], none[80];

    if (!command_host_fits(host)) {
        return COMMAND_ERROR;
    }
    struct ledger *l = command_ledger(c);
    if (l == NULL) {
        return COMMAND_ERROR;
    }
    command_who(c, by);
    (void)snprintf(none, sizeof none, "%s is not paired", host);
    int r = ledger_begin(l);
    r = finish(l, r == 0 ? ledger_unpair(l, host, by, clock_utc_us() / 1000) : r, none);
    if (r == 0) {
        (void)printf("%s is unpaired: its keys are gone, its lines and alarms stay on record\n", host);
    }
    return r;
}
