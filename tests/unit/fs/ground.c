#include "ground.h"
#include "conf/attrs.h"
#include "watch/baseline.h"
#include "wire/escape.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ground ground;
const char *ground_base = "/tmp";
struct finding ground_heard[GROUND_FINDINGS];
int ground_count;

static void
hear(void *to, const struct finding *f)
{
    (void)to;
    if (ground_count == GROUND_FINDINGS) {
        /* The older half goes: tests ask for what came last. */
        ground_count /= 2;
        memcpy(ground_heard, ground_heard + ground_count, (size_t)ground_count * sizeof(*f));
    }
    ground_heard[ground_count++] = *f;
}

static void
alive(void *to)
{
    (void)to;
}

static int
remove_all(const char *name)
{
    char command[200];

    snprintf(command, sizeof(command), "chmod -R u+rwX '%s' 2>/dev/null; rm -rf '%s'", name, name);
    return system(command);
}

void
ground_close(void)
{
    if (ground.dir[0] != '\0' && remove_all(ground.dir) != 0) {
        fprintf(stderr, "%s is left\n", ground.dir);
    }
    ground.dir[0] = '\0';
}

void
ground_open(void)
{
    char config[160];

    ground_close();
    umask(022);
    snprintf(ground.dir, sizeof(ground.dir), "%s/tocsin-fs-XXXXXX", ground_base);
    if (mkdtemp(ground.dir) == NULL || chmod(ground.dir, 0755) < 0) {
        perror("mkdtemp");
        exit(1);
    }
    snprintf(ground.tree, sizeof(ground.tree), "%s/tree", ground.dir);
    snprintf(ground.state, sizeof(ground.state), "%s/state", ground.dir);
    snprintf(config, sizeof(config), "%s/tocsin.conf", ground.dir);
    mkdir(ground.tree, 0755);
    mkdir(ground.state, 0755);
    conf_init(&ground.conf, config, ground.state);
    ground_watch(0, ground.tree);
    ground.env = (struct detector_env){ .conf = &ground.conf, .report = hear, .alive = alive };
    ground_forget();
}

void
ground_watch(unsigned i, const char *path)
{
    struct conf_watch *watch = &ground.conf.watch[i];

    memset(watch, 0, sizeof(*watch));
    snprintf(watch->path, sizeof(watch->path), "%s", path);
    watch->attrs = conf_builtin(0)->attrs;
    ground.conf.watches = i + 1;
}

const char *
ground_path(const char *name)
{
    static char buffer[4][8192];
    static unsigned turn;
    char *out = buffer[turn++ % 4];

    snprintf(out, sizeof(buffer[0]), "%s%s%s", ground.tree, *name != '\0' ? "/" : "", name);
    return out;
}

void
ground_write(const char *name, const char *text)
{
    int fd = open(ground_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0) {
        perror(name);
    }
}

void
ground_mkdir(const char *name)
{
    if (mkdir(ground_path(name), 0755) < 0) {
        perror(name);
    }
}

static struct baseline_writer writer;

static void
take(void *to, enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    (void)to;
    (void)verdict;
    (void)was;
    (void)differs;
    baseline_write_entry(&writer, now);
}

bool
ground_baseline(void)
{
    static struct fs_roots roots;
    static struct fs_walk walk;
    static struct fs_pass pass;
    static const struct baseline none;
    uint8_t root[WIRE_HASH_SIZE];

    if (walk.arena == NULL && fs_walk_map(&walk, FS_WALK_ARENA) < 0) {
        return false;
    }
    pass.base = &none;
    pass.roots = &roots;
    pass.walk = &walk;
    pass.read_all = true;
    pass.told = take;
    if (!fs_roots_init(&roots, &ground.conf, NULL) ||
            baseline_write_begin(&writer, ground.state, "ground", 1) < 0) {
        return false;
    }
    fs_pass_begin(&pass, roots.root, roots.count);
    while (fs_pass_step(&pass)) {
    }
    return baseline_write_end(&writer, root) == 0;
}

int
ground_check(void)
{
    int open = 0;

    ground_forget();
    if (detector_files_ops.check(&ground.env) < 0) {
        return -1;
    }
    for (int i = 0; i < ground_count; i++) {
        open += ground_heard[i].op == FINDING_OPEN;
    }
    return open;
}

void
ground_forget(void)
{
    ground_count = 0;
}

static const struct finding *
last(const char *text, bool aside)
{
    size_t len = strlen(text);

    for (int i = ground_count - 1; i >= 0; i--) {
        const char *heard = ground_heard[i].text;

        if (strncmp(heard, text, len) == 0 && (heard[len] == '\0' || heard[len] == ' ') &&
                (!aside || ground_heard[i].trouble_len != 0)) {
            return &ground_heard[i];
        }
    }
    return NULL;
}

const struct finding *
ground_begins(const char *text)
{
    return last(text, false);
}

static const struct finding *
about(const char *name, bool aside)
{
    char escaped[161], text[200];
    const char *path = ground_path(name);

    wire_escape(escaped, sizeof(escaped), path, strlen(path), WIRE_ESCAPE_VALUE);
    snprintf(text, sizeof(text), "path=%s", escaped);
    return last(text, aside);
}

const struct finding *
ground_about(const char *name)
{
    return about(name, false);
}

const char *
ground_says(const char *name, enum finding_code code)
{
    static char said[4][FINDING_TEXT + 2];
    static unsigned turn;
    const struct finding *f = ground_about(name);

    if (f == NULL || f->op != FINDING_OPEN || f->code != code) {
        return "";
    }
    size_t len = f->trouble_len != 0 ? f->trouble_len : f->text_len;
    const char *blank = memchr(f->text, ' ', len);
    if (blank == NULL) {
        return "nothing";
    }
    char *out = said[turn++ % 4];
    snprintf(out, sizeof(said[0]), "%.*s", (int)(len - (size_t)(blank + 1 - f->text)), blank + 1);
    return out;
}

const char *
ground_aside(const char *name)
{
    const struct finding *f = about(name, true);

    return f != NULL ? f->text + f->trouble_len : "";
}
