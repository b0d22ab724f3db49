#include "proc/spawn.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

/*
 * refused - a warden for whom fork() fails for the roles named in the file TOCSIN_REFUSED, and flock() as on
 * a server without locks when that is named there
 */
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
pid_t __real_spawn_role(const struct spawn_order *order);
pid_t __wrap_spawn_role(const struct spawn_order *order);

static bool
is_refused(const char *what)
{
    const char *path = getenv("TOCSIN_REFUSED");
    FILE *f = path != NULL ? fopen(path, "re") : NULL;
    char roles[128] = "";

    if (f != NULL) {
        (void)!fgets(roles, sizeof(roles), f);
        fclose(f);
    }
    return strstr(roles, what) != NULL;
}

pid_t
__wrap_spawn_role(const struct spawn_order *order)
{
    return is_refused(role_name(order->role)) ? -EAGAIN : __real_spawn_role(order);
}

int
__wrap_flock(int fd, int operation)
{
    if (is_refused("flock")) {
        errno = ENOLCK;
        return -1;
    }
    return __real_flock(fd, operation);
}
