#include "belfry/ctl/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctl_request *r = malloc(sizeof *r); /* on the heap, where every byte beyond it is guarded */
    struct ctl_request again;
    char text[CTL_REQUEST_MAX];
    size_t len;

    if (ctl_parse((const char *)data, size, r)) {
        if (memchr(r->by, '\0', sizeof r->by) == NULL || memchr(r->line, '\0', sizeof r->line) == NULL) {
            abort();
        }
        len = ctl_compose(r, text);
        if (len >= sizeof text || text[len - 1] != '\n' || !ctl_parse(text, len - 1, &again) ||
                again.what != r->what || again.from != r->from || again.alarm != r->alarm ||
                strcmp(again.by, r->by) != 0 || strcmp(again.line, r->line) != 0 ||
                again.session != r->session || again.count != r->count ||
                memcmp(again.bytes, r->bytes, r->count) != 0) {
            abort();
        }
        for (const char *c = r->by; *c != '\0'; c++) {
            if (*c < 0x21 || *c > 0x7E) {
                abort();
            }
        }
    }
    free(r);
    return 0;
}
