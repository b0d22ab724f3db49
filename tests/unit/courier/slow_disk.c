/* Put before the C library by LD_PRELOAD: an fdatasync that takes as many seconds as SLOW_DISK_S says. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int
fdatasync(int fd)
{
    const char *s = getenv("SLOW_DISK_S");

    sleep(s != NULL ? (unsigned)strtoul(s, NULL, 10) : 0);
    return (int)syscall(SYS_fdatasync, fd);
}
