#include "watch/device.h"
#include <linux/major.h>
#include <sys/sysmacros.h>

uint64_t
device_of(dev_t number, dev_t filesystem)
{
    unsigned kind = major(number) - UNIX98_PTY_SLAVE_MAJOR;

    return number | (kind < UNIX98_PTY_MAJOR_COUNT ? filesystem << 32 : 0);
}
