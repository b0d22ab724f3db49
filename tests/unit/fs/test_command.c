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
static bool without_rights; /* as the user nobody */

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
        if (without_rights && (setgid(65534) < 0 || setuid(65534) < 0)) {
            _exit(99);
        }
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
    PRINTED(" directories, 1 link, 0 others; ");
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
accept_takes_a_tree_that_is_gone_and_a_rename(void)
{
    prepare();
    ground_mkdir("dir/sub");
    ground_write("dir/sub/deep", "");
    CHECK_INT(RUN("build"), CMD_CLEAN);
    CHECK_INT(rename(ground_path("dir"), ground_path("moved")), 0);
    CHECK_INT(RUN("accept", ground_path("dir")), CMD_CLEAN);
    PRINTED("4 differences accepted");
    CHECK_INT(RUN("diff"), CMD_FINDINGS);
    PRINTED("4 differences in ");
    CHECK_INT(RUN("accept", ground_path("moved"), ground.tree), CMD_CLEAN);
    CHECK_INT(RUN("diff"), CMD_CLEAN);
    CHECK_INT(rename(ground_path("moved"), ground_path("dir")), 0);
    CHECK_INT(RUN("accept", ground_path("dir"), ground_path("moved"), ground_path("nothing")), CMD_CLEAN);
    PRINTED("8 differences accepted");
}

static void
accept_keeps_what_is_in_a_directory_that_cannot_be_listed_and_says_so(void)
{
    if (geteuid() != 0) {
        printf("skipped: needs root to make directories that it cannot list itself\n");
        return;
    }
    prepare();
    chmod(ground.state, 0777);
    without_rights = true;
    CHECK_INT(RUN("build"), CMD_CLEAN);
    chmod(ground_path("dir"), 0700);
    chmod(ground_path("other"), 0600);
    CHECK_INT(RUN("diff"), CMD_ERROR);
    PRINTED("2 differences in ");
    PRINTED("tree/dir: cannot be listed; what is at and below it is not compared\n");
    CHECK_INT(RUN("accept", ground.tree), CMD_CLEAN);
    PRINTED("2 differences accepted");
    PRINTED("tree/dir: cannot be listed; what is at and below it stays as the baseline has it\n");
    chmod(ground_path("dir"), 0755);
    CHECK_INT(RUN("diff"), CMD_FINDINGS);
    PRINTED("tree/dir mode=0700>0755");
    PRINTED("1 difference in ");
    without_rights = false;
}

static void
a_dry_run_of_accept_writes_nothing(void)
{
    uint8_t before[WIRE_HASH_SIZE], after[WIRE_HASH_SIZE];

    prepare();
    CHECK_INT(RUN("build"), CMD_CLEAN);
    root_of_baseline(before);
    chmod(ground_path("other"), 0666);
    CHECK_INT(RUN("accept", "--dry-run", ground_path("other")), CMD_CLEAN);
    PRINTED("other mode=0644>0666\n1 difference to accept");
    root_of_baseline(after);
    CHECK_MEM(before, after, WIRE_HASH_SIZE);
    CHECK_INT(RUN("accept", "--dry-run"), CMD_ERROR);
}

static void
a_baseline_of_an_older_version_is_refused_with_what_to_do(void)
{
    prepare();
    CHECK_INT(RUN("build"), CMD_CLEAN);
    char path[120];
    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    int fd = open(path, O_WRONLY);
    CHECK_INT(pwrite(fd, "TOCSINBL\2", 9, 0), 9);
    close(fd);
    CHECK_INT(RUN("diff"), CMD_ERROR);
    PRINTED("not a baseline, or one of before version 3: `tocsin baseline build --force` makes it anew");
    CHECK_INT(RUN("build", "--force"), CMD_CLEAN);
}

static void
an_export_is_imported_to_the_same_root(void)
{
    uint8_t before[WIRE_HASH_SIZE], after[WIRE_HASH_SIZE];
    char text[100], path[120];

    prepare();
    snprintf(text, sizeof(text), "%s/text", ground.dir);
    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    CHECK_INT(RUN("build"), CMD_CLEAN);
    root_of_baseline(before);
    CHECK_INT(RUN("export", text), CMD_CLEAN);
    CHECK_STR(printed, "");
    CHECK_INT(RUN("import", text), CMD_ERROR);
    PRINTED("--force");
    CHECK_INT(unlink(path), 0);
    CHECK_INT(RUN("import", text), CMD_CLEAN);
    PRINTED("root ");
    root_of_baseline(after);
    CHECK_MEM(before, after, WIRE_HASH_SIZE);
    CHECK_INT(RUN("export"), CMD_CLEAN);
    CHECK(strncmp(printed, "#mtree\n", 7) == 0);
    CHECK_INT(truncate(text, 200), 0);
    CHECK_INT(RUN("import", text, "--force"), CMD_ERROR);
    PRINTED("text: line ");
    root_of_baseline(after);
    CHECK_MEM(before, after, WIRE_HASH_SIZE);
    CHECK_INT(RUN("export", "/nonexistent/text"), CMD_ERROR);
    CHECK_INT(RUN("import", "/nonexistent/text", "--force"), CMD_ERROR);
    CHECK_INT(RUN("import"), CMD_ERROR);
}

static void
an_export_never_takes_the_place_of_the_baseline(void)
{
    uint8_t before[WIRE_HASH_SIZE], after[WIRE_HASH_SIZE];
    char path[120], text[100];

    prepare();
    snprintf(path, sizeof(path), "%s/baseline", ground.state);
    snprintf(text, sizeof(text), "%s/text", ground.dir);
    CHECK_INT(RUN("build"), CMD_CLEAN);
    root_of_baseline(before);
    CHECK_INT(symlink(path, text), 0);
    CHECK_INT(RUN("export", path), CMD_ERROR);
    CHECK_INT(RUN("export", text), CMD_ERROR);
    PRINTED("cannot be written");
    CHECK_INT(RUN("diff"), CMD_CLEAN);
    root_of_baseline(after);
    CHECK_MEM(before, after, WIRE_HASH_SIZE);
}

/* A reader of mtree(5) that is not ours. */
static void
an_export_is_read_by_bsdtar(void)
{
    char command[400], line[400] = "", text[100];
    unsigned lines = 0;
    bool found = false;

    if (system("bsdtar --version >/dev/null 2>&1") != 0) {
        printf("skipped: bsdtar (libarchive-tools) is not installed\n");
        return;
    }
    prepare();
    snprintf(text, sizeof(text), "%s/text", ground.dir);
    ground_write("a b#c=\\d,\377", "");
    CHECK_INT(mkfifo(ground_path("fifo"), 0600), 0);
    CHECK_INT(RUN("build"), CMD_CLEAN);
    CHECK_INT(RUN("export", text), CMD_CLEAN);
    snprintf(command, sizeof(command), "bsdtar -tvf '%s' 2>&1", text);
    FILE *listing = popen(command, "r");
    while (fgets(line, sizeof(line), listing) != NULL) {
        lines++;
        found = found ||
                (strstr(line, "/tree/a b#c=\\\\d,\\377") != NULL && strncmp(line, "-rw-r--r--", 10) == 0);
        CHECK(strncmp(line, "bsdtar", 6) != 0);
    }
    CHECK_INT(pclose(listing), 0);
    CHECK(found);
    CHECK_INT(RUN("show"), CMD_CLEAN);
    snprintf(line, sizeof(line), "%u entries of ", lines);
    PRINTED(line);
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
    CHECK_RUN(accept_takes_a_tree_that_is_gone_and_a_rename);
    CHECK_RUN(accept_keeps_what_is_in_a_directory_that_cannot_be_listed_and_says_so);
    CHECK_RUN(a_dry_run_of_accept_writes_nothing);
    CHECK_RUN(a_baseline_of_an_older_version_is_refused_with_what_to_do);
    CHECK_RUN(an_export_is_imported_to_the_same_root);
    CHECK_RUN(an_export_never_takes_the_place_of_the_baseline);
    CHECK_RUN(an_export_is_read_by_bsdtar);
    CHECK_RUN(show_prints_rows_and_escapes_names);
    CHECK_RUN(a_baseline_that_cannot_be_written_is_an_error);
    ground_close();
    return check_result();
}
