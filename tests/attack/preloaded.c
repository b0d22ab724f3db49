/*
 * preloaded - says so when it is loaded into a program
 */
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void
loaded(void)
{
    int fd = open(ATTACK_PRELOADED, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd >= 0) {
        close(fd);
    }
}
