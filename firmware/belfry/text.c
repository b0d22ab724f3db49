#include "belfry/text.h"

#include "wire/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *
text_time(int64_t utc_ms, char *out)
{
    time_t s = (time_t)(utc_ms / 1000);
    struct tm tm;

    if (utc_ms < 0 || gmtime_r(&s, &tm) == NULL || tm.tm_year > 8099) {
        memcpy(out, "-", 2);
        return out;
    }
    (void)snprintf(out, TEXT_TIME, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000,
            (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100,
            (int)(utc_ms % 1000));
    return out;
}

const char *
text_age(int64_t ms, char *out)
{
    int64_t s = ms < 0 ? 0 : ms / 1000;

    if (s < 120) {
        (void)snprintf(out, TEXT_TIME, "%lld s", (long long)s);
    } else if (s < 7200) {
        (void)snprintf(out, TEXT_TIME, "%lld m", (long long)(s / 60));
    } else if (s < 172800) {
        (void)snprintf(out, TEXT_TIME, "%lld h", (long long)(s / 3600));
    } else {
        (void)snprintf(out, TEXT_TIME, "%lld d", (long long)(s / 86400));
    }
    return out;
}

static bool
parse_ago(const char *src, int64_t now_ms, int64_t *utc_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
    size_t digits = strspn(src, "0123456789");

    if (digits < 1 || digits > 9 || src[digits] == '\0' || src[digits + 1] != '\0') {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (src[digits] == units[i].unit) {
            *utc_ms = now_ms - strtoll(src, NULL, 10) * units[i].ms;
            return true;
        }
    }
    return false;
}

bool
text_time_parse(const char *src, int64_t now_ms, int64_t *utc_ms)
{
    static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

    if (parse_ago(src, now_ms, utc_ms)) {
        return true;
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct tm tm;
        const char *end;

        memset(&tm, 0, sizeof tm);
        end = strptime(src, formats[i], &tm);
        if (end != NULL && (*end == '\0' || strcmp(end, "Z") == 0)) {
            *utc_ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    return false;
}

size_t
text_detail(char *out, size_t size, const char *src, size_t len)
{
    size_t have = 0;

    out[0] = '\0';
    while (len > 0 && size - have > WIRE_ESCAPE_WORST + 24) {
        const char *percent = memchr(src, '%', len);
        size_t run = percent != NULL ? (size_t)(percent - src) : len;

        if (run > 0) {
            have += wire_escape(out + have, size - have - 1, src, run, WIRE_ESCAPE_TEXT);
        }
        if (percent != NULL && have + 1 < size) {
            out[have++] = '%';
            out[have] = '\0';
            run++;
        }
        src += run;
        len -= run;
    }
    return have;
}

size_t
text_json(char *out, size_t size, const char *src)
{
    size_t have = 0;

    out[have++] = '"';
    for (; *src != '\0' && have + 8 < size; src++) {
        unsigned char c = (unsigned char)*src;

        if (c == '"' || c == '\\') {
            out[have++] = '\\';
            out[have++] = (char)c;
        } else if (c < 0x20 || c > 0x7E) {
            have += (size_t)snprintf(out + have, size - have, "\\u%04x", c);
        } else {
            out[have++] = (char)c;
        }
    }
    out[have++] = '"';
    out[have] = '\0';
    return have;
}
