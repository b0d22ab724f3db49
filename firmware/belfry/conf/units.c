#include "belfry/conf/parse.h"

#include <string.h>
#include <strings.h>

#define DURATION_MOST_S (UINT64_C(3650) * 86400)

struct unit {
    char letter; /* NUL for none */
    uint64_t times;
};

const struct conf_value *
conf_find_value(const struct conf_value *table, size_t rows, const char *text)
{
    for (size_t i = 0; i < rows; i++) {
        if (strcasecmp(text, table[i].name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static bool
digits(const char *text, size_t len, uint64_t most, uint64_t *out)
{
    uint64_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || n > (UINT64_MAX - 9) / 10) {
            return false;
        }
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out = n;
    return len > 0 && n <= most;
}

bool
conf_number(const char *text, uint64_t most, uint64_t *out)
{
    return digits(text, strlen(text), most, out);
}

static bool
with_unit(const char *text, const struct unit *units, size_t rows, uint64_t most, uint64_t *out)
{
    size_t len = strlen(text);
    uint64_t n;

    for (size_t i = 0; i < rows; i++) {
        bool bare = units[i].letter == '\0';

        if (bare || (len > 0 && text[len - 1] == units[i].letter)) {
            if (!digits(text, bare ? len : len - 1, most / units[i].times, &n) || n == 0) {
                return false;
            }
            *out = n * units[i].times;
            return true;
        }
    }
    return false;
}

bool
conf_size(const char *text, uint64_t *out)
{
    static const struct unit units[] = { { 'k', 1U << 10 }, { 'K', 1U << 10 }, { 'M', 1U << 20 },
        { 'G', 1U << 30 }, { '\0', 1 } };

    return with_unit(text, units, sizeof units / sizeof units[0], INT64_MAX, out);
}

bool
conf_duration(const char *text, uint32_t *out_s)
{
    static const struct unit units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
        { 'w', 604800 } };
    uint64_t n;

    if (!with_unit(text, units, sizeof units / sizeof units[0], DURATION_MOST_S, &n)) {
        return false;
    }
    *out_s = (uint32_t)n;
    return true;
}
