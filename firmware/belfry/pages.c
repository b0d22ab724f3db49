#include "belfry/pages.h"

#include <sys/mman.h>

void *
pages_take(size_t size)
{
    void *object = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return object != MAP_FAILED ? object : NULL;
}

void
pages_give(void *object, size_t size)
{
    if (object != NULL) {
        (void)munmap(object, size);
    }
}
