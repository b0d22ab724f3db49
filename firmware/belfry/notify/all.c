#include "belfry/notify/kind.h"

#include <string.h>

const char notify_program[] = "belfry-notify";

static const struct notify_kind *const kinds[] = { &notify_alertmanager, &notify_exec, &notify_mail,
    &notify_syslog };

const struct notify_kind *
notify_kind_of(const char *name, const char *place)
{
    if (strcmp(name, notify_local.name) == 0 && strcmp(place, "local") == 0) {
        return &notify_local;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}
