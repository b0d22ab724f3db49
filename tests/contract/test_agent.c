#include "support/check.h"
#include "wire/line.h"
#include "wire/pair.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/*
 * The agent as a whole, run from its program: what it says when one of its processes dies, is stopped, or
 * cannot write. Channels are files and pseudo-terminals.
 */
#define PATH_SIZE 128
#define WAIT_MS 15000

static char dir[] = "/tmp/tocsin-agent-XXXXXX";
static char program[PATH_SIZE * 4];
static pid_t agent;

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
nap(void)
{
    poll(NULL, 0, 10);
}

static const char *
at(const char *name)
{
    static char paths[8][PATH_SIZE];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, PATH_SIZE, "%s/%s", dir, name);
    return path;
}

static void
write_text(const char *name, const char *text)
{
    FILE *f = fopen(at(name), "w");

    CHECK(f != NULL);
    if (f != NULL) {
        fputs(text, f);
        fclose(f);
    }
}

/* The whole file, NUL-terminated; a NUL in it becomes a blank. */
static char *
read_text(const char *name)
{
    static char text[1 << 20];
    int fd = open(at(name), O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

static struct rlimit limit; /* for what is started, */
static int limited = -1;    /* on this resource */

static pid_t
start(const char *command, const char *argument)
{
    pid_t pid = fork();

    if (pid == 0) {
        int log = open(at("log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        char config[PATH_SIZE];
        char state[PATH_SIZE];

        snprintf(config, sizeof(config), "%s", at("conf"));
        snprintf(state, sizeof(state), "%s", at("state"));
        dup2(log, 1);
        dup2(log, 2);
        if (limited >= 0) {
            setrlimit(limited, &limit);
        }
        unshare(CLONE_NEWNET); /* the machine's own ports are no part of these tests */
        execl(program, "tocsin", "--config", config, "--state", state, command, argument, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int
status_of(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
run(const char *command, const char *argument)
{
    return status_of(start(command, argument));
}

/* True when `text` comes to stand in the file within WAIT_MS. */
static bool
comes(const char *name, const char *text)
{
    for (int64_t until = now_ms() + WAIT_MS; now_ms() < until; nap()) {
        if (strstr(read_text(name), text) != NULL) {
            return true;
        }
    }
    printf("%s never held \"%s\"; it holds:\n%s\nlog:\n", name, text, read_text(name));
    printf("%s\n", read_text("log"));
    return false;
}

static unsigned
count(const char *name, const char *text)
{
    unsigned n = 0;

    for (const char *p = read_text(name); (p = strstr(p, text)) != NULL; p++) {
        n++;
    }
    return n;
}

/* The process of a role, from the command lines of the agent's children; -1 when there is none. */
static pid_t
role_pid(const char *role)
{
    char path[64];
    char children[512] = "";

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)agent, (int)agent);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, children, sizeof(children) - 1);
    close(fd);
    children[n > 0 ? n : 0] = '\0';
    for (char *word = strtok(children, " "); word != NULL; word = strtok(NULL, " ")) {
        char line[128] = "";
        snprintf(path, sizeof(path), "/proc/%s/cmdline", word);
        fd = open(path, O_RDONLY);
        n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
        close(fd);
        for (ssize_t i = 0; i < n - 1; i++) {
            line[i] = line[i] == '\0' ? ' ' : line[i];
        }
        if (strstr(line, role) != NULL) {
            return (pid_t)strtol(word, NULL, 10);
        }
    }
    return -1;
}

/* False when there is no such process: a pid of -1 would mean everybody. */
static bool
signal_role(const char *role, int signal)
{
    pid_t pid = role_pid(role);

    CHECK(pid > 0);
    return pid > 0 && kill(pid, signal) == 0;
}

static void
pair(void)
{
    const uint8_t random[WIRE_PAIR_RANDOM] = { 3, 1, 4, 1, 5, 9, 2, 6 };
    char code[WIRE_PAIR_TEXT + 1];

    wire_pair_make(random, code);
    write_text("code", code);
    CHECK_INT(run("pair", at("code")), 0);
}

static void
forget(void)
{
    static const char *const names[] = { "out", "out2", "state/session", "state/ctl" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(at(names[i]));
    }
}

static void
prepare(const char *channels)
{
    char conf[1024];

    forget();
    snprintf(conf, sizeof(conf), "Host web03\nBeat 1\nView disguised-processes off\n%s", channels);
    write_text("conf", conf);
    pair();
}

static void
begin(const char *channels)
{
    prepare(channels);
    agent = start("run", NULL);
    CHECK(comes("log", "guarding"));
}

static void
begin_with_file(void)
{
    char channels[256];

    snprintf(channels, sizeof(channels), "Channel file %s\n", at("out"));
    begin(channels);
    CHECK(comes("out", "agent.start"));
}

static int
end(void)
{
    if (agent <= 0 || kill(agent, SIGTERM) < 0) {
        return -1;
    }
    int status = status_of(agent);
    agent = 0;
    return status;
}

static void
a_planned_stop_says_goodbye_last_and_the_next_start_knows(void)
{
    begin_with_file();
    CHECK_INT(end(), 0);
    const char *stop = strstr(read_text("out"), "agent.stop");
    CHECK(stop != NULL && strchr(strchr(stop, '\n') + 1, '!') == NULL);
    agent = start("run", NULL);
    CHECK(comes("out", "end=clean"));
    CHECK_INT(end(), 0);
    CHECK(strstr(read_text("out"), "state=lost") == NULL);
}

static void
a_stop_that_all_processes_are_told_of_is_in_order_all_the_same(void)
{
    static const char *const roles[] = { "core", "wire", "fscheck", "procscan", "netwatch" };

    begin_with_file();
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        CHECK(signal_role(roles[i], SIGTERM));
    }
    CHECK_INT(end(), 0);
    CHECK(strstr(read_text("out"), "agent.stop why=asked") != NULL);
    CHECK(strstr(read_text("out"), "state=lost") == NULL);
}

static void
each_role_that_is_killed_is_told_and_runs_again(void)
{
    static const char *const roles[] = { "fscheck", "procscan", "netwatch", "wire" };

    begin_with_file();
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        char text[64];
        pid_t pid = role_pid(roles[i]);

        snprintf(text, sizeof(text), "proc=%s%s state=killed sig=9", roles[i], i == 3 ? "0" : "");
        CHECK(signal_role(roles[i], SIGKILL));
        CHECK(comes("out", text));
        snprintf(text, sizeof(text), "proc=%s%s of=", roles[i], i == 3 ? "0" : "");
        CHECK(comes("out", text));
        CHECK(role_pid(roles[i]) > 0 && role_pid(roles[i]) != pid);
    }
    CHECK_INT(end(), 0);
}

/* The role's own end of its link to the warden, as if its process were somebody else's. */
static int
control_of(const char *role)
{
    pid_t pid = role_pid(role);
    int process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    int control = (int)syscall(SYS_pidfd_getfd, process, 3, 0);

    CHECK(control >= 0);
    close(process);
    return control;
}

static void
a_role_that_closes_its_link_to_the_warden_is_ended_and_runs_again(void)
{
    if (geteuid() != 0) {
        return;
    }
    begin_with_file();
    int control = control_of("procscan");
    CHECK_INT(shutdown(control, SHUT_WR), 0);
    close(control);
    CHECK(comes("out", "proc=procscan state=killed sig=9"));
    CHECK(comes("out", "proc=procscan of="));
    CHECK_INT(end(), 0);
}

/* READY, over and over, as fast as the warden takes it. */
static pid_t
flood(int control)
{
    const uint8_t ready[16] = { 0 };
    struct pollfd room = { .fd = control, .events = POLLOUT };
    pid_t pid = fork();

    if (pid == 0) {
        for (;;) {
            if (send(control, ready, sizeof(ready), MSG_NOSIGNAL) < 0) {
                poll(&room, 1, 1);
            }
        }
    }
    return pid;
}

static void
a_role_that_floods_the_warden_holds_up_no_other(void)
{
    pid_t flooders[4];

    if (geteuid() != 0) {
        return;
    }
    begin_with_file();
    int control = control_of("procscan");
    for (size_t i = 0; i < 4; i++) {
        flooders[i] = flood(control);
    }
    CHECK(signal_role("netwatch", SIGKILL));
    CHECK(comes("out", "proc=netwatch state=killed sig=9"));
    CHECK(comes("out", "proc=netwatch of="));
    for (size_t i = 0; i < 4; i++) {
        CHECK(flooders[i] > 0 && kill(flooders[i], SIGKILL) == 0 && status_of(flooders[i]) > 0);
    }
    close(control);
    CHECK_INT(end(), 0);
}

static void
a_role_that_is_stopped_is_told_and_set_going(void)
{
    static const char *const roles[] = { "procscan", "core", "wire" };

    begin_with_file();
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        char text[64];

        CHECK(signal_role(roles[i], SIGSTOP));
        snprintf(text, sizeof(text), "proc=%s%s state=stopped", roles[i], i == 2 ? "0" : "");
        CHECK(comes("out", text));
        snprintf(text, sizeof(text), "proc=%s%s of=", roles[i], i == 2 ? "0" : "");
        CHECK(comes("out", text));
    }
    CHECK_INT(end(), 0);
}

static void
a_killed_core_has_last_words_and_a_new_session_tells_of_it(void)
{
    begin_with_file();
    CHECK(signal_role("core", SIGKILL));
    CHECK(comes("out", "agent.self proc=core state=lost"));
    CHECK(comes("out", "end=unclean prev=1-"));
    CHECK(comes("out", "agent.self proc=core state=killed sig=9"));
    CHECK_INT(end(), 0);
}

static void
a_killed_warden_is_told_and_leaves_no_process_behind(void)
{
    begin_with_file();
    pid_t core = role_pid("core");
    pid_t wire = role_pid("wire");
    CHECK(core > 0 && wire > 0 && agent > 0);
    if (core <= 0 || wire <= 0 || agent <= 0) {
        return;
    }
    kill(agent, SIGKILL);
    status_of(agent);
    CHECK(comes("out", "agent.self proc=warden state=lost"));
    int64_t until = now_ms() + WAIT_MS;
    while ((kill(core, 0) == 0 || kill(wire, 0) == 0) && now_ms() < until) {
        nap();
    }
    CHECK(kill(core, 0) < 0);
    CHECK(kill(wire, 0) < 0);
}

static void
a_warden_that_is_stopped_is_told_by_the_core(void)
{
    begin_with_file();
    CHECK(agent > 0);
    if (agent <= 0) {
        return;
    }
    kill(agent, SIGSTOP);
    CHECK(comes("out", "agent.self proc=warden state=hung"));
    kill(agent, SIGCONT);
    CHECK(comes("out", "agent.self proc=warden of="));
    CHECK_INT(end(), 0);
}

/* To a receiver a line with of= says that it is over. */
static void
a_file_that_changes_twice_is_told_again_as_open(void)
{
    char conf[512];

    forget();
    snprintf(conf, sizeof(conf),
            "Host web03\nBeat 1\nView disguised-processes off\nWatch %s\nChannel file %s\n", at("tree"),
            at("out"));
    write_text("conf", conf);
    CHECK_INT(mkdir(at("tree"), 0755), 0);
    write_text("tree/a", "as it was");
    pair();
    CHECK_INT(run("baseline", "build"), 0);
    agent = start("run", NULL);
    CHECK(comes("out", "agent.beat"));
    write_text("tree/a", "once");
    CHECK(comes("out", "integrity.changed path="));
    write_text("tree/a", "and again");
    CHECK(comes("out", "size=9>"));
    unlink(at("tree/a"));
    CHECK(comes("out", "integrity.gone path="));
    for (const char *p = read_text("out"); (p = strstr(p, "integrity.")) != NULL; p++) {
        const char *of = strstr(p, " of=");
        CHECK(of == NULL || of > strchr(p, '\n'));
    }
    write_text("tree/a", "as it was");
    CHECK(comes("out", "integrity.ok path="));
    CHECK_INT(end(), 0);
    unlink(at("tree/a"));
    rmdir(at("tree"));
    unlink(at("state/baseline"));
}

static void
a_session_file_that_others_may_read_is_refused(void)
{
    begin_with_file();
    CHECK_INT(end(), 0);
    CHECK_INT(chmod(at("state/session"), 0644), 0);
    CHECK_INT(run("run", NULL), 2);
    CHECK(strstr(read_text("log"), "state/session: others may read or write it") != NULL);
}

static void
a_state_directory_that_others_may_write_in_is_refused(void)
{
    static const mode_t modes[] = { 0777, 01777, 0770, 0702 };

    begin_with_file();
    CHECK_INT(end(), 0);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        CHECK_INT(chmod(at("state"), modes[i]), 0);
        CHECK_INT(run("run", NULL), 2);
        CHECK(strstr(read_text("log"), "/state: others may write in it") != NULL);
    }
    CHECK_INT(chmod(at("state"), 0700), 0);
    agent = start("run", NULL);
    CHECK(comes("log", "guarding"));
    CHECK_INT(end(), 0);
}

static void
a_session_file_that_is_deleted_meanwhile_is_told(void)
{
    begin_with_file();
    CHECK_INT(unlink(at("state/session")), 0);
    CHECK(comes("out", "agent.self part=session state=unsaved"));
    CHECK_INT(end(), 0);
}

static void
few_descriptors_are_raised_to_what_is_allowed_and_refused_when_too_few(void)
{
    char text[4096] = "";

    begin_with_file();
    CHECK_INT(end(), 0);
    limit = (struct rlimit){ .rlim_cur = 20, .rlim_max = 512 };
    limited = RLIMIT_NOFILE;
    unlink(at("log"));
    agent = start("run", NULL);
    CHECK(comes("log", "guarding"));
    snprintf(text, sizeof(text), "/proc/%d/limits", (int)role_pid("fscheck"));
    int fd = open(text, O_RDONLY);
    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    CHECK(strstr(text, "Max open files            512 ") != NULL);
    CHECK_INT(end(), 0);
    limit = (struct rlimit){ .rlim_cur = 20, .rlim_max = 63 };
    CHECK_INT(run("run", NULL), 2);
    CHECK(strstr(read_text("log"), "63 open files allowed; expected at least 64") != NULL);
    limited = -1;
}

/* Another program: the agent with a warden that has no process for the roles named in a file. */
static void
begin_refusing(void)
{
    snprintf(program, sizeof(program), "%s/refused/tocsin", getenv("TOCSIN_BIN"));
    setenv("TOCSIN_REFUSED", at("refused"), 1);
    write_text("refused", "");
    begin_with_file();
}

static int
end_refusing(void)
{
    int status = end();

    unlink(at("refused"));
    unsetenv("TOCSIN_REFUSED");
    snprintf(program, sizeof(program), "%s/tocsin", getenv("TOCSIN_BIN"));
    return status;
}

/* From now on the warden has no process for these roles. */
static void
refuse(const char *roles)
{
    write_text("refused", roles);
}

static void
roles_that_cannot_be_started_are_told_and_started_when_they_can_be(void)
{
    begin_refusing();
    refuse("procscan netwatch");
    CHECK(signal_role("core", SIGKILL));
    CHECK(comes("out", "proc=procscan state=unstarted"));
    CHECK(comes("out", "why=Resource%20temporarily%20unavailable"));
    CHECK(comes("out", "proc=netwatch state=unstarted"));
    CHECK_INT(role_pid("procscan"), -1);
    refuse("");
    CHECK(comes("out", "agent.self proc=procscan of="));
    CHECK(comes("out", "agent.self proc=netwatch of="));
    CHECK_INT(end_refusing(), 0);
}

static void
a_role_that_is_not_there_from_the_start_is_told_and_tried_again_at_leisure(void)
{
    begin_refusing();
    CHECK_INT(end(), 0);
    unlink(at("out"));
    refuse("fscheck");
    agent = start("run", NULL);
    CHECK(comes("out", "proc=fscheck state=unstarted"));
    poll(NULL, 0, 1000);
    CHECK(count("log", "fscheck 0 cannot be started: Resource temporarily unavailable") < 20);
    CHECK_INT(count("log", "guarding"), 0);
    refuse("");
    CHECK(comes("log", "guarding"));
    CHECK_INT(end_refusing(), 0);
}

/* Hundredths of a second of a processor that the warden has used. */
static long
warden_ticks(void)
{
    char path[64];
    char text[512] = "";
    long ticks = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)agent);
    FILE *f = fopen(path, "r");
    CHECK(f != NULL && fgets(text, sizeof(text), f) != NULL);
    if (f != NULL) {
        fclose(f);
    }
    char *word = strtok(text, " ");
    for (int field = 1; word != NULL && field <= 15; field++, word = strtok(NULL, " ")) {
        ticks += field >= 14 ? strtol(word, NULL, 10) : 0; /* proc(5): utime, stime */
    }
    return ticks;
}

static void
a_core_that_cannot_be_started_is_tried_again_at_leisure_and_tells_how_the_one_before_ended(void)
{
    begin_refusing();
    refuse("core");
    CHECK(signal_role("core", SIGKILL));
    CHECK(comes("log", "core 0 cannot be started"));
    long ticks = warden_ticks();
    poll(NULL, 0, 1000);
    CHECK(warden_ticks() - ticks < 20);
    refuse("");
    CHECK(comes("out", "proc=core state=killed sig=9"));
    CHECK_INT(end_refusing(), 0);
}

static void
a_state_directory_that_cannot_be_locked_is_not_told_as_another_agent(void)
{
    begin_refusing();
    CHECK_INT(end(), 0);
    refuse("flock");
    CHECK_INT(run("run", NULL), 2);
    CHECK(strstr(read_text("log"), "state/session: No locks available") != NULL);
    CHECK_INT(end_refusing(), -1);
}

/* A file that may not grow any more is a channel that is lost, and no signal that ends whoever writes. */
static void
a_file_size_limit_ends_no_process(void)
{
    char channels[400];
    enum { MOST = 64 << 20 };

    snprintf(channels, sizeof(channels), "Channel file %s\nChannel file %s\n", at("out"), at("out2"));
    begin(channels);
    CHECK_INT(end(), 0);
    CHECK_INT(truncate(at("out"), MOST), 0);
    limit = (struct rlimit){ .rlim_cur = MOST, .rlim_max = MOST };
    limited = RLIMIT_FSIZE;
    agent = start("run", NULL);
    limited = -1;
    CHECK(comes("out2", "why=File%20too%20large"));
    CHECK(comes("out2", "agent.beat"));
    CHECK(strstr(read_text("out2"), "state=killed") == NULL);
    CHECK_INT(end(), 0);
}

/* A root file system that was mounted read-only after an error must not keep the agent from starting. */
static void
a_state_directory_that_takes_nothing_keeps_no_agent_from_guarding(void)
{
    if (geteuid() != 0) {
        return;
    }
    begin_with_file();
    CHECK_INT(end(), 0);
    unlink(at("out"));
    agent = fork();
    if (agent == 0) {
        char config[PATH_SIZE];
        char state[PATH_SIZE];

        snprintf(config, sizeof(config), "%s", at("conf"));
        snprintf(state, sizeof(state), "%s", at("state"));
        if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
                mount(state, state, NULL, MS_BIND, NULL) != 0 ||
                mount(NULL, state, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0) {
            _exit(125);
        }
        execl(program, "tocsin", "--config", config, "--state", state, "run", (char *)NULL);
        _exit(127);
    }
    CHECK(comes("out", "state=unsaved"));
    CHECK_INT(end(), 0);
}

/* A pseudo-terminal whose far end is never read fills up and takes nothing more. */
static void
a_line_that_blocks_holds_up_no_other_and_is_told_there(void)
{
    char channels[512];
    char name[64];
    struct termios raw;
    char block[4096];
    int far = posix_openpt(O_RDWR | O_NOCTTY);

    CHECK(far >= 0 && grantpt(far) == 0 && unlockpt(far) == 0 && ptsname_r(far, name, sizeof(name)) == 0);
    int near = open(name, O_WRONLY | O_NOCTTY | O_NONBLOCK);
    tcgetattr(near, &raw);
    cfmakeraw(&raw);
    tcsetattr(near, TCSANOW, &raw);
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 50; i++, nap()) {
        while (write(near, block, sizeof(block)) > 0 || write(near, block, 1) > 0) {
        }
    }
    snprintf(channels, sizeof(channels), "Channel tty %s\nChannel file %s\n", name, at("out"));
    begin(channels);
    CHECK(comes("out", "agent.start"));
    unsigned beats = count("out", "agent.beat");
    CHECK(comes("out", "channel.lost channel=tty:/dev/pts/"));
    CHECK(count("out", "agent.beat") > beats + 5);
    CHECK_INT(end(), 0);
    close(near);
    close(far);
}

#define NUMBERS 4096

/* Which lines of a code are whole in a stream; each goes out several times. Returns how many they are. */
static unsigned
numbers_of(const char *stream, const char *code, bool has[NUMBERS])
{
    unsigned count = 0;

    memset(has, 0, NUMBERS);
    for (const char *p = stream; (p = strstr(p, "!1 ")) != NULL; p++) {
        struct wire_line line;

        if (wire_line_parse(p, strcspn(p, "\r\n"), &line) == 0 && strcmp(line.head.code, code) == 0 &&
                line.head.number < NUMBERS && !has[line.head.number]) {
            has[line.head.number] = true;
            count++;
        }
    }
    return count;
}

static unsigned
lacking(const bool has[NUMBERS], const bool wanted[NUMBERS])
{
    unsigned count = 0;

    for (unsigned i = 0; i < NUMBERS; i++) {
        count += wanted[i] && !has[i];
    }
    return count;
}

static void
every_line_comes_through_a_channel_that_fails_and_refuses(void)
{
    char channels[512];
    char name[64];
    static char stream[262144];
    size_t len = 0;
    static bool sent[NUMBERS];
    static bool came[NUMBERS];
    unsigned beats = 0;
    int far = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);

    CHECK(far >= 0 && grantpt(far) == 0 && unlockpt(far) == 0 && ptsname_r(far, name, sizeof(name)) == 0);
    int near = open(name, O_RDWR | O_NOCTTY);
    snprintf(channels, sizeof(channels), "Channel fault:tty %s seed=77\nChannel file %s\n", name, at("out"));
    begin(channels);
    CHECK(comes("out", "agent.start"));
    int64_t from = now_ms();
    for (; now_ms() - from < 12000 || (lacking(came, sent) > 0 && now_ms() - from < 12000 + WAIT_MS); nap()) {
        ssize_t n = read(far, stream + len, sizeof(stream) - 1 - len);
        len += n > 0 ? (size_t)n : 0;
        stream[len] = '\0';
        if (now_ms() - from < 12000) {
            beats = numbers_of(read_text("out"), "agent.beat", sent);
        }
        numbers_of(stream, "agent.beat", came);
    }
    CHECK_INT(end(), 0);
    CHECK(beats > 4);
    CHECK_INT(lacking(came, sent), 0);
    close(near);
    close(far);
}

/* A new pseudo-terminal behind a link that stays. Returns its far end. */
static int
plug_in(const char *link_path)
{
    char name[64];
    int far = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    CHECK(far >= 0 && grantpt(far) == 0 && unlockpt(far) == 0 && ptsname_r(far, name, sizeof(name)) == 0);
    unlink(link_path);
    CHECK_INT(symlink(name, link_path), 0);
    return far;
}

static bool
reads(int far, const char *text)
{
    char stream[65536] = "";
    size_t len = 0;

    for (int64_t until = now_ms() + WAIT_MS; now_ms() < until; nap()) {
        ssize_t n = read(far, stream + len, sizeof(stream) - 1 - len);
        len += n > 0 ? (size_t)n : 0;
        stream[len] = '\0';
        if (strstr(stream, text) != NULL) {
            return true;
        }
    }
    return false;
}

static void
a_line_that_is_unplugged_is_told_on_another_and_is_used_when_it_is_back(void)
{
    char channels[512];
    int far = plug_in(at("line"));

    snprintf(channels, sizeof(channels), "Channel serial %s\nChannel file %s\n", at("line"), at("out"));
    begin(channels);
    CHECK(reads(far, "agent.start"));
    close(far);
    unlink(at("line"));
    CHECK(comes("out", "channel.lost channel=serial:"));
    far = plug_in(at("line"));
    CHECK(reads(far, "channel.back"));
    CHECK(comes("out", "channel.back channel="));
    CHECK_INT(end(), 0);
    close(far);
    unlink(at("line"));
}

static void
a_line_that_somebody_sets_anew_is_put_right_and_told(void)
{
    char channels[512];
    struct termios t;
    int far = plug_in(at("line"));
    int near = open(at("line"), O_RDWR | O_NOCTTY | O_NONBLOCK);

    snprintf(channels, sizeof(channels), "Channel serial %s 9600\nChannel file %s\n", at("line"), at("out"));
    begin(channels);
    CHECK(reads(far, "agent.start"));
    CHECK(tcgetattr(near, &t) == 0 && cfgetospeed(&t) == B9600);
    cfsetospeed(&t, B300);
    CHECK_INT(tcsetattr(near, TCSANOW, &t), 0);
    CHECK(comes("out", " what=baud "));
    CHECK(tcgetattr(near, &t) == 0 && cfgetospeed(&t) == B9600);
    CHECK_INT(end(), 0);
    close(near);
    close(far);
    unlink(at("line"));
}

static void
a_console_may_be_hung_up_now_and_then_but_not_all_the_time(void)
{
    char channels[512];
    int far = plug_in(at("line"));

    snprintf(channels, sizeof(channels), "Channel console %s\nChannel file %s\n", at("line"), at("out"));
    begin(channels);
    CHECK(reads(far, "agent.start"));
    for (unsigned i = 0; i < 6; i++) {
        int next = plug_in(at("line"));
        close(far);
        far = next;
        CHECK(reads(far, "\r\n"));
        CHECK(i > 0 || strstr(read_text("out"), "channel.lost") == NULL);
    }
    CHECK(comes("out", "channel.lost channel=console:"));
    CHECK(comes("out", "channel.back channel="));
    CHECK_INT(end(), 0);
    close(far);
    unlink(at("line"));
}

static void
a_second_agent_does_not_start_beside_the_first(void)
{
    begin_with_file();
    pid_t first = agent;
    pid_t second = start("run", NULL);
    CHECK_INT(status_of(second), 2);
    CHECK(strstr(read_text("log"), "another agent runs with this state directory") != NULL);
    agent = first;
    CHECK_INT(end(), 0);
}

static void
a_damaged_session_file_is_told_and_left_alone(void)
{
    begin_with_file();
    CHECK_INT(end(), 0);
    int fd = open(at("state/session"), O_RDWR);
    for (int slot = 0; slot < 2; slot++) {
        CHECK_INT(pwrite(fd, "damaged", 7, slot * 4096 + 30), 7);
    }
    struct stat before;
    struct stat after;
    fstat(fd, &before);
    CHECK_INT(run("run", NULL), 2);
    CHECK(strstr(read_text("log"), "state/session: is damaged in both slots") != NULL);
    fstat(fd, &after);
    CHECK(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    close(fd);
}

static void
a_wrong_code_is_refused_with_the_place(void)
{
    forget();
    write_text("conf", "Host web03\n");
    CHECK_INT(run("pair", "ABCD-EFGU"), 2);
    CHECK(strstr(read_text("log"), "character 9") != NULL);
    CHECK_INT(run("pair", "ABCD-EFGH"), 2);
    CHECK(strstr(read_text("log"), "8 characters; expected 28") != NULL);
    CHECK_INT(run("pair", "0000-0000-0000-0000-0000-0000-0001"), 2);
    CHECK(strstr(read_text("log"), "mistyped") != NULL);
    CHECK(access(at("state/session"), F_OK) < 0);
}

static void
ring_reports_each_channel_with_and_without_a_running_agent(void)
{
    char channels[512];

    snprintf(channels, sizeof(channels), "Channel file %s\nChannel file %s\n", at("out"), at("out2"));
    begin(channels);
    CHECK(comes("out", "agent.start"));
    CHECK_INT(run("ring", NULL), 0);
    CHECK_INT(count("log", ": out after "), 2);
    CHECK_INT(end(), 0);
    CHECK_INT(run("ring", NULL), 0);
    CHECK(strstr(read_text("log"), "not running") != NULL);
    CHECK_INT(count("log", ": out after "), 2);
    CHECK(count("out", "test.alarm by=ring") >= 2);
    CHECK_INT(count("out2", "state=lost"), 0);
}

/* True when no agent comes to hold the session any more within WAIT_MS. */
static bool
is_let_go(void)
{
    int fd = open(at("state/session"), O_RDWR | O_CLOEXEC);
    bool free = false;

    for (int64_t until = now_ms() + WAIT_MS; !free && now_ms() < until; nap()) {
        free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    }
    close(fd);
    return free;
}

/* The terminal is closed, what read from it has ended, or it is killed: nobody else would stop the agent. */
static void
the_agent_that_ring_started_ends_with_it_however_that_ends(void)
{
    static const int ends[] = { SIGHUP, SIGPIPE, SIGKILL };
    char channels[256];

    snprintf(channels, sizeof(channels), "Channel file %s\n", at("out"));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        prepare(channels);
        pid_t ring = start("ring", NULL);

        CHECK(comes("log", "not running"));
        kill(ring, SIGSTOP);
        CHECK(comes("out", "agent.start"));
        agent = ring;
        pid_t started = role_pid("ring");
        CHECK(started > 0);
        kill(ring, ends[i]);
        kill(ring, SIGCONT);
        (void)status_of(ring);
        if (!is_let_go() && started > 0) {
            CHECK_INT(kill(started, SIGKILL), -1);
        }
    }
    agent = 0;
}

/* The datagrams that came, one a line. */
static void
hear_all(int fd, char *out, size_t size)
{
    size_t len = strlen(out);
    ssize_t n;

    while (len + 1 < size && (n = recv(fd, out + len, size - len - 2, MSG_DONTWAIT)) > 0) {
        len += (size_t)n;
        out[len++] = '\n';
        out[len] = '\0';
    }
}

static void
the_service_manager_is_told_of_start_life_and_stop(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char heard[4096] = "";
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", at("notify"));
    CHECK_INT(bind(manager, (const struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", "400000", 1);
    begin_with_file();
    for (int64_t until = now_ms() + 1500; now_ms() < until; nap()) {
        hear_all(manager, heard, sizeof(heard));
    }
    CHECK_INT(end(), 0);
    hear_all(manager, heard, sizeof(heard));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    const char *ready = strstr(heard, "READY=1\n");
    const char *stopping = strstr(heard, "STOPPING=1\n");
    CHECK(ready != NULL && stopping != NULL && ready < stopping);
    unsigned fed = 0;
    for (const char *p = heard; (p = strstr(p, "WATCHDOG=1\n")) != NULL; p++) {
        fed++;
    }
    CHECK(fed >= 4);
    close(manager);
    unlink(address.sun_path);
}

/* Waits for READY=1 and no longer. */
static bool
ready_comes(int manager)
{
    char heard[4096] = "";

    for (int64_t until = now_ms() + WAIT_MS; now_ms() < until && strstr(heard, "READY=1\n") == NULL; nap()) {
        hear_all(manager, heard, sizeof(heard));
    }
    return strstr(heard, "READY=1\n") != NULL;
}

static void
what_changed_while_it_was_stopped_is_on_the_line_before_it_says_that_it_is_ready(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char channels[512], path[PATH_SIZE];

    mkdir(at("tree"), 0700);
    write_text("tree/changed", "a");
    write_text("tree/gone", "a");
    snprintf(path, sizeof(path), "%s", at("tree"));
    snprintf(channels, sizeof(channels), "Channel file %s\nWatch %s\n", at("out"), path);
    begin(channels);
    CHECK_INT(end(), 0);
    CHECK_INT(run("baseline", "build"), 0);
    write_text("tree/changed", "b");
    write_text("tree/added", "b");
    unlink(at("tree/gone"));
    unlink(at("out"));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", at("notify"));
    CHECK_INT(bind(manager, (const struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    agent = start("run", NULL);
    CHECK(ready_comes(manager));
    CHECK_INT(count("out", "/tree/changed "), 1);
    CHECK_INT(count("out", "/tree/added "), 1);
    CHECK_INT(count("out", "/tree/gone "), 1);
    unsetenv("NOTIFY_SOCKET");
    CHECK_INT(end(), 0);
    close(manager);
    unlink(address.sun_path);
    unlink(at("state/baseline"));
}

static void
ring_tells_at_once_why_a_channel_is_lost(void)
{
    char channels[512];

    snprintf(channels, sizeof(channels), "Channel tty %s\nChannel file %s\n", at("missing"), at("out"));
    begin(channels);
    CHECK(comes("out", "channel.lost"));
    int64_t from = now_ms();
    CHECK_INT(run("ring", NULL), 1);
    CHECK(now_ms() - from < WAIT_MS / 2);
    CHECK_INT(count("log", ": out after "), 1);
    CHECK(strstr(read_text("log"), "missing: waits, No such file or directory\n") != NULL);
    CHECK_INT(end(), 0);
}

/* True when status comes to end with `want`, and its output holds the text. */
static bool
status_says(int want, const char *text)
{
    for (int64_t until = now_ms() + WAIT_MS; now_ms() < until; nap()) {
        if (run("status", "--findings") == want && strstr(read_text("log"), text) != NULL) {
            return true;
        }
    }
    printf("status never said \"%s\" with exit %d; it says:\n%s\n", text, want, read_text("log"));
    return false;
}

static void
status_names_each_detector_and_what_is_open(void)
{
    static const char *const names[] = { "files ", "ports ", "daemons ", "clock ", "mounts ", "processes ",
        "system " };
    char channels[256];

    snprintf(channels, sizeof(channels), "Channel file %s\nDaemon /nowhere/daemon\n", at("out"));
    begin(channels);
    CHECK(comes("out", "daemon.down"));
    CHECK(status_says(1, "exe=/nowhere/daemon name=daemon"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK(strstr(read_text("log"), names[i]) != NULL);
    }
    CHECK(strstr(read_text("log"), "silent") == NULL);
    CHECK(strstr(read_text("log"), "rights     starter  warden") != NULL);
    CHECK(strstr(read_text("log"), "core, fscheck, procscan, netwatch, wire 0") != NULL);
    CHECK(strstr(read_text("log"), "0 of 1 daemon well") != NULL);
    CHECK(strstr(read_text("log"), "files      blind    ") != NULL); /* there is no baseline */
    CHECK_INT(end(), 0);
    CHECK_INT(run("status", NULL), 2);
}

static void
status_says_when_the_agent_runs_with_other_channels_than_the_configuration_names(void)
{
    char conf[512];

    snprintf(conf, sizeof(conf), "Channel file %s\nChannel file %s\n", at("out"), at("out2"));
    begin(conf);
    CHECK(status_says(1, "web03  session"));
    snprintf(conf, sizeof(conf), "Host web03\nChannel file %s\n", at("out"));
    write_text("conf", conf);
    CHECK_INT(run("status", NULL), 2);
    CHECK(strstr(read_text("log"), "runs with other channels than") != NULL);
    CHECK_INT(end(), 0);
}

static void
a_detector_that_does_not_answer_is_silent_and_holds_up_nobody(void)
{
    begin_with_file();
    CHECK(status_says(1, "daemons    reduced"));
    kill(agent, SIGSTOP); /* or it would set the other going again at once */
    CHECK(signal_role("procscan", SIGSTOP));
    CHECK(status_says(1, "daemons    silent"));
    CHECK(strstr(read_text("log"), "mounts     ok") != NULL);
    CHECK(signal_role("procscan", SIGCONT));
    kill(agent, SIGCONT);
    CHECK(status_says(1, "daemons    reduced"));
    CHECK_INT(end(), 0);
}

/* Connects to the control socket and sends bytes; true when the agent closes or answers. */
static bool
poke(const void *bytes, size_t len)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    char reply[1024];
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct pollfd p = { .fd = fd, .events = POLLIN };

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", at("state/ctl"));
    CHECK_INT(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    CHECK_INT(send(fd, bytes, len, MSG_NOSIGNAL), (long long)len);
    bool heard = poll(&p, 1, WAIT_MS) == 1 && recv(fd, reply, sizeof(reply), 0) >= 0;

    close(fd);
    return heard;
}

static void
a_client_that_sends_anything_disturbs_nobody(void)
{
    /* magic, kind, from: every kind and beyond, and the farthest place */
    uint8_t request[13] = { 0x32, 0x63, 0x74, 0x6c, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0 };

    begin_with_file();
    for (uint8_t kind = 1; kind < 8; kind++) {
        request[4] = kind;
        CHECK(poke(request, 12));
        CHECK(poke(request, 13));
        CHECK(poke(request, 5));
    }
    CHECK(status_says(1, "web03  session"));
    CHECK_INT(end(), 0);
}

static void
remove_all(void)
{
    static const char *const names[] = { "out", "out2", "conf", "code", "log", "state/session", "state/ctl" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(at(names[i]));
    }
    rmdir(at("state"));
    rmdir(dir);
}

int
main(void)
{
    const char *bin = getenv("TOCSIN_BIN");

    if (bin == NULL || mkdtemp(dir) == NULL) {
        printf("TOCSIN_BIN is not set\n");
        return 1;
    }
    snprintf(program, sizeof(program), "%s/tocsin", bin);
    CHECK_RUN(a_wrong_code_is_refused_with_the_place);
    CHECK_RUN(a_planned_stop_says_goodbye_last_and_the_next_start_knows);
    CHECK_RUN(a_stop_that_all_processes_are_told_of_is_in_order_all_the_same);
    CHECK_RUN(each_role_that_is_killed_is_told_and_runs_again);
    CHECK_RUN(a_role_that_closes_its_link_to_the_warden_is_ended_and_runs_again);
    CHECK_RUN(a_role_that_floods_the_warden_holds_up_no_other);
    CHECK_RUN(a_role_that_is_stopped_is_told_and_set_going);
    CHECK_RUN(a_killed_core_has_last_words_and_a_new_session_tells_of_it);
    CHECK_RUN(a_killed_warden_is_told_and_leaves_no_process_behind);
    CHECK_RUN(a_warden_that_is_stopped_is_told_by_the_core);
    CHECK_RUN(a_file_that_changes_twice_is_told_again_as_open);
    CHECK_RUN(a_session_file_that_others_may_read_is_refused);
    CHECK_RUN(a_state_directory_that_others_may_write_in_is_refused);
    CHECK_RUN(a_session_file_that_is_deleted_meanwhile_is_told);
    CHECK_RUN(few_descriptors_are_raised_to_what_is_allowed_and_refused_when_too_few);
    CHECK_RUN(roles_that_cannot_be_started_are_told_and_started_when_they_can_be);
    CHECK_RUN(a_role_that_is_not_there_from_the_start_is_told_and_tried_again_at_leisure);
    CHECK_RUN(a_core_that_cannot_be_started_is_tried_again_at_leisure_and_tells_how_the_one_before_ended);
    CHECK_RUN(a_state_directory_that_cannot_be_locked_is_not_told_as_another_agent);
    CHECK_RUN(a_file_size_limit_ends_no_process);
    CHECK_RUN(a_state_directory_that_takes_nothing_keeps_no_agent_from_guarding);
    CHECK_RUN(a_line_that_blocks_holds_up_no_other_and_is_told_there);
    CHECK_RUN(every_line_comes_through_a_channel_that_fails_and_refuses);
    CHECK_RUN(a_line_that_is_unplugged_is_told_on_another_and_is_used_when_it_is_back);
    CHECK_RUN(a_line_that_somebody_sets_anew_is_put_right_and_told);
    CHECK_RUN(a_console_may_be_hung_up_now_and_then_but_not_all_the_time);
    CHECK_RUN(a_second_agent_does_not_start_beside_the_first);
    CHECK_RUN(a_damaged_session_file_is_told_and_left_alone);
    CHECK_RUN(ring_reports_each_channel_with_and_without_a_running_agent);
    CHECK_RUN(the_agent_that_ring_started_ends_with_it_however_that_ends);
    CHECK_RUN(ring_tells_at_once_why_a_channel_is_lost);
    CHECK_RUN(the_service_manager_is_told_of_start_life_and_stop);
    CHECK_RUN(what_changed_while_it_was_stopped_is_on_the_line_before_it_says_that_it_is_ready);
    CHECK_RUN(status_names_each_detector_and_what_is_open);
    CHECK_RUN(status_says_when_the_agent_runs_with_other_channels_than_the_configuration_names);
    CHECK_RUN(a_detector_that_does_not_answer_is_silent_and_holds_up_nobody);
    CHECK_RUN(a_client_that_sends_anything_disturbs_nobody);
    remove_all();
    return check_result();
}
