#ifndef WATCH_DETECTOR_H
#define WATCH_DETECTOR_H
/*
 * detector - what notices trouble; one const table a detector, one file a table
 *
 * Runs inside one role process, in its event loop. Nothing here blocks longer than a slice: a slice is about
 * 20 ms of work, and a long read calls env->alive() in between.
 */
#include "alarm/finding.h"
#include "alarm/status.h"
#include "conf/conf.h"
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define DETECTOR_FDS 64

struct detector_env {
    const struct conf *conf;
    /* Where findings go. Copies the finding; never fails from the detector's view. */
    void (*report)(void *to, const struct finding *f);
    void *report_to;
    /* Says that the process is alive; to be called at least each 500 ms during long work. */
    void (*alive)(void *to);
    void *alive_to;
    /* Says which baseline is in force: its root of 32 bytes, or NULL for none. NULL in check(). */
    void (*base)(void *to, const uint8_t *root);
    /* For check() only: threads that read files, and who shows how far it is (of `total` entries), or NULL.
     */
    unsigned jobs;
    void (*progress)(uint64_t looked, uint64_t total, uint64_t bytes);
};

struct detector_ops {
    const char *name;
    enum finding_source source;

    /*
     * Opens what it needs, while the process still has its rights. 0 or -errno when it cannot guard at all. A
     * missing event source is no error: it is reported as an open agent.self finding, and sweeps do the work.
     */
    int (*open)(const struct detector_env *env);

    /* Descriptors to wait for. Asked before each wait; at most `max`. Returns how many were written. */
    int (*fds)(struct pollfd *fds, int max);

    /* One of those descriptors is ready; the whole array with its revents. */
    void (*ready)(const struct pollfd *fds, int count);

    /*
     * Does the work that is due at `now_ms` (CLOCK_BOOTTIME): a slice of a sweep, a recheck. Returns when it
     * wants to be called again, on the same clock; it is called after ready() in any case.
     */
    int64_t (*work)(int64_t now_ms);

    /*
     * One whole pass in one go, for `tocsin check` (open() was not called). Reports between PASS_BEGIN and
     * PASS_END. 0 or -errno when it could not look; the reason was printed to stderr.
     */
    int (*check)(const struct detector_env *env);

    /* False until all that was changed before the start is told. May be NULL: it is at once. */
    bool (*settled)(void);

    /* True while threads of its own may stand still in the kernel, for a disk or a server. May be NULL: it
     * has none. Not called when open() failed. */
    bool (*in_kernel)(void);

    /*
     * For `tocsin status`, when somebody asks: what it hears and what its last pass saw. `out` holds the name
     * and "ok". May be NULL: then it is taken as it is. Not called when open() failed.
     */
    void (*status)(struct detector_status *out);

    /* The receiver's address, which the courier found by its name; work() follows. May be NULL. Not called
     * when open() failed. */
    void (*receiver)(uint8_t family, const uint8_t address[16]);

    /* The wire of a channel has opened this device, by device_of(), or none (0); work() follows. May be NULL.
     * Not called when open() failed. */
    void (*device)(unsigned channel, uint64_t device);
};

extern const struct detector_ops detector_files_ops;
extern const struct detector_ops detector_ports_ops;
extern const struct detector_ops detector_daemons_ops;
extern const struct detector_ops detector_clock_ops;
extern const struct detector_ops detector_mounts_ops;
extern const struct detector_ops detector_routes_ops;
extern const struct detector_ops detector_processes_ops;
extern const struct detector_ops detector_system_ops;
extern const struct detector_ops detector_protectors_ops;

#endif
