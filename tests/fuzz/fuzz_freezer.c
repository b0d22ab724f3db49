/* Any text as PID/cgroup, as a group's state, and as the list of controllers: what is found lies inside, and
 * is found again. */
#include "watch/freezer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
find_again(const char *src, size_t size, const struct freezer_groups *first)
{
    static const char *const head[FREEZER_VERSIONS] = { "6:cpu,freezer:", "0::" };
    struct freezer_groups second;

    for (unsigned version = 0; version < FREEZER_VERSIONS; version++) {
        const char *path = first->path[version];
        size_t len = first->len[version];

        if (path == NULL) {
            continue;
        }
        if (path < src || len == 0 || len > size || path + len > src + size || *path != '/' ||
                memchr(path, '\n', len) != NULL) {
            abort();
        }
        size_t room = len + 32;
        char *line = malloc(room);

        if (line == NULL) {
            abort();
        }
        size_t at = (size_t)snprintf(line, room, "%s", head[version]);
        memcpy(line + at, path, len);
        line[at + len] = '\n';
        if (!freezer_groups_parse(line, at + len + 1, &second) || second.len[version] != len ||
                memcmp(second.path[version], path, len) != 0) {
            abort();
        }
        free(line);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct freezer_groups groups;
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (freezer_groups_parse(exact, size, &groups)) {
        find_again(exact, size, &groups);
    }
    bool first = freezer_state_parse(FREEZER_V1, exact, size);
    bool second = freezer_state_parse(FREEZER_V2, exact, size);

    if ((first && memmem(exact, size, "FR", 2) == NULL) ||
            (second && memmem(exact, size, "frozen 1\n", 9) == NULL) ||
            (freezer_counts_parse(exact, size) && memmem(exact, size, "freezer\t", 8) == NULL)) {
        abort();
    }
    free(exact);
    return 0;
}
