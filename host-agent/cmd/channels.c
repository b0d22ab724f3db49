#include "cmd/channels.h"
#include <string.h>

const char *
channel_why(const char *word, int error)
{
    static const struct {
        const char *word;
        const char *text;
    } known[] = {
        { "ended", "its process does not run" },
        { "paper", "paper out" },
        { "offline", "off line" },
        { "error", "the printer tells of an error" },
        { "gone", "unplugged" },
        { "hung-up", "hung up" },
        { "graphics", "the console shows graphics" },
        { "stuck", "it takes nothing" },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(word, known[i].word) == 0) {
            return known[i].text;
        }
    }
    return word[0] != '\0' ? word : error != 0 ? strerror(error) : "it takes nothing";
}
