/* Any text as /proc/loadavg, /proc/pressure/memory and /proc/vmstat: it is read within its length. */
#include "watch/views_load.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t running;
    uint64_t tasks;
    uint64_t percent;
    uint64_t kills;
    uint64_t stalls;
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (load_average_parse(exact, size, &running, &tasks) && memchr(exact, '/', size) == NULL) {
        abort();
    }
    if (load_pressure_parse(exact, size, &percent) && percent > 100) {
        abort();
    }
    if (load_vmstat_parse(exact, size, &kills, &stalls) && memmem(exact, size, "oom_kill ", 9) == NULL) {
        abort();
    }
    free(exact);
    return 0;
}
