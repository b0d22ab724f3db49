#include "lab.h"

#include "support/held_port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_US 60000000
#define END_MS 8000

int64_t
lab_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

const char *
lab_path(const struct lab *lab, const char *name, char out[LAB_PATH])
{
    snprintf(out, LAB_PATH, "%s/%s", lab->dir, name);
    return out;
}

static pid_t
spawn(char *const argv[], int in, int out, int err)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (in >= 0) {
            dup2(in, 0);
        }
        if (out >= 0) {
            dup2(out, 1);
        }
        if (err >= 0) {
            dup2(err, 2);
        }
        execv(argv[0], argv);
        fprintf(stderr, "lab: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

int
lab_run(char *const argv[], const char *input, char *out, size_t size)
{
    int in[2];
    int back[2];
    size_t len = 0;
    ssize_t n;
    int status;

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0) {
        return -1;
    }
    pid_t pid = spawn(argv, in[0], back[1], -1);
    close(in[0]);
    close(back[1]);
    if (input != NULL && write(in[1], input, strlen(input)) < 0) {
        perror("lab: pipe");
    }
    close(in[1]);
    while (len + 1 < size && (n = read(back[0], out + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    out[len] = '\0';
    close(back[0]);
    if (waitpid(pid, &status, 0) < 0) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
write_text(const char *path, const char *text, const char *mode)
{
    FILE *f = fopen(path, mode);

    if (f == NULL) {
        perror(path);
        return false;
    }
    fputs(text, f);
    return fclose(f) == 0;
}

static bool
copy_program(const char *from, const char *to)
{
    static char block[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ssize_t n = -1;

    while (in >= 0 && out >= 0 && (n = read(in, block, sizeof(block))) > 0) {
        if (write(out, block, (size_t)n) != n) {
            n = -1;
            break;
        }
    }
    close(in);
    close(out);
    return n == 0;
}

bool
lab_start_daemon(struct lab *lab)
{
    char path[LAB_PATH];
    char seconds[] = "100000";
    char *argv[] = { path, seconds, NULL };

    lab_path(lab, "labd", path);
    lab->daemon_pid = spawn(argv, -1, -1, -1);
    return lab->daemon_pid > 0;
}

/* One step of the set-up; says which program failed and what it printed. */
static bool
step(const char *what, char *const argv[], const char *input, char *out, size_t size)
{
    int status = lab_run(argv, input, out, size);

    if (status != 0) {
        fprintf(stderr, "lab: %s failed (%s exited with %d)\n%s", what, argv[0], status, out);
    }
    return status == 0;
}

static bool
configure_belfry(struct lab *lab, char code[128])
{
    char config[LAB_PATH];
    char text[3 * LAB_PATH];
    char program[LAB_PATH];
    char option[] = "--config";
    char command[] = "pair";
    char host[] = LAB_HOST;
    char out[1024];
    char *argv[] = { program, option, config, command, host, NULL };

    snprintf(program, sizeof(program), "%s", lab->belfry);
    lab_path(lab, "belfry.conf", config);
    snprintf(text, sizeof(text), "StateDir %s/belfry\nLine lab pty %s/line\nListen 127.0.0.1:%u\nSyslog no\n",
            lab->dir, lab->dir, lab->port);
    if (!write_text(config, text, "w") || !step("pairing at the receiver", argv, NULL, out, sizeof(out))) {
        return false;
    }
    /* The code is the one word of the output that has seven groups of four. */
    for (char *word = strtok(out, " \n\t"); word != NULL; word = strtok(NULL, " \n\t")) {
        if (strlen(word) == 34 && word[4] == '-' && word[29] == '-') {
            snprintf(code, 128, "%s", word);
            return true;
        }
    }
    fprintf(stderr, "lab: belfry pair printed no code\n");
    return false;
}

static bool
run_agent_command(struct lab *lab, const char *what, const char *command, const char *argument,
        const char *option, const char *input)
{
    char words[8][LAB_PATH];
    char *argv[9];
    static char out[65536];
    int n = 0;

    snprintf(words[n++], LAB_PATH, "%s", lab->agent);
    snprintf(words[n++], LAB_PATH, "--config");
    lab_path(lab, "tocsin.conf", words[n++]);
    snprintf(words[n++], LAB_PATH, "--state");
    lab_path(lab, "agent", words[n++]);
    snprintf(words[n++], LAB_PATH, "%s", command);
    if (argument != NULL) {
        snprintf(words[n++], LAB_PATH, "%s", argument);
    }
    if (option != NULL) {
        snprintf(words[n++], LAB_PATH, "%s", option);
    }
    for (int i = 0; i < n; i++) {
        argv[i] = words[i];
    }
    argv[n] = NULL;
    return step(what, argv, input, out, sizeof(out));
}

/* A copy of what `tocsin init` wrote, without its Beat and with the lab's own lines. */
static bool
adapt_config(struct lab *lab)
{
    char from[LAB_PATH];
    char to[LAB_PATH];
    char line[1200];
    char belfry[PATH_MAX];
    FILE *in = realpath(lab->belfry, belfry) != NULL ? fopen(lab_path(lab, "tocsin.conf", from), "r") : NULL;
    FILE *out = fopen(lab_path(lab, "tocsin.conf.new", to), "w");

    while (in != NULL && out != NULL && fgets(line, sizeof(line), in) != NULL) {
        if (strncmp(line, "Beat ", 5) != 0) {
            fputs(line, out);
        }
    }
    if (out != NULL) {
        fprintf(out,
                "\nBeat 1\nWatch %s/tree\nDaemon %s/labd\nChannel tty %s/line\n"
                "Receiver 127.0.0.1:%u\nPort tcp 127.0.0.1:%u %s-gate\n",
                lab->dir, lab->dir, lab->dir, lab->port, lab->port, belfry);
    }
    bool good = in != NULL && out != NULL && fclose(out) == 0 && rename(to, from) == 0;
    if (in != NULL) {
        fclose(in);
    }
    return good;
}

/* What this machine runs now, and the scratch tree, the daemon and the line. */
static bool
configure_agent(struct lab *lab, const char *code)
{
    char host[] = LAB_HOST;

    return run_agent_command(lab, "tocsin init", "init", "--host", host, NULL) && adapt_config(lab) &&
           run_agent_command(lab, "tocsin pair", "pair", "-", NULL, code) &&
           run_agent_command(lab, "tocsin baseline build", "baseline", "build", NULL, NULL);
}

static bool
start_belfry(struct lab *lab)
{
    char program[LAB_PATH];
    char option[] = "--config";
    char config[LAB_PATH];
    char command[] = "run";
    char events[] = "--events";
    char log[LAB_PATH];
    char line[LAB_PATH];
    char *argv[] = { program, option, config, command, events, NULL };
    int out[2];

    snprintf(program, sizeof(program), "%s", lab->belfry);
    lab_path(lab, "belfry.conf", config);
    int err = open(lab_path(lab, "belfry.log", log), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (pipe2(out, O_CLOEXEC) < 0) {
        return false;
    }
    lab->belfry_pid = spawn(argv, -1, out[1], err);
    close(out[1]);
    close(err);
    lab->events = out[0];
    fcntl(lab->events, F_SETFL, O_NONBLOCK);
    struct pollfd none = { .fd = -1 };
    for (int waited = 0; waited < 5000; waited += 20) {
        if (access(lab_path(lab, "line", line), W_OK) == 0) {
            return true;
        }
        poll(&none, 1, 20);
    }
    fprintf(stderr, "lab: belfry made no line; %s says why\n", log);
    return false;
}

static bool
start_agent(struct lab *lab)
{
    char program[LAB_PATH];
    char config_option[] = "--config";
    char state_option[] = "--state";
    char config[LAB_PATH];
    char state[LAB_PATH];
    char command[] = "run";
    char log[LAB_PATH];
    char *argv[] = { program, config_option, config, state_option, state, command, NULL };
    struct lab_event e;

    snprintf(program, sizeof(program), "%s", lab->agent);
    lab_path(lab, "tocsin.conf", config);
    lab_path(lab, "agent", state);
    int err = open(lab_path(lab, "agent.log", log), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    lab->agent_pid = spawn(argv, -1, -1, err);
    close(err);
    int64_t from_us = lab_now_us();
    bool started = false;
    while (lab_event(lab, &e, from_us + START_US)) {
        if (!lab->quiet) {
            lab_show(&e, from_us);
        }
        started = started || strcmp(e.code, "agent.start") == 0;
        if (started && strcmp(e.code, "agent.beat") == 0) {
            return true;
        }
    }
    fprintf(stderr, "lab: no proved line from the agent; %s says why\n", log);
    return false;
}

/* The agent's two programs beside each other, as they are installed. */
static bool
copy_agent(struct lab *lab)
{
    char from[LAB_PATH];
    char courier[LAB_PATH];
    const char *slash = strrchr(lab->belfry, '/');
    int folder = slash != NULL ? (int)(slash - lab->belfry) + 1 : 0;

    lab_path(lab, "tocsin", lab->agent);
    snprintf(from, sizeof(from), "%.*stocsin-courier", folder, lab->belfry);
    return copy_program(lab->tocsin, lab->agent) &&
           copy_program(from, lab_path(lab, "tocsin-courier", courier));
}

static const char *
belfry_and_agent(struct lab *lab, char code[128])
{
    char path[LAB_PATH];

    if (mkdir(lab_path(lab, "tree", path), 0755) < 0 ||
            !write_text(lab_path(lab, "tree/accounts", path), "as it was\n", "w")) {
        return "the scratch tree";
    }
    if (!copy_program("/bin/sleep", lab_path(lab, "labd", path)) || !lab_start_daemon(lab)) {
        return "the daemon to be watched";
    }
    lab->port = held_port();
    if (lab->port == 0 || !copy_agent(lab)) {
        return "the programs";
    }
    if (!configure_belfry(lab, code)) {
        return "the receiver's configuration";
    }
    if (!configure_agent(lab, code)) {
        return "the agent's configuration";
    }
    return start_belfry(lab) && start_agent(lab) ? NULL : "starting both ends";
}

bool
lab_begin(struct lab *lab)
{
    char code[128];

    snprintf(lab->dir, sizeof(lab->dir), "/tmp/tocsin-lab-XXXXXX");
    lab->events = -1;
    if (mkdtemp(lab->dir) == NULL) {
        perror("lab: /tmp");
        return false;
    }
    const char *failed = belfry_and_agent(lab, code);
    if (failed != NULL) {
        fprintf(stderr, "lab: %s: failed\n", failed);
    }
    return failed == NULL;
}

/* Takes the first whole line of what came in. */
static bool
take_pending(struct lab *lab, char *out, size_t size)
{
    char *end = memchr(lab->pending, '\n', lab->pending_len);

    if (end == NULL) {
        if (lab->pending_len == sizeof(lab->pending)) {
            lab->pending_len = 0;
        }
        return false;
    }
    size_t len = (size_t)(end - lab->pending);
    size_t kept = len < size ? len : size - 1;
    memcpy(out, lab->pending, kept);
    out[kept] = '\0';
    lab->pending_len -= len + 1;
    memmove(lab->pending, end + 1, lab->pending_len);
    return true;
}

/* "EVENT<TAB>utc_us<TAB>line<TAB>host<TAB>verdict<TAB>severity<TAB>code<TAB>number<TAB>detail" */
static bool
split_event(struct lab_event *e)
{
    const char *field[9];
    char *at = e->text;

    for (int i = 0; i < 9; i++) {
        field[i] = at;
        at = i < 8 ? strchr(at, '\t') : NULL;
        if (at == NULL && i < 8) {
            return false;
        }
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    e->verdict = field[4];
    e->severity = field[5];
    e->code = field[6];
    e->number = field[7];
    e->detail = field[8];
    return strcmp(field[0], "EVENT") == 0;
}

bool
lab_event(struct lab *lab, struct lab_event *e, int64_t until_us)
{
    for (;;) {
        struct pollfd p = { .fd = lab->events, .events = POLLIN };

        while (take_pending(lab, e->text, sizeof(e->text))) {
            e->at_us = lab_now_us();
            if (split_event(e)) {
                return true;
            }
        }
        int64_t left_us = until_us - lab_now_us();
        if (left_us <= 0 || poll(&p, 1, (int)(left_us / 1000) + 1) < 0) {
            return false;
        }
        ssize_t n =
                read(lab->events, lab->pending + lab->pending_len, sizeof(lab->pending) - lab->pending_len);
        if (n == 0) {
            return false;
        }
        lab->pending_len += n > 0 ? (size_t)n : 0;
    }
}

/* The warden's children, from /proc/PID/task/PID/children. */
static int
children_of(pid_t pid, pid_t *out, int max)
{
    char path[64];
    int count = 0;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && count < max && fscanf(f, "%d", &out[count]) == 1) {
        count++;
    }
    if (f != NULL) {
        fclose(f);
    }
    return count;
}

bool
lab_stop_gate(struct lab *lab, bool stop)
{
    pid_t pids[8];
    int count = children_of(lab->belfry_pid, pids, 8);

    for (int i = 0; i < count; i++) {
        char path[64];
        char name[32] = "";

        snprintf(path, sizeof(path), "/proc/%d/comm", (int)pids[i]);
        FILE *f = fopen(path, "r");
        bool gate = f != NULL && fgets(name, sizeof(name), f) != NULL && strcmp(name, "belfry-gate\n") == 0;

        if (f != NULL) {
            fclose(f);
        }
        if (gate) {
            return kill(pids[i], stop ? SIGSTOP : SIGCONT) == 0;
        }
    }
    return false;
}

void
lab_kill_agent(struct lab *lab)
{
    pid_t pids[32];
    int count = children_of(lab->agent_pid, pids, 32);

    for (int i = 0; i < count; i++) {
        kill(pids[i], SIGSTOP);
    }
    kill(lab->agent_pid, SIGKILL);
    for (int i = 0; i < count; i++) {
        kill(pids[i], SIGKILL);
    }
    waitpid(lab->agent_pid, NULL, 0);
    lab->agent_pid = 0;
}

static void
end_process(pid_t *pid)
{
    struct pollfd none = { .fd = -1 };

    if (*pid <= 0) {
        return;
    }
    kill(*pid, SIGTERM);
    for (int waited = 0; waited < END_MS; waited += 20) {
        if (waitpid(*pid, NULL, WNOHANG) != 0) {
            *pid = 0;
            return;
        }
        poll(&none, 1, 20);
    }
    kill(*pid, SIGKILL);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void
lab_end(struct lab *lab)
{
    end_process(&lab->agent_pid);
    end_process(&lab->belfry_pid);
    end_process(&lab->daemon_pid);
    if (lab->events >= 0) {
        close(lab->events);
    }
    nftw(lab->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
