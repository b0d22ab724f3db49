#include "alarm/session_file.h"
#include <errno.h>
#include <unistd.h>

static int
write_slot(int fd, const struct wire_slot *slot, unsigned which)
{
    uint8_t bytes[WIRE_SLOT_SIZE];
    size_t done = 0;

    wire_slot_encode(slot, bytes);
    while (done < sizeof(bytes)) {
        ssize_t n =
                pwrite(fd, bytes + done, sizeof(bytes) - done, (off_t)which * WIRE_SLOT_SIZE + (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            int error = n < 0 ? -errno : -EIO;
            wire_wipe(bytes, sizeof(bytes));
            return error;
        }
        done += (size_t)n;
    }
    wire_wipe(bytes, sizeof(bytes));
    return fdatasync(fd) < 0 ? -errno : 0;
}

int
session_file_write(int fd, struct wire_slot *state, unsigned *slot)
{
    state->generation++;
    int error = write_slot(fd, state, *slot ^ 1u);
    if (error < 0) {
        return error;
    }
    *slot ^= 1u;
    return write_slot(fd, state, *slot ^ 1u);
}
