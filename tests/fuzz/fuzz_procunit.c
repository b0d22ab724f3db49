/* Any text as PID/cgroup: the unit is one folder of it, and no slice. */
#include "watch/procfs.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char unit[PROCFS_UNIT];
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    procfs_unit_parse(exact, size, unit);
    size_t len = strnlen(unit, sizeof(unit));
    size_t tail = strlen(".slice");

    if (len == sizeof(unit) || strchr(unit, '/') != NULL || memmem(exact, size, unit, len) == NULL) {
        abort();
    }
    /* A zero byte, which the kernel never writes, or the end of the room can cut a name anywhere. */
    if (memchr(exact, '\0', size) == NULL && len + 1 < sizeof(unit) && len > tail &&
            strcmp(unit + len - tail, ".slice") == 0) {
        abort();
    }
    free(exact);
    return 0;
}
