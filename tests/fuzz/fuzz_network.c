/* Any bytes as a line of a console manager's network file, which lies on a disk that anybody may have had. */
#include "init/network.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct network_fact f;
    char *line = malloc(size + 1);

    if (line == NULL) {
        abort();
    }
    memcpy(line, data, size);
    line[size] = '\0';
    network_parse(line, &f);
    if (f.bits > f.size * 8 || memchr(f.name, '\0', sizeof f.name) == NULL ||
            strpbrk(f.name, " /\n") != NULL) {
        abort();
    }
    free(line);
    return 0;
}
