#include "alarm/session_file.h"
#include <errno.h>
#include <string.h>
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

bool
session_file_holds(int fd, const struct wire_slot *state)
{
    uint8_t ours[WIRE_SLOT_SIZE];
    uint8_t found[WIRE_SLOT_SIZE];
    bool same = true;

    wire_slot_encode(state, ours);
    for (unsigned i = 0; i < WIRE_SLOTS && same; i++) {
        same = pread(fd, found, sizeof(found), (off_t)i * WIRE_SLOT_SIZE) == (ssize_t)sizeof(found) &&
               memcmp(found, ours, sizeof(ours)) == 0;
    }
    wire_wipe(ours, sizeof(ours));
    wire_wipe(found, sizeof(found));
    return same;
}
