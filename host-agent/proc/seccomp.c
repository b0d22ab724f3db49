#include "proc/seccomp.h"
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEWER 450      /* the lists know what is below */
#define X32 0x40000000 /* the x86-64 kernel's other numbers for the same calls */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

struct writer {
    struct sock_filter *out;
    unsigned used;
    bool full;
};

static void
put(struct writer *w, uint16_t code, uint32_t value, uint8_t jump_true, uint8_t jump_false)
{
    if (w->used == SECCOMP_INSTRUCTIONS) {
        w->full = true;
        return;
    }
    w->out[w->used++] = (struct sock_filter)BPF_JUMP(code, value, jump_true, jump_false);
}

static void
put_load(struct writer *w, size_t offset)
{
    put(w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void
put_return(struct writer *w, uint32_t action)
{
    put(w, BPF_RET | BPF_K, action, 0, 0);
}

/* The number of the call is loaded before each row and after it. */
static void
put_row(struct writer *w, const struct seccomp_row *row)
{
    if (row->fit == SECCOMP_FIT_ANY) {
        put(w, BPF_JMP | BPF_JEQ | BPF_K, row->call, 0, 1);
        put_return(w, row->action);
        return;
    }
    put(w, BPF_JMP | BPF_JEQ | BPF_K, row->call, 0, 5);
    put_load(w, offsetof(struct seccomp_data, args) + row->argument * sizeof(uint64_t));
    put(w, BPF_ALU | BPF_AND | BPF_K, row->fit == SECCOMP_FIT_EQUAL ? UINT32_MAX : row->value, 0, 0);
    put(w, BPF_JMP | BPF_JEQ | BPF_K, row->fit == SECCOMP_FIT_CLEAR ? 0 : row->value, 0, 1);
    put_return(w, row->action);
    put_load(w, offsetof(struct seccomp_data, nr));
}

static void
put_head(struct writer *w)
{
    put_load(w, offsetof(struct seccomp_data, arch));
    put(w, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    put_return(w, SECCOMP_RET_KILL_PROCESS);
    put_load(w, offsetof(struct seccomp_data, nr));
    put(w, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
    put_return(w, SECCOMP_RET_KILL_PROCESS);
}

int
seccomp_compile(const struct seccomp_list *list, struct sock_filter out[SECCOMP_INSTRUCTIONS])
{
    struct writer w = { .out = out };

    if (ARCHITECTURE == 0) {
        return -ENOTSUP;
    }
    put_head(&w);
    for (size_t p = 0; p < SECCOMP_PARTS; p++) {
        for (size_t i = 0; i < list->part[p].rows; i++) {
            put_row(&w, &list->part[p].row[i]);
        }
    }
    if (list->otherwise != SECCOMP_RET_ALLOW) {
        put(&w, BPF_JMP | BPF_JGE | BPF_K, NEWER, 0, 1);
        put_return(&w, SECCOMP_RET_ERRNO | ENOSYS);
    }
    put_return(&w, list->otherwise);
    return w.full ? -E2BIG : (int)w.used;
}

int
seccomp_install(const struct seccomp_list *list)
{
    static struct sock_filter filter[SECCOMP_INSTRUCTIONS];
    int used = seccomp_compile(list, filter);

    if (used < 0) {
        return used;
    }
    struct sock_fprog program = { .len = (unsigned short)used, .filter = filter };
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    return result == 0 ? 0 : result > 0 ? -EAGAIN : -errno;
}

int
seccomp_prove(const struct seccomp_list *list)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (seccomp_install(list) == 0) {
            syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
        }
        _exit(1);
    }
    if (pid < 0) {
        return -EAGAIN;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? 0 : -EBADE;
}
