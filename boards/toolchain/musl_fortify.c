/*
 * musl_fortify - what glibc's _FORTIFY_SOURCE calls in an object that was built for it, for musl, which has
 * it not
 *
 * The checks are kept: a buffer that is too small ends the process.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#define KEEP __attribute__((used))

int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...);
int __vfprintf_chk(FILE *to, int flag, const char *format, va_list args);
char *__strcat_chk(char *to, const char *from, size_t room);
int __open_2(const char *path, int flags);
long __fdelt_chk(long fd);

KEEP int
__snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list args;

    (void)flag;
    if (room < size) {
        abort();
    }
    va_start(args, format);
    int n = vsnprintf(to, size, format, args);
    va_end(args);
    return n;
}

KEEP int
__vfprintf_chk(FILE *to, int flag, const char *format, va_list args)
{
    (void)flag;
    return vfprintf(to, format, args);
}

KEEP char *
__strcat_chk(char *to, const char *from, size_t room)
{
    size_t have = strlen(to);
    size_t more = strlen(from) + 1;

    if (have + more > room) {
        abort();
    }
    memcpy(to + have, from, more);
    return to;
}

KEEP int
__open_2(const char *path, int flags)
{
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        abort();
    }
    return open(path, flags);
}

KEEP long
__fdelt_chk(long fd)
{
    if (fd < 0 || fd >= FD_SETSIZE) {
        abort();
    }
    return fd / (long)(8 * sizeof(long));
}
