#include "proc/seccomp_lists.h"
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/kcmp.h>
#include <linux/kd.h>
#include <linux/lp.h>
#include <linux/usbdevice_fs.h>
#include <linux/vt.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Newer than the headers there are; the numbers are kernel ABI, the same on all architectures. */
#define CALL_STATMOUNT 457
#define CALL_LISTMOUNT 458
#define CALL_GETXATTRAT 464
#define CALL_LISTXATTRAT 465
#define PIDFD_GET_INFO 0xc040ff0bU

/* Not O_ACCMODE, which has O_PATH in it with musl. */
#define WRITES ((uint32_t)(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))
#define NAMESPACES                                                                                           \
    ((uint32_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
                CLONE_NEWNET))

#define ROW(call, fit, argument, value, action)                \
    {                                                          \
        SYS_##call, SECCOMP_FIT_##fit, argument, value, action \
    }
#define ALLOW(call) ROW(call, ANY, 0, 0, SECCOMP_RET_ALLOW)
#define REFUSE(call, error) ROW(call, ANY, 0, 0, SECCOMP_RET_ERRNO | (error))
#define KILL(call) ROW(call, ANY, 0, 0, SECCOMP_RET_KILL_PROCESS)
#define ONLY(call, fit, argument, value) ROW(call, fit, argument, value, SECCOMP_RET_ALLOW)
/* Calls that newer architectures do without. */
#ifdef __x86_64__
#define OLD(row) row,
#else
#define OLD(row)
#endif

/* clang-format off */

/* Waiting, the links, showing life: every role's. */
static const struct seccomp_row common[] = {
    ALLOW(read), ALLOW(write), ALLOW(close), ALLOW(ppoll), OLD(ALLOW(poll))
    ALLOW(sendto), ALLOW(recvfrom), ALLOW(sendmsg), ALLOW(recvmsg),
    ALLOW(timerfd_settime), ALLOW(clock_gettime), ALLOW(gettimeofday), ALLOW(clock_nanosleep), ALLOW(nanosleep), ALLOW(restart_syscall),
    ALLOW(madvise), ALLOW(futex), ALLOW(fstat), ALLOW(newfstatat), ALLOW(lseek), ALLOW(munmap),
    ALLOW(rt_sigreturn), ALLOW(rt_sigprocmask), ALLOW(exit), ALLOW(exit_group),
    ALLOW(getpid), ALLOW(getppid), ALLOW(gettid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getrandom),
    ONLY(fcntl, EQUAL, 1, F_GETFL), ONLY(fcntl, EQUAL, 1, F_GETFD), ONLY(fcntl, EQUAL, 1, F_SETFD),
};

#define CONTROL(request) ONLY(ioctl, EQUAL, 1, (uint32_t)(request))

/* The device that the wire was given: its settings and queue, never TIOCSTI, which types for others. */
static const struct seccomp_row device[] = {
    CONTROL(TIOCOUTQ), CONTROL(TCGETS), CONTROL(TCSETS), CONTROL(TIOCMGET), CONTROL(TIOCMBIS), CONTROL(TIOCMBIC),
    CONTROL(TIOCGSERIAL), CONTROL(TIOCSSERIAL), CONTROL(TIOCEXCL), CONTROL(TIOCNXCL), CONTROL(TIOCGEXCL),
    CONTROL(TIOCGETD), CONTROL(TIOCSETD), CONTROL(TIOCGICOUNT), CONTROL(TIOCSERGETLSR), CONTROL(TCXONC), CONTROL(TIOCCBRK),
    CONTROL(TCFLSH), CONTROL(TIOCGWINSZ), CONTROL(VT_GETSTATE), CONTROL(KDGETMODE), CONTROL(LPGETSTATUS),
    CONTROL(LPABORT), CONTROL(LPCAREFUL), ALLOW(pwrite64), ALLOW(pread64), ALLOW(writev), ALLOW(fstatfs),
};

/* Of libusb, which has the device's descriptor and begins by looking round. */
static const struct seccomp_row usb[] = {
    CONTROL(USBDEVFS_SUBMITURB), CONTROL(USBDEVFS_REAPURB), CONTROL(USBDEVFS_REAPURBNDELAY),
    CONTROL(USBDEVFS_DISCARDURB), CONTROL(USBDEVFS_CLAIMINTERFACE), CONTROL(USBDEVFS_RELEASEINTERFACE),
    CONTROL(USBDEVFS_CLEAR_HALT), CONTROL(USBDEVFS_CONNECTINFO), CONTROL(USBDEVFS_GET_CAPABILITIES),
    CONTROL(USBDEVFS_GET_SPEED), CONTROL(USBDEVFS_CONTROL), CONTROL(USBDEVFS_GETDRIVER), CONTROL(USBDEVFS_IOCTL),
    ALLOW(pipe2), ALLOW(timerfd_create), ALLOW(clock_getres), ALLOW(dup3),
};

/* An allocation fails, and ends nobody: nothing that guards asks for one behind the start. */
static const struct seccomp_row no_memory[] = {
    REFUSE(brk, ENOMEM), REFUSE(mmap, ENOMEM), REFUSE(mremap, ENOMEM),
};

/* The session file, by its descriptor, and clients. */
static const struct seccomp_row session[] = {
    ALLOW(pread64), ALLOW(pwrite64), ALLOW(fdatasync), ALLOW(accept4),
    ALLOW(rseq), ALLOW(set_robust_list), /* of a thread that begins as the list is put on it */
};

/* Memory that is never executable, and threads. */
static const struct seccomp_row memory[] = {
    ALLOW(brk), ALLOW(mremap), ONLY(mmap, CLEAR, 2, PROT_EXEC), ONLY(mprotect, CLEAR, 2, PROT_EXEC),
    ONLY(clone, SET, 0, CLONE_VM | CLONE_THREAD), REFUSE(clone3, ENOSYS), ALLOW(set_robust_list), ALLOW(rseq),
    ALLOW(eventfd2), ALLOW(sched_getaffinity), ALLOW(sched_yield), ALLOW(getcpu), ALLOW(membarrier),
    ALLOW(rt_sigaction), ALLOW(sysinfo), ALLOW(uname), ALLOW(set_tid_address),
    ONLY(prctl, EQUAL, 0, PR_SET_NAME), ONLY(prlimit64, EQUAL, 0, 0),
};

/* Files, to be read. */
static const struct seccomp_row reading[] = {
    ONLY(openat, CLEAR, 2, WRITES), OLD(ONLY(open, CLEAR, 1, WRITES))
    OLD(ALLOW(stat)) OLD(ALLOW(lstat)) ALLOW(statx), ALLOW(statfs), ALLOW(fstatfs),
    ALLOW(getdents64), ALLOW(readlinkat), OLD(ALLOW(readlink)) ALLOW(faccessat), OLD(ALLOW(access))
    ALLOW(pread64), ALLOW(preadv2), ALLOW(readv), ALLOW(dup), ONLY(fcntl, EQUAL, 1, F_DUPFD_CLOEXEC),
    ONLY(fcntl, EQUAL, 1, F_GETLK), ONLY(fcntl, EQUAL, 1, F_SETFL),
    ALLOW(inotify_init1), ALLOW(inotify_add_watch), ALLOW(inotify_rm_watch),
};

/* Attributes and events of files. */
static const struct seccomp_row files[] = {
    ALLOW(openat2), ALLOW(open_by_handle_at), ALLOW(fadvise64), ALLOW(mincore),
    ALLOW(lgetxattr), ALLOW(llistxattr), ALLOW(fgetxattr), ALLOW(flistxattr), ALLOW(getxattr), ALLOW(listxattr),
    { CALL_GETXATTRAT, SECCOMP_FIT_ANY, 0, 0, SECCOMP_RET_ALLOW },
    { CALL_LISTXATTRAT, SECCOMP_FIT_ANY, 0, 0, SECCOMP_RET_ALLOW },
    ALLOW(fanotify_init), ALLOW(fanotify_mark), ALLOW(memfd_create), ALLOW(ftruncate),
    ALLOW(pidfd_open), ONLY(pidfd_send_signal, EQUAL, 1, 0), ONLY(ioctl, EQUAL, 1, PIDFD_GET_INFO),
    ALLOW(sched_setscheduler), ALLOW(sched_setaffinity), ALLOW(setpriority), ALLOW(ioprio_set),
};

/* What the kernel tells over sockets. */
static const struct seccomp_row netlink[] = {
    ONLY(socket, EQUAL, 0, AF_NETLINK), ALLOW(bind), ALLOW(setsockopt), ALLOW(getsockopt), ALLOW(getsockname),
};

/*
 * Ports: other network namespaces, and whether threads share their descriptors. Who looks up a user asks nscd
 * first: that there is none is an answer.
 */
static const struct seccomp_row ports[] = {
    ROW(socket, EQUAL, 0, AF_UNIX, SECCOMP_RET_ERRNO | EACCES),
    ONLY(socket, EQUAL, 0, AF_INET), ONLY(socket, EQUAL, 0, AF_INET6),
    ONLY(setns, EQUAL, 1, CLONE_NEWNET), ALLOW(pidfd_open), ONLY(kcmp, EQUAL, 2, KCMP_FILES),
    ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_pwait), OLD(ALLOW(epoll_wait))
    ALLOW(timerfd_create), ALLOW(timerfd_gettime),
    ONLY(pidfd_send_signal, EQUAL, 1, 0), ONLY(ioctl, EQUAL, 1, PIDFD_GET_INFO), /* who traces one of ours */
    REFUSE(ioctl, ENOTTY), /* a library that asks whether a stream is a terminal */
};

static const struct seccomp_row clocks[] = {
    ALLOW(timerfd_create), ALLOW(timerfd_gettime), ALLOW(adjtimex), ALLOW(clock_adjtime),
    ONLY(socket, EQUAL, 0, AF_INET), ONLY(socket, EQUAL, 0, AF_INET6), ALLOW(connect), ALLOW(pidfd_open),
    ONLY(socket, EQUAL, 0, AF_UNIX), ALLOW(clock_getres),
    { CALL_STATMOUNT, SECCOMP_FIT_ANY, 0, 0, SECCOMP_RET_ALLOW },
    { CALL_LISTMOUNT, SECCOMP_FIT_ANY, 0, 0, SECCOMP_RET_ALLOW },
    ONLY(pidfd_send_signal, EQUAL, 1, 0), ONLY(ioctl, EQUAL, 1, PIDFD_GET_INFO), /* who traces one of ours */
    REFUSE(ioctl, ENOTTY),
};

/* The courier is linked to the system's libraries, and looks names up in a child of its own. */
static const struct seccomp_row courier[] = {
    ALLOW(openat), OLD(ALLOW(open)) ALLOW(pwrite64), ALLOW(writev), ALLOW(fsync), ALLOW(fdatasync), ALLOW(ftruncate),
    ALLOW(renameat), ALLOW(renameat2), OLD(ALLOW(rename)) ALLOW(unlinkat),
    ONLY(socket, EQUAL, 0, AF_INET), ONLY(socket, EQUAL, 0, AF_INET6), ONLY(socket, EQUAL, 0, AF_UNIX), ALLOW(connect),
    ALLOW(shutdown), ALLOW(getpeername), ALLOW(sendmmsg), ALLOW(recvmmsg),
    ONLY(clone, CLEAR, 0, NAMESPACES), ALLOW(pipe2), OLD(ALLOW(dup2)) ALLOW(dup3), ALLOW(close_range), ALLOW(wait4),
    ALLOW(waitid), ONLY(kill, EQUAL, 1, SIGKILL), ONLY(prctl, EQUAL, 0, PR_SET_PDEATHSIG),
    ALLOW(fcntl), ALLOW(getgid), ALLOW(getegid), ALLOW(tgkill), ALLOW(getrusage),
    ONLY(ioctl, EQUAL, 1, FIONREAD), ONLY(ioctl, EQUAL, 1, TCGETS), ALLOW(clock_getres), ALLOW(sched_getparam), ALLOW(mlock),
    REFUSE(mmap, EPERM), REFUSE(mprotect, EPERM),
    ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_pwait), OLD(ALLOW(epoll_wait)) ALLOW(sigaltstack),
};

/* What starts others and opens devices for them is not narrow; this no process of the agent ever does. */
static const struct seccomp_row never[] = {
    KILL(ptrace), KILL(process_vm_readv), KILL(process_vm_writev), KILL(pidfd_getfd), KILL(init_module),
    KILL(finit_module), KILL(delete_module), KILL(kexec_load), KILL(perf_event_open), KILL(mount), KILL(umount2),
    KILL(fsopen), KILL(fsmount), KILL(move_mount), KILL(open_tree), KILL(pivot_root), KILL(chroot), KILL(swapon), KILL(swapoff), KILL(reboot),
    KILL(settimeofday), KILL(clock_settime), KILL(sethostname), KILL(setdomainname), KILL(acct), KILL(quotactl),
    KILL(add_key), KILL(request_key), KILL(keyctl), KILL(userfaultfd), KILL(unshare), KILL(io_uring_setup),
    KILL(personality), KILL(syslog), KILL(mknodat), KILL(linkat), KILL(symlinkat),
    OLD(KILL(kexec_file_load)) OLD(KILL(ioperm)) OLD(KILL(iopl)) OLD(KILL(modify_ldt))
};

/* procscan begins with these, and so its parent may do them: what a parent may not, no child may. Listeners prove it. */
static const struct seccomp_row loading[] = {
    ONLY(bpf, EQUAL, 0, BPF_MAP_CREATE), ONLY(bpf, EQUAL, 0, BPF_PROG_LOAD), ONLY(bpf, EQUAL, 0, BPF_RAW_TRACEPOINT_OPEN),
    ONLY(bpf, EQUAL, 0, BPF_PROG_TEST_RUN),
    KILL(bpf), ALLOW(listen), ONLY(seccomp, EQUAL, 0, SECCOMP_SET_MODE_FILTER),
};

static const struct seccomp_row running[] = { ONLY(bpf, EQUAL, 0, BPF_PROG_TEST_RUN) };
static const struct seccomp_row loaded[] = { KILL(bpf), KILL(listen) };
/* clang-format on */

#define PART(rows)                             \
    {                                          \
        rows, sizeof(rows) / sizeof((rows)[0]) \
    }

static const struct seccomp_list lists[ROLES] = {
    [ROLE_WARDEN] = { .part = { PART(never), PART(loading) }, .otherwise = SECCOMP_RET_ALLOW },
    [ROLE_OPENER] = { .part = { PART(never), PART(loaded) }, .otherwise = SECCOMP_RET_ALLOW },
    [ROLE_CORE] = { .part = { PART(common), PART(session), PART(no_memory) },
            .otherwise = SECCOMP_RET_KILL_PROCESS },
    [ROLE_WIRE] = { .part = { PART(common), PART(device), PART(no_memory) },
            .otherwise = SECCOMP_RET_KILL_PROCESS },
    [ROLE_FSCHECK] = { .part = { PART(common), PART(reading), PART(memory), PART(files) },
            .otherwise = SECCOMP_RET_KILL_PROCESS },
    [ROLE_PROCSCAN] = { .part = { PART(common), PART(reading), PART(memory), PART(netlink), PART(ports),
                                PART(loading) },
            .otherwise = SECCOMP_RET_KILL_PROCESS },
    [ROLE_NETWATCH] = { .part = { PART(common), PART(reading), PART(memory), PART(netlink), PART(clocks) },
            .otherwise = SECCOMP_RET_KILL_PROCESS },
    [ROLE_COURIER] = { .part = { PART(common), PART(reading), PART(memory), PART(netlink), PART(courier) },
            .otherwise = SECCOMP_RET_KILL_PROCESS },
};

bool
seccomp_is_narrow(enum role role)
{
    return lists[role].otherwise != SECCOMP_RET_ALLOW;
}

static const struct seccomp_list usb_wire = {
    .part = { PART(common), PART(device), PART(usb), PART(reading), PART(memory) },
    .otherwise = SECCOMP_RET_KILL_PROCESS,
};

const struct seccomp_list seccomp_list_loaded = { .part = { PART(running), PART(loaded) },
    .otherwise = SECCOMP_RET_ALLOW };

const struct seccomp_list *
seccomp_list_of(enum role role, bool library)
{
    return role == ROLE_WIRE && library ? &usb_wire : &lists[role];
}
