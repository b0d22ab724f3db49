#include "conf/utc.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *
write_as(const char *format, int64_t seconds, char out[UTC_TEXT])
{
    time_t when = (time_t)seconds;
    struct tm utc;

    /* Only a year that does not fit an int is refused. */
    if (gmtime_r(&when, &utc) == NULL) {
        memcpy(out, "?", 2);
        return out;
    }
    snprintf(out, UTC_TEXT, format, (long long)utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
            utc.tm_min, utc.tm_sec);
    return out;
}

const char *
utc_text(int64_t seconds, char out[UTC_TEXT])
{
    return write_as("%04lld%02d%02dT%02d%02d%02dZ", seconds, out);
}

const char *
utc_text_long(int64_t seconds, char out[UTC_TEXT])
{
    return write_as("%04lld-%02d-%02dT%02d:%02d:%02dZ", seconds, out);
}
