#include "belfry/transcript/part.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = malloc(CONF_NAME); /* on the heap, where every byte beyond it is guarded */
    char *file = malloc(size + 1);
    char again[PART_FILE];
    enum part_kind kind;
    uint64_t base;

    memcpy(file, data, size);
    file[size] = '\0';
    if (part_parse(file, name, &kind, &base)) {
        part_name(again, name, kind, base);
        if (strcmp(again, file) != 0) {
            abort();
        }
    }
    free(file);
    free(name);
    return 0;
}
