#include "sinks/sink.h"
#include <string.h>

const struct sink_ops *
sink_find(const char *scheme)
{
    static const struct sink_ops *const all[] = { &sink_serial_ops, &sink_tty_ops, &sink_file_ops,
        &sink_null_ops, &sink_fault_ops };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i]->scheme, scheme) == 0) {
            return all[i];
        }
    }
    return NULL;
}
