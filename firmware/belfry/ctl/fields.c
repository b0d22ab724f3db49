#include "belfry/ctl/client.h"

#include <string.h>

char *
client_next(char *text)
{
    char *nl = strchr(text, '\n');

    return nl != NULL ? nl + 1 : text + strlen(text);
}

unsigned
client_fields(char *text, char **field, unsigned most)
{
    static char empty[1] = "";
    unsigned count = 0;

    text[strcspn(text, "\n")] = '\0';
    while (text != NULL) {
        char *tab = strchr(text, '\t');

        if (tab != NULL) {
            *tab = '\0';
        }
        if (count < most) {
            field[count] = text;
        }
        count++;
        text = tab != NULL ? tab + 1 : NULL;
    }
    for (unsigned i = count; i < most; i++) {
        field[i] = empty;
    }
    return count;
}
