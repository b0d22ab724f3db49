#include "sinks/sink.h"
#include <string.h>

const struct sink_ops *
sink_ops_of(const char *scheme)
{
    static const struct sink_ops *const all[] = { &sink_serial_ops, &sink_console_ops, &sink_tty_ops,
        &sink_screen_ops, &sink_printer_ops, &sink_usb_ops, &sink_file_ops, &sink_null_ops };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i]->scheme, scheme) == 0) {
            return all[i];
        }
    }
    return NULL;
}

bool
sink_init(struct sink *s, const struct conf_channel *channel)
{
    const char *kind = conf_channel_kind(channel);
    const struct sink_ops *ops = sink_ops_of(kind);

    if (ops == NULL) {
        return false;
    }
    *s = (struct sink){
        .ops = kind != channel->scheme ? &sink_fault_ops : ops, .channel = channel, .fd = -1
    };
    return true;
}
