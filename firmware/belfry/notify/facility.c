#include "belfry/notify/facility.h"

#include <stddef.h>
#include <strings.h>
#include <syslog.h>

static const struct {
    const char *name;
    int value;
} facilities[] = {
    { "auth", LOG_AUTH },
    { "authpriv", LOG_AUTHPRIV },
    { "daemon", LOG_DAEMON },
    { "user", LOG_USER },
    { "local0", LOG_LOCAL0 },
    { "local1", LOG_LOCAL1 },
    { "local2", LOG_LOCAL2 },
    { "local3", LOG_LOCAL3 },
    { "local4", LOG_LOCAL4 },
    { "local5", LOG_LOCAL5 },
    { "local6", LOG_LOCAL6 },
    { "local7", LOG_LOCAL7 },
};

int
facility_of(const char *name)
{
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        if (strcasecmp(facilities[i].name, name) == 0) {
            return facilities[i].value;
        }
    }
    return -1;
}

const char *
facility_name(int facility)
{
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        if (facilities[i].value == facility) {
            return facilities[i].name;
        }
    }
    return NULL;
}
