#include "belfry/ctl/notifiers.h"

#include "belfry/ctl/commands.h"
#include "belfry/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
notifier_take(struct live_notifier *n, char *const field[NOTIFIERS_FIELDS])
{
    (void)snprintf(n->name, sizeof n->name, "%s", command_shown(field[1]));
    (void)snprintf(n->kind, sizeof n->kind, "%s", command_shown(field[2]));
    (void)snprintf(n->state, sizeof n->state, "%s", command_shown(field[3]));
    n->waiting = strtoull(field[4], NULL, 10);
    n->told = strtoull(field[5], NULL, 10);
    n->failed = strtoull(field[6], NULL, 10);
    n->last_ms = strtoll(field[7], NULL, 10);
    (void)snprintf(n->why, sizeof n->why, "%s", command_shown(field[8]));
}

void
notifiers_print(const struct live_notifier *n, unsigned count, int64_t now_ms)
{
    for (unsigned i = 0; i < count; i++, n++) {
        char age[TEXT_TIME] = "";

        if (n->last_ms != 0) {
            (void)text_age(now_ms - n->last_ms, age);
        }
        (void)printf("notifier %s (%s): %s%s%s; %llu wait, told last %s%s\n", n->name, n->kind,
                strcmp(n->state, "up") == 0     ? "up"
                : strcmp(n->state, "lost") == 0 ? "NOT RUNNING"
                                                : "WAITS",
                n->why[0] != '\0' ? ": " : "", n->why, (unsigned long long)n->waiting,
                n->last_ms != 0 ? age : "never", n->last_ms != 0 ? " ago" : "");
    }
}

void
notifiers_print_json(const struct live_notifier *n, unsigned count)
{
    (void)printf(",\n \"notifiers\":[");
    for (unsigned i = 0; i < count; i++, n++) {
        char name[80];
        char why[600];

        (void)text_json(name, sizeof name, n->name);
        (void)text_json(why, sizeof why, n->why);
        (void)printf(
                "%s\n  "
                "{\"name\":%s,\"kind\":\"%s\",\"state\":\"%s\",\"why\":%s,\"waiting\":%llu,\"told\":%llu,"
                "\"failed\":%llu,\"last_ms\":%lld}",
                i > 0 ? "," : "", name, n->kind, n->state, why, (unsigned long long)n->waiting,
                (unsigned long long)n->told, (unsigned long long)n->failed, (long long)n->last_ms);
    }
    (void)printf("%s]", count > 0 ? "\n " : "");
}
