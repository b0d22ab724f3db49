#include "init/say.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECORD 512 /* the kernel takes a little more than 960 */
#define BURST 10
#define BURST_S 10

/* Facility user (1), and the kernel's levels. */
enum level { LEVEL_ALARM = 8, LEVEL_FAULT = 11, LEVEL_WELL = 14 };

static int kmsg = -1;

void
say_open(void)
{
    kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
}

static void
put(enum level level, const char *text)
{
    char record[RECORD];
    int n = snprintf(record, sizeof record, "<%d>%s\n", (int)level, text);

    if (kmsg >= 0) {
        (void)!write(kmsg, record, n < (int)sizeof record ? (size_t)n : sizeof record - 1);
    }
}

/* False when this one is only counted. */
static bool
may_say(void)
{
    static time_t since_s;
    static unsigned said;
    static unsigned unsaid;
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - since_s >= BURST_S) {
        if (unsaid > 0) {
            char text[80];

            (void)snprintf(text, sizeof text, "belfry-init: %u lines were not said", unsaid);
            put(LEVEL_FAULT, text);
        }
        since_s = now.tv_sec;
        said = 0;
        unsaid = 0;
    }
    if (said >= BURST) {
        unsaid++;
        return false;
    }
    said++;
    return true;
}

static void
say(enum level level, const char *prefix, const char *format, va_list arguments)
{
    char text[RECORD];
    int n = snprintf(text, sizeof text, "%s", prefix);

    if (level == LEVEL_WELL || may_say()) {
        (void)vsnprintf(text + n, sizeof text - (size_t)n, format, arguments);
        put(level, text);
    }
}

void
say_alarm(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LEVEL_ALARM, "belfry-init: ALARM: ", format, arguments);
    va_end(arguments);
}

void
say_news(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LEVEL_ALARM, "belfry-init: ", format, arguments);
    va_end(arguments);
}

void
say_fault(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LEVEL_FAULT, "belfry-init: ", format, arguments);
    va_end(arguments);
}

void
say_well(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(LEVEL_WELL, "belfry-init: ", format, arguments);
    va_end(arguments);
}

void
say_of_others(const char *text, size_t len)
{
    static char line[RECORD - 64];
    static size_t at;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n') {
            line[at++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
        }
        if ((text[i] == '\n' && at > 0) || at == sizeof line - 1) {
            line[at] = '\0';
            at = 0;
            if (may_say()) {
                put(LEVEL_FAULT, line);
            }
        }
    }
}
