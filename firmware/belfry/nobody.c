#include "belfry/nobody.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "which system calls has this machine?"
#endif

#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define SAME(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define GIVE(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE(error) GIVE(SECCOMP_RET_ERRNO | ((error)&SECCOMP_RET_DATA))
#define X32 0x40000000u

/* A call with another number is not looked at further; one that is gives REFUSE unless it is let through. */
#define FORBID(call, error) SAME((uint32_t)(call), 0, 1), REFUSE(error)

bool
nobody_become(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { 0 };
    bool is = setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
              setresuid(NOBODY, NOBODY, NOBODY) == 0;

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)syscall(SYS_capset, &head, none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    return is;
}

bool
nobody_alone(void)
{
    struct sock_filter filter[] = {
        LOAD(arch),
        SAME(ARCH, 1, 0),
        GIVE(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
#ifdef __x86_64__
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1),
        GIVE(SECCOMP_RET_KILL_PROCESS),
#endif
        FORBID(SYS_setuid, EPERM),
        FORBID(SYS_setgid, EPERM),
        FORBID(SYS_setreuid, EPERM),
        FORBID(SYS_setregid, EPERM),
        FORBID(SYS_setfsuid, EPERM),
        FORBID(SYS_setfsgid, EPERM),
        FORBID(SYS_unshare, EPERM),
        FORBID(SYS_setns, EPERM),
        FORBID(SYS_clone3, ENOSYS), /* its flags cannot be seen; who gets this takes clone() */
        SAME(SYS_clone, 0, 4),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1),
        REFUSE(EPERM),
        GIVE(SECCOMP_RET_ALLOW),
        SAME(SYS_setgroups, 0, 4),
        LOAD(args[0]),
        SAME(0, 1, 0),
        REFUSE(EPERM),
        GIVE(SECCOMP_RET_ALLOW),
        SAME(SYS_setresuid, 2, 0),
        SAME(SYS_setresgid, 1, 0),
        GIVE(SECCOMP_RET_ALLOW),
        LOAD(args[0]),
        SAME(NOBODY, 0, 4),
        LOAD(args[1]),
        SAME(NOBODY, 0, 2),
        LOAD(args[2]),
        SAME(NOBODY, 1, 0),
        REFUSE(EPERM),
        GIVE(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
