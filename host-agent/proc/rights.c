#include "proc/rights.h"
#include "proc/landlock.h"
#include "proc/seccomp_lists.h"
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_FD_NOT_OURS 8
#define LOCKED_LEAST (1u << 20) /* bytes of keys and their surroundings that may be locked in memory */
#define DNS_PORT 53

#define CAP(name) (UINT64_C(1) << CAP_##name)

enum walls { WALLS_NONE, WALLS_ALL, WALLS_COURIER };

struct rights {
    uint64_t caps;     /* kept */
    enum walls walls;  /* by Landlock */
    bool keeps;        /* all the starter has: it starts others, or opens devices */
    bool no_processes; /* RLIMIT_NPROC */
    bool no_files;     /* RLIMIT_FSIZE */
};

/*
 * Landlock would blind the three that look: a process under it may not see what others run (/proc/PID/exe),
 * which tells who changed a file or the firewall, and what a daemon is.
 */
/* clang-format off */
static const struct rights table[ROLES] = {
    [ROLE_WARDEN]   = { .keeps = true },
    [ROLE_OPENER]   = { .keeps = true },
    [ROLE_CORE]     = { .walls = WALLS_ALL },
    [ROLE_WIRE]     = { .walls = WALLS_ALL, .no_processes = true },
    [ROLE_FSCHECK]  = { .caps = CAP(DAC_READ_SEARCH) | CAP(SYS_PTRACE) | CAP(SYS_ADMIN) | CAP(FOWNER) },
    [ROLE_PROCSCAN] = { .caps = CAP(DAC_READ_SEARCH) | CAP(SYS_PTRACE) | CAP(SYS_ADMIN) | CAP(NET_ADMIN), .no_files = true },
    [ROLE_NETWATCH] = { .caps = CAP(DAC_READ_SEARCH) | CAP(SYS_PTRACE) | CAP(NET_ADMIN), .no_files = true },
    [ROLE_COURIER]  = { .walls = WALLS_COURIER },
};
/* clang-format on */

const char *
rights_layer_name(enum rights_layer layer)
{
    static const char *const names[RIGHTS_LAYERS] = { "ids", "caps", "landlock", "seccomp", "mlock" };

    return names[layer];
}

bool
rights_has_seccomp(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
    return false;
#else
    return true;
#endif
#else
    return true;
#endif
}

static void
limit(int what, rlim_t most)
{
    const struct rlimit l = { most, most };

    (void)setrlimit(what, &l);
}

static void
allow_locking(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_MEMLOCK, &l) == 0 && l.rlim_cur < LOCKED_LEAST) {
        l.rlim_cur = LOCKED_LEAST;
        l.rlim_max = l.rlim_max < l.rlim_cur ? l.rlim_cur : l.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &l);
    }
}

void
rights_begin(enum role role)
{
    if (role != ROLE_WARDEN) {
        syscall(SYS_close_range, FIRST_FD_NOT_OURS, UINT_MAX, 0);
        setsid();
        umask(077);
        limit(RLIMIT_CORE, 0);
        allow_locking();
    }
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Root's number gives no rights any more, and another one takes none away, for ever. */
static bool
lock_root_out(void)
{
    const unsigned long bits = 1u << SECURE_NOROOT | 1u << SECURE_NOROOT_LOCKED |
                               1u << SECURE_NO_SETUID_FIXUP | 1u << SECURE_NO_SETUID_FIXUP_LOCKED |
                               1u << SECURE_KEEP_CAPS_LOCKED;

    return prctl(PR_SET_SECUREBITS, bits) == 0;
}

static bool
take_ids(uint32_t id)
{
    if (geteuid() != 0 || (!lock_root_out() && prctl(PR_SET_KEEPCAPS, 1) != 0)) {
        return false;
    }
    /* The library's own would ask all threads to do the same; there is one. */
    return syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, id, id, id) == 0 &&
           syscall(SYS_setresuid, id, id, id) == 0;
}

static void
drop_bounding(uint64_t kept)
{
    for (int cap = 0; cap <= 63 && prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if ((kept >> cap & 1) == 0) {
            (void)prctl(PR_CAPBSET_DROP, cap);
        }
    }
}

/* What is kept and was there. True when nothing else is left. */
static bool
keep_caps(uint64_t kept)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &head, data) != 0) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(kept >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, data) == 0;
}

static bool
wall_off(enum walls walls, const struct rights_order *order)
{
    struct landlock_order walled = { .tree = order->folder };

    if (walls == WALLS_NONE) {
        return true;
    }
    if (walls == WALLS_COURIER) {
        walled.read_all = true;
        walled.port[0] = order->port;
        walled.port[1] = order->names ? DNS_PORT : 0;
    }
    return landlock_enforce(&walled) > 0;
}

/* Nothing is proved while there is no process for it: then seccomp_install() has the word. */
static bool
seccomp_fails(const struct seccomp_list *list)
{
    int error = rights_has_seccomp() ? seccomp_prove(list) : 0;

    return error != 0 && error != -EAGAIN;
}

unsigned
rights_narrow(const struct rights_order *order)
{
    const struct rights *r = &table[order->role];
    unsigned missing = 0;

    if (!r->keeps) {
        drop_bounding(r->caps);
        missing |= order->id != 0 && take_ids(order->id) ? 0 : RIGHTS_BIT(RIGHTS_IDS);
        missing |= keep_caps(r->caps) ? 0 : RIGHTS_BIT(RIGHTS_CAPS);
        prctl(PR_SET_DUMPABLE, 0); /* other ids set it anew */
    }
    missing |= wall_off(r->walls, order) ? 0 : RIGHTS_BIT(RIGHTS_LANDLOCK);
    missing |= seccomp_fails(seccomp_list_of(order->role, order->library)) ? RIGHTS_BIT(RIGHTS_SECCOMP) : 0;
    if (r->no_files) {
        limit(RLIMIT_FSIZE, 0);
    }
    if (r->no_processes) {
        limit(RLIMIT_NPROC, 0);
    }
    return missing;
}

static unsigned
install(const struct seccomp_list *list)
{
    return !rights_has_seccomp() || seccomp_install(list) == 0 ? 0 : RIGHTS_BIT(RIGHTS_SECCOMP);
}

unsigned
rights_seal(const struct rights_order *order)
{
    return install(seccomp_list_of(order->role, order->library));
}

unsigned
rights_loaded(void)
{
    return install(&seccomp_list_loaded);
}
