#include "hal/host/vt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/kd.h>
#include <linux/vt.h>

#define VT_MAJOR 4
#define SWITCH_LOOKS 10
#define SWITCH_LOOK_MS 10
#define MESSAGES_TO 11 /* of TIOCLINUX: the console that the kernel's messages go to */

int
hal_vt_number(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) != VT_MAJOR ||
            minor(st.st_rdev) > MAX_NR_CONSOLES) {
        return 0;
    }
    return (int)minor(st.st_rdev);
}

int
hal_vt_shown(int fd)
{
    struct vt_stat state;

    return ioctl(fd, VT_GETSTATE, &state) == 0 ? state.v_active : -errno;
}

int
hal_vt_lock(int fd)
{
    int number = hal_vt_number(fd);
    char messages[2] = { MESSAGES_TO, 1 };

    if (number == 0) {
        return -ENOTTY;
    }
    /* A lock of an earlier life would keep us from switching, too. */
    (void)ioctl(fd, VT_UNLOCKSWITCH, 0);
    if (ioctl(fd, VT_ACTIVATE, number) != 0) {
        return -errno;
    }
    /* VT_WAITACTIVE would wait for ever where somebody else holds the consoles. */
    for (int i = 0; i < SWITCH_LOOKS && hal_vt_shown(fd) != number; i++) {
        (void)poll(NULL, 0, SWITCH_LOOK_MS);
    }
    if (ioctl(fd, VT_LOCKSWITCH, 0) != 0) {
        return -errno;
    }
    if (number != 1) {
        (void)ioctl(fd, TIOCLINUX, messages);
    }
    return hal_vt_shown(fd) == number ? 0 : -EBUSY;
}

bool
hal_vt_shows_text(int fd)
{
    int mode = KD_TEXT;

    return ioctl(fd, KDGETMODE, &mode) != 0 || mode == KD_TEXT;
}

/* The last name of a list "tty0 ttyS0". */
static int
last_console(char *list, size_t size, const char **name)
{
    int fd = open("/sys/class/tty/console/active", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    ssize_t n = read(fd, list, size - 1);
    int error = n < 0 ? -errno : 0;
    (void)close(fd);
    if (n <= 0) {
        return n < 0 ? error : -ENODEV;
    }
    list[n] = '\0';
    list[strcspn(list, "\n")] = '\0';
    const char *blank = strrchr(list, ' ');
    *name = blank != NULL ? blank + 1 : list;
    return **name != '\0' ? 0 : -ENODEV;
}

/* tty0 stands for the console that is shown, and can be redirected like /dev/console. */
static int
shown_name(char *name, size_t size)
{
    int fd = open("/dev/tty0", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    int number = hal_vt_shown(fd);
    (void)close(fd);
    if (number > 0) {
        (void)snprintf(name, size, "tty%d", number);
    }
    return number < 0 ? number : 0;
}

int
hal_vt_console_path(char *out, size_t size)
{
    char list[256];
    char shown[16];
    const char *name = "";
    int error = last_console(list, sizeof list, &name);

    if (error == 0 && strcmp(name, "tty0") == 0) {
        error = shown_name(shown, sizeof shown);
        name = shown;
    }
    if (error < 0) {
        return error;
    }
    int n = snprintf(out, size, "/dev/%s", name);
    return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}
