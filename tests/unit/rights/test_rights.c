#include "proc/ids.h"
#include "proc/landlock.h"
#include "proc/rights.h"
#include "proc/seccomp_lists.h"
#include "support/check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* ---- the filter, by a machine of our own: what the kernel would answer ---- */

static struct sock_filter program[SECCOMP_INSTRUCTIONS];

static uint32_t
jump(const struct sock_filter *i, uint32_t a)
{
    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return a == i->k ? i->jt : i->jf;
    case BPF_JGE:
        return a >= i->k ? i->jt : i->jf;
    default:
        abort();
    }
}

static uint32_t
run(const struct seccomp_data *data)
{
    uint32_t a = 0;

    for (const struct sock_filter *i = program;; i++) {
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
            memcpy(&a, (const char *)data + i->k, sizeof(a));
            break;
        case BPF_ALU:
            a &= i->k;
            break;
        case BPF_JMP:
            i += jump(i, a);
            break;
        case BPF_RET:
            return i->k;
        default:
            abort();
        }
    }
}

/* What becomes of a call with these arguments. */
static uint32_t
verdict_of(const struct seccomp_list *list, long call, uint64_t first, uint64_t second, uint64_t third)
{
    const struct seccomp_data data = {
        .nr = (int)call, .arch = ARCHITECTURE, .args = { first, second, third }
    };

    CHECK(seccomp_compile(list, program) > 0);
    return run(&data);
}

static uint32_t
verdict(enum role role, long call, uint64_t first, uint64_t second, uint64_t third)
{
    return verdict_of(seccomp_list_of(role, false), call, first, second, third);
}

static bool
dies(enum role role, long call, uint64_t first, uint64_t second, uint64_t third)
{
    return verdict(role, call, first, second, third) == SECCOMP_RET_KILL_PROCESS;
}

static bool
passes(enum role role, long call, uint64_t first, uint64_t second, uint64_t third)
{
    return verdict(role, call, first, second, third) == SECCOMP_RET_ALLOW;
}

static const enum role walled[] = { ROLE_CORE, ROLE_WIRE, ROLE_FSCHECK, ROLE_PROCSCAN, ROLE_NETWATCH,
    ROLE_COURIER };
static const enum role looking[] = { ROLE_FSCHECK, ROLE_PROCSCAN, ROLE_NETWATCH };

static void
no_role_starts_a_program_or_reaches_into_another_process(void)
{
    static const long never[] = { SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
        SYS_process_vm_writev, SYS_pidfd_getfd, SYS_init_module, SYS_finit_module, SYS_mount, SYS_umount2,
        SYS_chroot, SYS_pivot_root, SYS_reboot, SYS_kexec_load, SYS_setresuid, SYS_setresgid, SYS_capset,
        SYS_keyctl, SYS_userfaultfd, SYS_io_uring_setup, SYS_unshare, SYS_personality, SYS_settimeofday,
        SYS_clock_settime, SYS_linkat, SYS_symlinkat, SYS_mknodat };

    for (size_t r = 0; r < ARRAY(walled); r++) {
        CHECK(seccomp_is_narrow(walled[r]));
        for (size_t i = 0; i < ARRAY(never); i++) {
            if (!dies(walled[r], never[i], 0, 0, 0)) {
                printf("%s: call %ld\n", role_name(walled[r]), never[i]);
                CHECK(false);
            }
        }
    }
}

static void
a_file_is_opened_to_be_read_only(void)
{
    static const int writing[] = { O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC,
        O_RDWR | O_TMPFILE, O_WRONLY | O_APPEND };

    for (size_t r = 0; r < ARRAY(looking); r++) {
        CHECK(passes(looking[r], SYS_openat, 3, 0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY));
        CHECK(passes(looking[r], SYS_openat, 3, 0, O_PATH | O_DIRECTORY));
        for (size_t i = 0; i < ARRAY(writing); i++) {
            CHECK(dies(looking[r], SYS_openat, 3, 0, (uint64_t)writing[i]));
        }
    }
    CHECK(dies(ROLE_PROCSCAN, SYS_openat2, 3, 0, 0));
    CHECK(dies(ROLE_WIRE, SYS_openat, 3, 0, O_RDONLY));
    CHECK(dies(ROLE_CORE, SYS_openat, 3, 0, O_RDONLY));
}

static void
memory_is_never_executable(void)
{
    for (size_t r = 0; r < ARRAY(looking); r++) {
        CHECK(passes(looking[r], SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE));
        CHECK(dies(looking[r], SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC));
        CHECK(dies(looking[r], SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC));
    }
    CHECK_INT(verdict(ROLE_COURIER, SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC), SECCOMP_RET_ERRNO | EPERM);
    CHECK(passes(ROLE_COURIER, SYS_mmap, 0, 4096, PROT_READ));
}

static void
the_core_and_the_wires_get_no_memory(void)
{
    for (size_t r = 0; r < 2; r++) {
        CHECK_INT(verdict(walled[r], SYS_brk, 0, 0, 0), SECCOMP_RET_ERRNO | ENOMEM);
        CHECK_INT(verdict(walled[r], SYS_mmap, 0, 4096, PROT_READ), SECCOMP_RET_ERRNO | ENOMEM);
    }
}

static void
a_role_makes_threads_and_no_processes(void)
{
    const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

    for (size_t r = 0; r < ARRAY(looking); r++) {
        CHECK(passes(looking[r], SYS_clone, thread, 0, 0));
        CHECK(dies(looking[r], SYS_clone, SIGCHLD, 0, 0));
        CHECK_INT(verdict(looking[r], SYS_clone3, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
    }
    CHECK(dies(ROLE_CORE, SYS_clone, thread, 0, 0));
    CHECK(dies(ROLE_COURIER, SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0));
}

static void
sockets_and_device_controls_are_listed_one_by_one(void)
{
    CHECK(passes(ROLE_PROCSCAN, SYS_socket, AF_NETLINK, SOCK_RAW, 0));
    CHECK(dies(ROLE_PROCSCAN, SYS_socket, AF_PACKET, SOCK_RAW, 0));
    CHECK(dies(ROLE_PROCSCAN, SYS_socket, AF_ALG, 0, 0));
    CHECK(dies(ROLE_FSCHECK, SYS_socket, AF_INET, 0, 0));
    CHECK(dies(ROLE_CORE, SYS_socket, AF_UNIX, 0, 0));
    CHECK(dies(ROLE_WIRE, SYS_socket, AF_UNIX, 0, 0));
    CHECK(passes(ROLE_WIRE, SYS_ioctl, 7, TIOCOUTQ, 0));
    CHECK(dies(ROLE_WIRE, SYS_ioctl, 7, TIOCSTI, 0));
    CHECK(dies(ROLE_FSCHECK, SYS_ioctl, 7, TIOCSTI, 0));
    CHECK(passes(ROLE_FSCHECK, SYS_pidfd_send_signal, 7, 0, 0));
    CHECK(dies(ROLE_FSCHECK, SYS_pidfd_send_signal, 7, SIGKILL, 0));
    CHECK(dies(ROLE_COURIER, SYS_kill, 7, SIGTERM, 0));
    CHECK(passes(ROLE_PROCSCAN, SYS_setns, 7, CLONE_NEWNET, 0));
    CHECK(dies(ROLE_PROCSCAN, SYS_setns, 7, 0, 0));
    CHECK(dies(ROLE_PROCSCAN, SYS_setns, 7, CLONE_NEWNS, 0));
}

/* The warden may what a child of its needs. */
static void
programs_for_the_kernel_are_loaded_by_one_role_at_its_start_alone(void)
{
    for (uint64_t command = 0; command < 64; command++) {
        bool runs = command == BPF_PROG_TEST_RUN;
        bool needed = runs || command == BPF_MAP_CREATE || command == BPF_PROG_LOAD ||
                      command == BPF_RAW_TRACEPOINT_OPEN;

        for (int role = 0; role < ROLES; role++) {
            bool may = needed && (role == ROLE_WARDEN || role == ROLE_PROCSCAN);

            CHECK(may ? passes((enum role)role, SYS_bpf, command, 0, 0)
                      : dies((enum role)role, SYS_bpf, command, 0, 0));
        }
        CHECK_INT(verdict_of(&seccomp_list_loaded, SYS_bpf, command, 0, 0),
                runs ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
    }
    for (int role = ROLE_WARDEN + 1; role < ROLES; role++) {
        CHECK(role == ROLE_PROCSCAN || dies((enum role)role, SYS_listen, 0, 0, 0));
    }
    CHECK_INT(verdict_of(&seccomp_list_loaded, SYS_listen, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
    CHECK_INT(verdict_of(&seccomp_list_loaded, SYS_read, 0, 0, 0), SECCOMP_RET_ALLOW);
    CHECK(dies(ROLE_WARDEN, SYS_perf_event_open, 0, 0, 0));
}

static void
what_the_kernel_learns_later_does_not_exist(void)
{
    for (size_t r = 0; r < ARRAY(walled); r++) {
        CHECK_INT(verdict(walled[r], 900, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
    }
    CHECK(passes(ROLE_FSCHECK, 465, 0, 0, 0));
}

static void
calls_of_another_architecture_die(void)
{
    struct seccomp_data data = { .nr = SYS_read, .arch = AUDIT_ARCH_I386 };

    for (enum role role = ROLE_WARDEN; role < ROLES; role++) {
        CHECK(seccomp_compile(seccomp_list_of(role, false), program) > 0);
        CHECK_INT(run(&data), SECCOMP_RET_KILL_PROCESS);
        CHECK_INT(verdict(role, 0x40000000 + SYS_read, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
    }
}

/* ---- the kernel's word ---- */

/* How a child ended that did this: a signal, or 256 + its status. */
static int
in_child(void (*deed)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        deed();
        _exit(check_failures == 0 ? 0 : 1);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFSIGNALED(status) ? WTERMSIG(status) : 256 + WEXITSTATUS(status);
}

static enum role child_role;

static void
narrow_and_open_a_socket(void)
{
    const struct rights_order order = { .role = child_role, .id = geteuid() == 0 ? 60999 : 0, .folder = -1 };

    rights_begin(child_role);
    unsigned missing = rights_narrow(&order) | rights_seal(&order);
    if ((missing & RIGHTS_BIT(RIGHTS_SECCOMP)) != 0) {
        _exit(2);
    }
    syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0);
}

static void
a_forbidden_call_ends_each_role(void)
{
    for (size_t r = 0; r < ARRAY(walled); r++) {
        child_role = walled[r];
        CHECK_INT(in_child(narrow_and_open_a_socket), SIGSYS);
    }
}

static void
keep_nothing(void)
{
    const struct rights_order order = { .role = ROLE_CORE, .id = 60999, .folder = -1 };

    rights_begin(ROLE_CORE);
    CHECK_INT(rights_narrow(&order) & (RIGHTS_BIT(RIGHTS_IDS) | RIGHTS_BIT(RIGHTS_CAPS)), 0);
    CHECK_INT(geteuid(), 60999);
    CHECK_INT(getegid(), 60999);
    CHECK_INT(getgroups(0, NULL), 0);
    CHECK(setuid(0) < 0);
    CHECK_INT(prctl(PR_GET_DUMPABLE), 0);
    CHECK_INT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        CHECK_INT(prctl(PR_CAPBSET_READ, cap), 0);
    }
}

static void
a_role_with_an_id_of_its_own_cannot_go_back(void)
{
    if (geteuid() != 0) {
        printf("     left out: needs root\n");
        return;
    }
    CHECK_INT(in_child(keep_nothing), 256);
}

static char folder[] = "/tmp/tocsin-rights-XXXXXX";

static int
connect_to(uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;

    close(fd);
    return error;
}

static void
be_walled_in(void)
{
    const struct landlock_order order = { .tree = -1 };
    int before = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    char byte;

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (landlock_enforce(&order) < 0) {
        _exit(77);
    }
    CHECK_INT(read(before, &byte, 1), 1);
    CHECK(open("/proc/self/status", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
    CHECK(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 && errno == EACCES);
}

static void
be_a_courier(void)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct landlock_order order = { .tree = dir, .read_all = true, .port = { 1, 0 } };

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int version = landlock_enforce(&order);
    if (version < 0) {
        _exit(77);
    }
    int fd = openat(dir, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(renameat(dir, "new", dir, "old"), 0);
    CHECK_INT(unlinkat(dir, "old", 0), 0);
    CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
    CHECK(mkdirat(dir, "folder", 0700) < 0 && errno == EACCES);
    CHECK(open("/tmp/tocsin-rights-elsewhere", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EACCES);
    if (version >= 4) {
        CHECK_INT(connect_to(1), ECONNREFUSED);
        CHECK_INT(connect_to(2), EACCES);
    }
}

static void
landlock_leaves_what_is_open_and_no_path(void)
{
    int end = in_child(be_walled_in);

    if (end == 256 + 77) {
        printf("     left out: no Landlock\n");
        return;
    }
    CHECK_INT(end, 256);
}

static void
the_courier_has_one_folder_and_one_port(void)
{
    int end = in_child(be_a_courier);

    if (end == 256 + 77) {
        printf("     left out: no Landlock\n");
        return;
    }
    CHECK_INT(end, 256);
}

/* ---- ids ---- */

static struct ids
parsed(const char *text, const char *user)
{
    struct ids ids;

    ids_parse(text, strlen(text), user, &ids);
    return ids;
}

static void
a_user_of_that_name_is_taken(void)
{
    const char *text = "root:x:0:0::/:/bin/sh\ntocsin:x:991:991::/:/bin/false\ntocsinx:x:992:992::/:\n";

    CHECK_INT(parsed(text, "tocsin").user, 991);
    CHECK_INT(parsed(text, "tocs").user, 0);
    CHECK_INT(parsed(text, "").user, 0);
    CHECK_INT(parsed("tocsin:x:991", "tocsin").user, 991);
    CHECK_INT(parsed("tocsin:x", "tocsin").user, 0);
    CHECK_INT(parsed("tocsin:x:-1:\ntocsin:x:99999999999:\n:::\n\n:", "tocsin").user, 0);
}

static void
numbers_that_somebody_has_are_not_taken(void)
{
    uint32_t first = parsed("", "").first;
    char text[64];

    CHECK(first != 0 && ids_is_ours(first) && !ids_is_ours(first - 1));
    snprintf(text, sizeof(text), "a:x:%u:1::/:", first + 15);
    CHECK_INT(parsed(text, "").first, first + 16);
}

static void
each_process_has_a_number_of_its_own(void)
{
    const struct ids ids = parsed("", "");
    uint32_t seen[32];
    size_t count = 0;

    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        seen[count++] = ids_of(&ids, ROLE_WIRE, i);
    }
    for (enum role role = ROLE_CORE; role < ROLES; role++) {
        if (role != ROLE_WIRE && role != ROLE_OPENER) {
            seen[count++] = ids_of(&ids, role, 0);
        }
    }
    for (size_t a = 0; a < count; a++) {
        CHECK(ids_is_ours(seen[a]) && seen[a] < ids.first + 16);
        for (size_t b = 0; b < a; b++) {
            CHECK(seen[a] != seen[b]);
        }
    }
    CHECK_INT(ids_of(&ids, ROLE_OPENER, 0), 0);
}

/* Somebody who may have no process more. */
static int
narrowed_without_processes(void)
{
    const struct rights_order order = { .role = ROLE_WIRE, .id = 60987, .folder = -1 };
    const struct rlimit none = { 0, 0 };
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        setrlimit(RLIMIT_NPROC, &none);
        _exit((rights_narrow(&order) & RIGHTS_BIT(RIGHTS_SECCOMP)) != 0 ? 1 : fork() == -1 ? 0 : 2);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
a_filter_that_could_not_be_proved_for_want_of_a_process_is_not_told_as_missing(void)
{
    if (geteuid() == 0) {
        CHECK_INT(narrowed_without_processes(), 0);
    }
}

int
main(void)
{
    if (mkdtemp(folder) == NULL || chmod(folder, 0777) != 0) {
        return 2;
    }
    CHECK_RUN(no_role_starts_a_program_or_reaches_into_another_process);
    CHECK_RUN(a_file_is_opened_to_be_read_only);
    CHECK_RUN(memory_is_never_executable);
    CHECK_RUN(the_core_and_the_wires_get_no_memory);
    CHECK_RUN(a_role_makes_threads_and_no_processes);
    CHECK_RUN(sockets_and_device_controls_are_listed_one_by_one);
    CHECK_RUN(programs_for_the_kernel_are_loaded_by_one_role_at_its_start_alone);
    CHECK_RUN(what_the_kernel_learns_later_does_not_exist);
    CHECK_RUN(calls_of_another_architecture_die);
    if (rights_has_seccomp()) {
        CHECK_RUN(a_forbidden_call_ends_each_role);
    }
    CHECK_RUN(a_filter_that_could_not_be_proved_for_want_of_a_process_is_not_told_as_missing);
    CHECK_RUN(a_role_with_an_id_of_its_own_cannot_go_back);
    CHECK_RUN(landlock_leaves_what_is_open_and_no_path);
    CHECK_RUN(the_courier_has_one_folder_and_one_port);
    CHECK_RUN(a_user_of_that_name_is_taken);
    CHECK_RUN(numbers_that_somebody_has_are_not_taken);
    CHECK_RUN(each_process_has_a_number_of_its_own);
    rmdir(folder);
    return check_result();
}
