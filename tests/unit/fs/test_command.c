/* The command as a user runs it: exit status, what stands in the file afterwards, what is printed. */
#include "cmd/cmd.h"
#include "ground.h"
#include "support/check.h"
#include "watch/baseline.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char printed[1 << 20];
static char output[100];

/* In a process of its own, as a command is. Returns the exit status; what it said is in printed[]. */
static int
run(bool json, int argc, const char *const *argv)
{
    int status = -1;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct cmd cmd = { .config_path = ground.conf.config_path,
            .state_dir = ground.state,
            .json = json,
            .argc = argc,
            .argv = (char **)(uintptr_t)argv };
        int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        dup2(fd, 1);
        dup2(fd, 2);
        int code = cmd_baseline(&cmd);
        fflush(stdout);
        _exit(code);
    }
    waitpid(pid, &status, 0);
    int fd = open(output, O_RDONLY);
    ssize_t n = read(fd, printed, sizeof(printed) - 1);
    close(fd);
    printed[n > 0 ? n : 0] = '\0';
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...)                                                                     \
    run(false, (int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)), \
            (const char *const[]){ __VA_ARGS__ })
#define RUN_JSON(...)                                                               \
    run(true, (int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)), \
            (const char *const[]){ __VA_ARGS__ })
#define PRINTED(text) CHECK(strstr(printed, text) != NULL)

static void
prepare(void)
{
    FILE *out;

    ground_open();
    snprintf(output, sizeof(output), "%s/output", ground.dir);
    out = fopen(ground.conf.config_path, "w");
    fprintf(out, "host lab\nwatch %s\n", ground.tree);
    fclose(out);
    ground_mkdir("dir");
    ground_write("dir/file", "abc");
    ground_write("other", "abc");
    CHECK_INT(symlink("dir/file", ground_path("link")), 0);
}

static void
flip_byte_of_baseline(long at)
{
    char path[120];

    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    FILE *file = fopen(path, "r+");
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void
root_of_baseline(uint8_t root[WIRE_HASH_SIZE])
{
    struct baseline b;
    struct baseline_error error;
    char path[120];

    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    CHECK_INT(baseline_load(&b, path, &error), 0);
    memcpy(root, b.root, WIRE_HASH_SIZE);
    baseline_unload(&b);
}

static void
build_refuses_to_replace_without_force(void)
{
    uint8_t before[WIRE_HASH_SIZE], after[WIRE_HASH_SIZE];

    prepare();
    CHECK_INT(RUN("build"), CMD_CLEAN);
    PRINTED(" directories, 1 links, 0 others; ");
    PRINTED("\nroot ");
    root_of_baseline(before);
    ground_write("other", "abd");
    CHECK_INT(RUN("build"), CMD_ERROR);
    PRINTED("--force");
    root_of_baseline(after);
    CHECK_MEM(before, after, WIRE_HASH_SIZE);
    CHECK_INT(RUN("build", "--force"), CMD_CLEAN);
    CHECK_INT(RUN("diff"), CMD_CLEAN);
    PRINTED("0 differences in ");
}

static void
diff_says_what_and_exits_with_one(void)
{
    prepare();
    CHECK_INT(RUN("build"), CMD_CLEAN);
    chmod(ground_path("dir/file"), 0666);
    unlink(ground_path("link"));
    ground_write("new \"quoted\"\\", "");
    CHECK_INT(RUN("diff"), CMD_FINDINGS);
    PRINTED("dir/file mode=0644>0666\n");
    PRINTED("gone    ");
    PRINTED("new \"quoted\"\\ type=file mode=0644");
    PRINTED("3 differences in ");
    CHECK_INT(RUN("diff", ground_path("dir")), CMD_FINDINGS);
    PRINTED("1 difference in 2 entries");
    CHECK_INT(RUN("diff", ground_path("other")), CMD_CLEAN);
    CHECK_INT(RUN_JSON("diff"), CMD_FINDINGS);
    PRINTED("new \\\"quoted\\\"\\\\\", \"what\": \"added\"");
    PRINTED("\"what\": \"changed\", \"detail\": {\"mode\": \"0644>0666\"}}");
}

static void
accept_takes_only_what_is_named(void)
{
    prepare();
    CHECK_INT(RUN("build"), CMD_CLEAN);
    chmod(ground_path("dir/file"), 0666);
    chmod(ground_path("other"), 0666);
    ground_write("dir/new", "");
    CHECK_INT(RUN("accept", ground_path("dir")), CMD_CLEAN);
    PRINTED("2 differences accepted");
    CHECK_INT(RUN("diff"), CMD_FINDINGS);
    PRINTED("other mode=0644>0666\n1 difference in ");
    unlink(ground_path("dir/file"));
    CHECK_INT(RUN("accept", ground_path("dir/file"), ground_path("other")), CMD_CLEAN);
    PRINTED("gone ");
    CHECK_INT(RUN("diff"), CMD_CLEAN);
}

static void
accept_of_all_equals_a_fresh_build(void)
{
    static char after[1 << 20];

    prepare();
    CHECK_INT(RUN("build"), CMD_CLEAN);
    ground_write("dir/file", "changed");
    ground_write("a-first", "");
    ground_write("zz-last", "");
    ground_mkdir("dir-");
    ground_write("dir-/x", "");
    unlink(ground_path("other"));
    CHECK_INT(RUN("accept", "/"), CMD_CLEAN);
    CHECK_INT(RUN("show", ground.tree), CMD_CLEAN);
    memcpy(after, strchr(strchr(printed, '\n') + 1, '\n'), 1 << 19);
    CHECK_INT(RUN("build", "--force"), CMD_CLEAN);
    CHECK_INT(RUN("show", ground.tree), CMD_CLEAN);
    CHECK_STR(strchr(strchr(printed, '\n') + 1, '\n'), after);
}

static void
accept_of_nothing_new_leaves_the_file_alone(void)
{
    struct stat before, after;
    char path[120];

    prepare();
    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    CHECK_INT(RUN("build"), CMD_CLEAN);
    stat(path, &before);
    CHECK_INT(RUN("accept", ground.tree), CMD_CLEAN);
    PRINTED("0 differences accepted");
    stat(path, &after);
    CHECK_INT(before.st_ino, after.st_ino);
    CHECK_INT(RUN("accept"), CMD_ERROR);
    CHECK_INT(RUN("accept", "/nonexistent"), CMD_ERROR);
    PRINTED("not watched");
}

static void
a_damaged_baseline_is_refused_and_left_as_it_is(void)
{
    struct stat before, after;
    char path[120];

    prepare();
    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    CHECK_INT(RUN("build"), CMD_CLEAN);
    flip_byte_of_baseline(60);
    stat(path, &before);
    const char *const commands[] = { "show", "diff", "build" };
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(RUN(commands[i]), CMD_ERROR);
        PRINTED("baseline");
    }
    CHECK_INT(RUN("accept", ground.tree), CMD_ERROR);
    PRINTED("baseline: damaged at offset ");
    stat(path, &after);
    CHECK_INT(before.st_ino, after.st_ino);
    CHECK_INT(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    CHECK_INT(RUN("build", "--force"), CMD_CLEAN);
}

static void
show_prints_rows_and_escapes_names(void)
{
    prepare();
    ground_write("esc\033[2J\n\377", "abc");
    CHECK_INT(RUN("build"), CMD_CLEAN);
    CHECK_INT(RUN("show", ground.tree), CMD_CLEAN);
    PRINTED("CGVV7B");
    PRINTED("link -> dir/file\n");
    PRINTED("esc%1B[2J%0A%FF\n");
    CHECK(strchr(printed, '\033') == NULL);
    CHECK_INT(RUN_JSON("show", ground_path("dir/file")), CMD_CLEAN);
    PRINTED("\"blake3\": \"6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85\"");
    CHECK_INT(RUN("wash"), CMD_ERROR);
}

static void
a_baseline_that_cannot_be_written_is_an_error(void)
{
    prepare();
    char old[80];
    memcpy(old, ground.state, sizeof(old));
    snprintf(ground.state, sizeof(ground.state), "%.60s/tree/other/state", ground.dir); /* below a file */
    CHECK_INT(RUN("build"), CMD_ERROR);
    memcpy(ground.state, old, sizeof(old));
}

int
main(void)
{
    CHECK_RUN(build_refuses_to_replace_without_force);
    CHECK_RUN(diff_says_what_and_exits_with_one);
    CHECK_RUN(accept_takes_only_what_is_named);
    CHECK_RUN(accept_of_all_equals_a_fresh_build);
    CHECK_RUN(accept_of_nothing_new_leaves_the_file_alone);
    CHECK_RUN(a_damaged_baseline_is_refused_and_left_as_it_is);
    CHECK_RUN(show_prints_rows_and_escapes_names);
    CHECK_RUN(a_baseline_that_cannot_be_written_is_an_error);
    ground_close();
    return check_result();
}
