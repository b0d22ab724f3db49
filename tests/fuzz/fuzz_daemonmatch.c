/* Any text as PID/cgroup, PID/cmdline and pid file, in a heap block of its own size. */
#include "watch/daemonmatch.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    bool in = daemonmatch_unit(exact, size, "a.service");

    if (in && memmem(exact, size, "a.service", 9) == NULL) {
        abort();
    }
    if (daemonmatch_args(exact, size, "-a b") && memchr(exact, '\0', size) == NULL) {
        abort();
    }
    if (daemonmatch_pid(exact, size) < 0) {
        abort();
    }
    free(exact);
    return 0;
}
