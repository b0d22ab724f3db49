/* Any text as PID/status and as a control group's path: a name fits, a unit lies inside and is found again.
 */
#include "watch/fs_doer.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
status(const char *text, size_t size)
{
    struct fs_doer_status s;

    if (fs_doer_status_parse(text, size, &s) && strlen(s.name) >= sizeof(s.name)) {
        abort();
    }
}

static void
unit(const char *path, size_t size)
{
    const char *found, *again;
    size_t len = fs_doer_unit(path, size, &found);

    if (len == 0) {
        return;
    }
    if (found < path || found + len > path + size || memchr(found, '/', len) != NULL ||
            fs_doer_unit(found, len, &again) != len) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL) {
        abort();
    }
    memcpy(text, data, size);
    status(text, size);
    unit(text, size);
    free(text);
    return 0;
}
