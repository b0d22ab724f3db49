#include "belfry/nats/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message *m = malloc(sizeof *m); /* on the heap, where every byte beyond it is guarded */
    char text[MESSAGE_MAX];
    char subject[MESSAGE_SUBJECT];
    char id[MESSAGE_ID];
    char site[MESSAGE_SITE];
    enum message_kind kind;

    (void)message_subject_parse((const char *)data, size, site, &kind);
    if (message_parse((const char *)data, size, m)) {
        if (message_compose(m, text) != size || memcmp(text, data, size) != 0) {
            abort();
        }
        message_id(id, "ams1", m, text);
        message_subject(subject, "ams1", m);
        if (!message_subject_parse(subject, strlen(subject), site, &kind) || strcmp(site, "ams1") != 0 ||
                kind != m->kind) {
            abort();
        }
    }
    free(m);
    return 0;
}
