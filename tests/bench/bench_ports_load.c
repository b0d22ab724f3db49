/*
 * bench_ports_load LISTENERS PROCESSES ROUNDS COMMAND...: opens listeners on the loopback, spread over so
 * many processes, then runs the commands in turns and prints a line each: the median wall time in
 * microseconds. A command is one argument, split at blanks. Its output is thrown away; its exit status must
 * be 0 or 1.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 8
#define WORDS 16
#define ROUNDS 1001

extern char **environ;

static int
listen_somewhere(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0 ? -1 : 0;
}

/* One process with its share. Tells by a byte that it listens, and ends with its parent. */
static void
serve(int share, int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < share; i++) {
        if (listen_somewhere() != 0) {
            perror("bench_ports_load: listen");
            _exit(1);
        }
    }
    if (write(ready, "x", 1) == 1) {
        close(ready);
        pause();
    }
    _exit(1);
}

static int
start_listeners(int listeners, int processes)
{
    for (int i = 0; i < processes; i++) {
        int share = listeners / processes + (i < listeners % processes);
        int ready[2];
        char byte;

        if (pipe(ready) != 0) {
            return -1;
        }
        pid_t pid = fork();
        if (pid == 0) {
            close(ready[0]);
            serve(share, ready[1]);
        }
        close(ready[1]);
        if (pid < 0 || read(ready[0], &byte, 1) != 1) {
            return -1;
        }
        close(ready[0]);
    }
    return 0;
}

static void
split(char *command, char *words[WORDS])
{
    char *at = NULL;
    int n = 0;

    for (char *word = strtok_r(command, " ", &at); word != NULL && n < WORDS - 1;
            word = strtok_r(NULL, " ", &at)) {
        words[n++] = word;
    }
    words[n] = NULL;
}

static double
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds from the start to the end of the program; negative when it failed. */
static double
run(char *const words[], const posix_spawn_file_actions_t *actions)
{
    pid_t pid;
    int status;
    double start = now_us();

    if (posix_spawnp(&pid, words[0], actions, NULL, words, environ) != 0 || waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    double us = now_us() - start;

    return WIFEXITED(status) && WEXITSTATUS(status) <= 1 ? us : -1;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
    static double times[COMMANDS][ROUNDS];
    static char *words[COMMANDS][WORDS];
    posix_spawn_file_actions_t actions;
    int commands = argc - 4;
    int rounds = argc > 4 ? atoi(argv[3]) : 0;

    if (commands < 1 || commands > COMMANDS || rounds < 1 || rounds > ROUNDS || atoi(argv[2]) < 1) {
        fprintf(stderr, "usage: bench_ports_load LISTENERS PROCESSES ROUNDS COMMAND...\n");
        return 2;
    }
    if (start_listeners(atoi(argv[1]), atoi(argv[2])) != 0) {
        fprintf(stderr, "bench_ports_load: not all listeners could be opened\n");
        return 2;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < commands; i++) {
        split(argv[4 + i], words[i]);
    }
    for (int r = 0; r < rounds; r++) {
        for (int i = 0; i < commands; i++) {
            times[i][r] = run(words[i], &actions);
            if (times[i][r] < 0) {
                fprintf(stderr, "bench_ports_load: %s failed\n", words[i][0]);
                return 2;
            }
        }
    }
    for (int i = 0; i < commands; i++) {
        qsort(times[i], (size_t)rounds, sizeof(times[i][0]), compare);
        printf("%.0f\n", times[i][rounds / 2]);
    }
    return 0;
}
