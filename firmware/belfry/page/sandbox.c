#include "belfry/page/sandbox.h"

#include "belfry/nobody.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define OLD(call) SYS_##call,
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define OLD(call)
#else
#error "which system calls there are is not known for this architecture"
#endif

/* Waiting, connections that are there or come, memory. */
static const unsigned calls[] = { SYS_read, SYS_write, SYS_writev, SYS_close, SYS_ppoll, OLD(poll) SYS_sendto,
    SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_sendfile, SYS_epoll_ctl, SYS_epoll_pwait,
    OLD(epoll_wait) SYS_accept4, SYS_accept, SYS_shutdown, SYS_getsockopt, SYS_setsockopt, SYS_getsockname,
    SYS_getpeername, SYS_fcntl, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex, SYS_fstat,
    SYS_newfstatat, SYS_clock_gettime, SYS_gettimeofday, SYS_restart_syscall, SYS_getrandom, SYS_getpid,
    SYS_gettid, SYS_sigaltstack, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_exit, SYS_exit_group };

#define CALLS (sizeof calls / sizeof calls[0])
#define INSTRUCTIONS (2 * CALLS + 20)

struct writer {
    struct sock_filter at[INSTRUCTIONS];
    unsigned short used;
};

static void
put(struct writer *w, unsigned code, unsigned value, unsigned yes, unsigned no)
{
    w->at[w->used++] = (struct sock_filter){
        .code = (unsigned short)code, .jt = (unsigned char)yes, .jf = (unsigned char)no, .k = value
    };
}

static void
put_load(struct writer *w, size_t offset)
{
    put(w, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void
put_return(struct writer *w, unsigned what)
{
    put(w, BPF_RET | BPF_K, what, 0, 0);
}

/* Memory that can be executed is not had. */
static void
put_memory(struct writer *w, unsigned call)
{
    put(w, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
    put_load(w, offsetof(struct seccomp_data, args[2]));
    put(w, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
    put_return(w, SECCOMP_RET_ERRNO | EPERM);
    put_return(w, SECCOMP_RET_ALLOW);
}

static void
limit_calls(void)
{
    static struct writer w;
    struct sock_fprog program;

    put_load(&w, offsetof(struct seccomp_data, arch));
    put(&w, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    put_return(&w, SECCOMP_RET_KILL_PROCESS);
    put_load(&w, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < CALLS; i++) {
        put(&w, BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
        put_return(&w, SECCOMP_RET_ALLOW);
    }
    put_memory(&w, SYS_mmap);
    put_memory(&w, SYS_mprotect);
    put_return(&w, SECCOMP_RET_ERRNO | EPERM);
    program = (struct sock_fprog){ .len = w.used, .filter = w.at };
    (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* No file at all, also where there are no filters for system calls. */
static void
leave_files(void)
{
    const struct landlock_ruleset_attr all = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1 };
    long set = syscall(SYS_landlock_create_ruleset, &all, sizeof all.handled_access_fs, 0U);

    if (set >= 0) {
        (void)syscall(SYS_landlock_restrict_self, (int)set, 0U);
        (void)close((int)set);
    }
}

static void
limit(int what, rlim_t most)
{
    struct rlimit r = { .rlim_cur = most, .rlim_max = most };

    (void)setrlimit(what, &r);
}

void
sandbox_enter(unsigned files)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, files);
    (void)nobody_become();
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    leave_files();
    limit_calls();
}
