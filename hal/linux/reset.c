#include "hal/reset.h"

#include "hal/linux/bench/bench.h"
#include <string.h>
#include <unistd.h>

enum hal_reset_cause
hal_reset_cause(void)
{
    return (enum hal_reset_cause)bench.shared->cause;
}

bool
hal_reset_note(struct hal_reset_note *out)
{
    if (bench.shared->note.what == 0) {
        return false;
    }
    *out = bench.shared->note;
    bench.shared->note = (struct hal_reset_note){ 0 };
    return true;
}

_Noreturn void
hal_reset_now(const struct hal_reset_note *note)
{
    bench.shared->note = *note;
    _exit(BENCH_EXIT_RESET);
}

void
hal_reset_serial(char dst[HAL_SERIAL_SIZE])
{
    memcpy(dst, bench.serial, HAL_SERIAL_SIZE);
}
