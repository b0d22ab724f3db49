#include "hal/random.h"

#include "hal/result.h"
#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

int
hal_random(void *dst, size_t len)
{
    unsigned char *out = dst;

    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);

        if (n < 0 && errno != EINTR) {
            return HAL_E_DEVICE;
        }
        out += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
    }
    return HAL_OK;
}
