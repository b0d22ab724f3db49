/* Any text as PID/stat and as a descriptor's link; a line made from what was read gives the same again. */
#include "watch/procfs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_again(const struct procfs_stat *first)
{
    struct procfs_stat second = { 0 };
    char line[256];
    int n = snprintf(line, sizeof(line),
            "%" PRId32 " () R) %c %" PRId32 " 0 0 0 0 %u 0 0 0 0 0 0 0 0 0 0 %" PRIu32 " 0 %" PRIu64,
            first->pid, first->state, first->parent, first->kernel_thread ? 0x200000u : 0u, first->threads,
            first->start);

    if (first->state == ')') { /* it would be the last one */
        return;
    }
    if (!procfs_stat_parse(line, (size_t)n, &second) || second.pid != first->pid ||
            second.state != first->state || second.parent != first->parent || second.start != first->start ||
            second.threads != first->threads || second.kernel_thread != first->kernel_thread) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct procfs_stat stat = { 0 };
    char *exact = malloc(size);
    char link[64];

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    if (procfs_stat_parse(exact, size, &stat)) {
        if (stat.pid < 0 || stat.parent < 0) {
            abort();
        }
        read_again(&stat);
    }
    uint64_t inode = procfs_socket_link(exact, size);

    if (inode != 0) {
        int n = snprintf(link, sizeof(link), "socket:[%" PRIu64 "]", inode);

        if (n <= 0 || procfs_socket_link(link, (size_t)n) != inode) {
            abort();
        }
    }
    free(exact);
    return 0;
}
