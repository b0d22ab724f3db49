#include "belfry/ctl/commands.h"

#include "wire/escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
command_error(const char *format, ...)
{
    va_list args;

    (void)fputs("belfry: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return COMMAND_ERROR;
}

const char *
command_shown(const char *text)
{
    static char shown[4][200];
    static unsigned turn;
    char *out = shown[turn++ % 4];

    wire_escape(out, sizeof shown[0], text, strlen(text), WIRE_ESCAPE_TEXT);
    return out;
}
