/*
 * The views of kernel and accounts against files that are put in the place of the machine's own, in a mount
 * namespace apart.
 */
#include "apart.h"
#include "notes.h"
#include "watch/views_accounts.h"
#include "watch/views_modules.h"
#include "watch/views_preload.h"
#include "watch/views_taint.h"
#include <errno.h>
#include <sys/stat.h>

#define OFF \
    "View own-processes off\nView full-disks off\nView load off\nView promiscuous off\nView firewall off\n"
#define ACCOUNTS OFF "View kernel-taint off\nView modules off\nView preload off\n"
#define PRELOAD OFF "View kernel-taint off\nView modules off\nView accounts off\n"
#define MODULES OFF "View kernel-taint off\nView accounts off\nView preload off\n"
#define TAINT OFF "View preload off\nView modules off\nView accounts off\n"

static const struct detector_ops *const ops = &detector_system_ops;
static int64_t now_ms;

static void
start(const char *line)
{
    configure(line);
    now_ms = 1000;
    CHECK_INT(ops->open(&env), 0);
}

/* What is due within the next six seconds. */
static void
look(void)
{
    for (int64_t end_ms = now_ms + 6000; now_ms <= end_ms;) {
        int64_t due_ms = ops->work(now_ms);

        now_ms = due_ms > now_ms ? due_ms : now_ms + 1;
    }
}

static unsigned
account(const char *line, bool shadow)
{
    const char *name = NULL;
    size_t len = 0;

    return account_line(line, strlen(line), shadow, &name, &len);
}

static void
an_account_is_read_as_the_libraries_read_it(void)
{
    CHECK_INT(account("root:x:0:0:root:/root:/bin/sh", false), 0);
    CHECK_INT(account("toor:x:0:0::/:/bin/sh", false), ACCOUNT_ROOT);
    CHECK_INT(account("  toor:x:0:0::/:/bin/sh", false), ACCOUNT_ROOT);
    CHECK_INT(account("toor:x:00:0::/:/bin/sh", false), ACCOUNT_ROOT);
    CHECK_INT(account("toor:x:+0:0::/:/bin/sh", false), ACCOUNT_ROOT);
    CHECK_INT(account("toor:x:4294967296:0::/:", false), ACCOUNT_ROOT);
    CHECK_INT(account("toor:x::0::/:/bin/sh", false), ACCOUNT_ROOT);
    CHECK_INT(account("toor:x:0", false), ACCOUNT_ROOT);
    CHECK_INT(account("toor::0:0::/:", false), ACCOUNT_ROOT | ACCOUNT_OPEN);
    CHECK_INT(account("root::0:0::/:", false), ACCOUNT_OPEN);
    CHECK_INT(account("a:x:10:0::/:", false), 0);
    CHECK_INT(account("a:x:0x0:0::/:", false), 0);
    CHECK_INT(account("a::10:0::/:", false), ACCOUNT_OPEN);
    CHECK_INT(account("#toor:x:0:0::/:", false), 0);
    CHECK_INT(account("+::::::", false), 0);
    CHECK_INT(account("", false), 0);
    CHECK_INT(account("toor", false), 0);
    CHECK_INT(account("a::19000:0:99999:7:::", true), ACCOUNT_OPEN);
    CHECK_INT(account("a:!:19000:0:99999:7:::", true), 0);
    CHECK_INT(account("a:*:0:0:99999:7:::", true), 0);
}

static void
see_accounts(void)
{
    CHECK_INT(mount("none", "/etc", "tmpfs", 0, NULL), 0);
    put_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/:/bin/sh\n");
    put_file("/etc/shadow", "root:*:1:::::\nme:!:1:::::\n");
    start(ACCOUNTS "View accounts allow spare");
    look();
    CHECK_INT(noted(FINDING_OPEN, FINDING_ACCOUNT_ROOT, ""), 0);
    put_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nt\x1b[2J:x:0:1::/:/bin/sh\nspare:x:0:0::/:/bin/"
                            "sh\nme:x:1000:1000::/:\n");
    look();
    CHECK(is_open(FINDING_ACCOUNT_ROOT, "account=t%1B[2J uid=0"));
    CHECK_INT(noted(FINDING_OPEN, FINDING_ACCOUNT_ROOT, "spare"), 0);
    put_file("/etc/shadow", "root:*:1:::::\nme::1:::::\n");
    look();
    CHECK(is_open(FINDING_ACCOUNT_OPEN, "account=me password=none"));
    put_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/:\n");
    look();
    CHECK(!is_open(FINDING_ACCOUNT_ROOT, "account=t%1B[2J"));
    CHECK(is_open(FINDING_ACCOUNT_OPEN, "account=me"));
    CHECK_INT(unlink("/etc/shadow"), 0);
    look();
    CHECK(is_open(FINDING_AGENT_SELF, "source=/etc/shadow state=unreadable"));
}

static void
a_new_name_for_root_is_told_until_it_is_gone(void)
{
    (void)apart(CLONE_NEWNS, see_accounts);
}

static void
words_of_the_preload_list_are_those_the_loader_takes(void)
{
    static const char text[] = "# no /lib/a.so\n/lib/b.so:/lib/c.so\t/lib/d.so#/lib/e.so\n\n /lib/f.so";
    static const char *const want[] = { "/lib/b.so", "/lib/c.so", "/lib/d.so", "/lib/f.so" };
    const char *at = text;
    const char *word;

    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        size_t len = preload_word(&at, text + strlen(text), &word);

        CHECK_INT(len, strlen(want[i]));
        CHECK_MEM(word, want[i], strlen(want[i]));
    }
    CHECK_INT(preload_word(&at, text + strlen(text), &word), 0);
}

static void
see_a_preload(void)
{
    CHECK_INT(mount("none", "/etc", "tmpfs", 0, NULL), 0);
    start(PRELOAD "View preload allow /lib/snoopy.so");
    look();
    CHECK_INT(noted(FINDING_OPEN, FINDING_PRELOAD_SET, ""), 0);
    put_file("/etc/ld.so.preload", "/lib/snoopy.so /lib/evil.so\n");
    look();
    CHECK(is_open(FINDING_PRELOAD_SET, "preload=/lib/evil.so"));
    CHECK_INT(noted(FINDING_OPEN, FINDING_PRELOAD_SET, "snoopy"), 0);
    CHECK_INT(unlink("/etc/ld.so.preload"), 0);
    look();
    CHECK(!is_open(FINDING_PRELOAD_SET, "preload=/lib/evil.so"));
    CHECK_INT(mkfifo("/etc/ld.so.preload", 0600), 0);
    look();
    CHECK(is_open(FINDING_AGENT_SELF, "source=preload_list state=unreadable"));
}

static void
a_preloaded_library_is_told_until_it_is_gone(void)
{
    (void)apart(CLONE_NEWNS, see_a_preload);
}

/* Over the kernel's own; written in place, as the view keeps the file open. */
static void
see_taint(void)
{
    static const char flags[] = "/proc/sys/kernel/tainted";
    char path[] = "/tmp/tocsin-taint-XXXXXX";
    int fd = mkstemp(path);

    CHECK_INT(pwrite(fd, "512\n", 4, 0), 4); /* W */
    CHECK_INT(mount(path, flags, NULL, MS_BIND, NULL), 0);
    start(TAINT "View kernel-taint allow E");
    look();
    CHECK_INT(noted(FINDING_EVENT, FINDING_KERNEL_TAINTED, ""), 0);
    CHECK_INT(noted(FINDING_OPEN, FINDING_KERNEL_TAINTED, ""), 0);
    CHECK_INT(pwrite(fd, "12928\n", 6, 0), 6); /* D, W, O and E */
    look();
    look();
    CHECK(is_open(FINDING_KERNEL_TAINTED, "flag=O bit=12 means=foreign_module"));
    CHECK_INT(noted(FINDING_OPEN, FINDING_KERNEL_TAINTED, "flag=E"), 0);
    CHECK_INT(noted(FINDING_EVENT, FINDING_KERNEL_TAINTED, "flag=D bit=7 means=oops"), 1);
    CHECK_INT(noted(FINDING_EVENT, FINDING_KERNEL_TAINTED, ""), 1);
    CHECK_INT(umount2(flags, MNT_DETACH), 0);
    close(fd);
    unlink(path);
}

static void
a_flag_that_comes_is_told_and_one_of_foreign_code_stays_open(void)
{
    CHECK_INT(taint_letter(12), 'O');
    CHECK_INT(taint_letter(63), '?');
    (void)apart(CLONE_NEWNS, see_taint);
}

static void
a_line_of_the_module_list_is_read_or_refused(void)
{
    static const char *const bad[] = { "", "x", "x y 0 - Live 0x0", "x 1", "x 1 0 -", " 1 0 - Live 0x0",
        "a123456789012345678901234567890123456789012345678901234567890123 1 0 - Live 0x0" };
    struct module_line m;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!module_line_parse(bad[i], strlen(bad[i]), &m));
    }
    static const char own[] = "nft_compat 20480 1 - Live 0x0000000000000000";
    static const char foreign[] = "evil 1 2 a,b,[permanent], Loading 0x0000000000000000 (OE+)";

    CHECK(module_line_parse(own, strlen(own), &m));
    CHECK_STR(m.name, "nft_compat");
    CHECK_STR(m.taints, "");
    CHECK_INT(m.size, 20480);
    CHECK(m.live);
    CHECK(module_line_parse(foreign, strlen(foreign), &m));
    CHECK_STR(m.taints, "OE");
    CHECK(!m.live);
}

static char dir[] = "/tmp/tocsin-modules-XXXXXX";

static const char *
at(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
    return out;
}

static void
show(const char *name, bool loaded)
{
    char file[64];

    snprintf(file, sizeof(file), "sys/%s", name);
    CHECK(mkdir(at(file), 0755) == 0 || errno == EEXIST);
    if (loaded) {
        snprintf(file, sizeof(file), "sys/%s/initstate", name);
        put_file(at(file), "live\n");
    }
}

static void
unshow(const char *name)
{
    char file[64];

    snprintf(file, sizeof(file), "sys/%s/initstate", name);
    CHECK_INT(unlink(at(file)), 0);
}

static struct views views;
static const char first_modules[] = "ext4 1 0 - Live 0x0\nnvidia 1 0 - Live 0x0 (POE)\n";

static void
look_at_modules(void)
{
    int64_t due_ms = 0;

    now_ms += 5000;
    for (int i = 0; i < 10 && due_ms != VIEW_DONE; i++) {
        due_ms = views_modules_ops.look(&views, now_ms);
        now_ms += 100;
    }
}

static void
modules_are_told_when_new_foreign_or_in_one_list_only(void)
{
    CHECK(mkdtemp(dir) != NULL);
    CHECK_INT(mkdir(at("sys"), 0755), 0);
    show("builtin", false);
    show("ext4", true);
    show("nvidia", true);
    put_file(at("modules"), first_modules);
    now_ms = VIEWS_BOOT_MS;
    configure("View modules allow nvid*");
    views = (struct views){ .env = env };
    CHECK_INT(modules_open_at(open(dir, O_RDONLY | O_CLOEXEC), open(at("sys"), O_RDONLY | O_CLOEXEC)), 0);
    look_at_modules();
    CHECK_INT(note_count, 0);

    show("xfs", true);
    show("evil", true);
    put_file(at("modules"), "ext4 1 0 - Live 0x0\nxfs 2 0 - Live 0x0\nevil 3 0 - Live 0x0 (OE)\n"
                            "nvidia 1 0 - Live 0x0 (POE)\n");
    look_at_modules();
    CHECK_INT(noted(FINDING_EVENT, FINDING_MODULE_LOADED, "module=xfs size=2"), 1);
    CHECK_INT(noted(FINDING_EVENT, FINDING_MODULE_LOADED, "module=evil size=3 taint=OE"), 1);
    CHECK_INT(noted(FINDING_EVENT, FINDING_MODULE_LOADED, ""), 2);
    CHECK(is_open(FINDING_MODULE_TAINTED, "module=evil taint=OE"));
    CHECK_INT(noted(FINDING_OPEN, FINDING_MODULE_HIDDEN, ""), 0);

    put_file(at("modules"), "ext4 1 0 - Live 0x0\nxfs 2 0 - Live 0x0\nnvidia 1 0 - Live 0x0 (POE)\n");
    look_at_modules();
    CHECK(is_open(FINDING_MODULE_HIDDEN, "module=evil from=list"));
    unshow("xfs");
    now_ms += 60000;
    look_at_modules();
    CHECK(is_open(FINDING_MODULE_HIDDEN, "module=xfs from=sysfs"));

    unshow("evil");
    put_file(at("modules"), "ext4 1 0 - Live 0x0\nnvidia 1 0 - Live 0x0 (POE)\n");
    look_at_modules();
    CHECK(!is_open(FINDING_MODULE_HIDDEN, "module=evil"));
    CHECK(!is_open(FINDING_MODULE_HIDDEN, "module=xfs"));
    put_file(at("modules"), "ext4 1 0 - Live 0x0\nno line\nnvidia 1 0 - Live 0x0 (POE)\n");
    look_at_modules();
    CHECK(is_open(FINDING_AGENT_SELF, "source=modules"));
}

/* A module that both of the kernel's own lists show. */
static bool
first_module(const char *text, char name[MODULE_NAME])
{
    char path[MODULE_NAME + 32];

    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        CHECK_INT(sscanf(line, "%63s", name), 1);
        snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
        if (access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static void
see_hidden_modules(void)
{
    static char list[65536];
    char name[MODULE_NAME], subject[MODULE_NAME + 32], folder[MODULE_NAME + 32];
    int fd = open("/proc/modules", O_RDONLY | O_CLOEXEC);
    size_t len = 0;

    for (ssize_t n; fd >= 0 && (n = read(fd, list + len, sizeof(list) - 1 - len)) > 0;) {
        len += (size_t)n;
    }
    close(fd);
    if (!first_module(list, name)) {
        printf("     left out: this kernel has no module loaded\n");
        return;
    }
    start(MODULES);
    look();
    CHECK_INT(noted(FINDING_OPEN, FINDING_MODULE_HIDDEN, ""), 0);
    snprintf(folder, sizeof(folder), "/sys/module/%s", name);
    CHECK_INT(mount("none", folder, "tmpfs", 0, NULL), 0);
    now_ms += 60000;
    look();
    snprintf(subject, sizeof(subject), "module=%s from=sysfs", name);
    CHECK(is_open(FINDING_MODULE_HIDDEN, subject));
    CHECK_INT(umount(folder), 0);
    now_ms += 60000;
    look();
    CHECK(!is_open(FINDING_MODULE_HIDDEN, subject));

    char *line = strstr(list, name), *next = strchr(line, '\n') + 1;
    memmove(line, next, strlen(next) + 1);
    put_file(at("list"), list);
    CHECK_INT(mount(at("list"), "/proc/modules", NULL, MS_BIND, NULL), 0);
    look();
    snprintf(subject, sizeof(subject), "module=%s from=list", name);
    CHECK(is_open(FINDING_MODULE_HIDDEN, subject));
    CHECK_INT(umount("/proc/modules"), 0);
    look();
    CHECK(!is_open(FINDING_MODULE_HIDDEN, subject));
    CHECK_INT(unlink(at("list")), 0);
    printf("     hidden: %s\n", name);
}

static void
a_module_that_one_of_the_kernels_own_lists_does_not_show_is_told_until_it_does(void)
{
    if (!apart(CLONE_NEWNS, see_hidden_modules)) {
        printf("     left out: no mount namespace of our own\n");
    }
}

static void
modules_that_come_while_the_machine_boots_are_no_news(void)
{
    put_file(at("modules"), first_modules);
    now_ms = VIEWS_BOOT_MS - 50000;
    configure("View modules allow nvid*");
    CHECK_INT(modules_open_at(open(dir, O_RDONLY | O_CLOEXEC), open(at("sys"), O_RDONLY | O_CLOEXEC)), 0);
    look_at_modules();
    show("xfs", true);
    put_file(at("modules"), "ext4 1 0 - Live 0x0\nxfs 2 0 - Live 0x0\nnvidia 1 0 - Live 0x0 (POE)\n");
    look_at_modules();
    now_ms = VIEWS_BOOT_MS;
    look_at_modules();
    CHECK_INT(note_count, 0);
    show("evil", true);
    put_file(at("modules"), "ext4 1 0 - Live 0x0\nxfs 2 0 - Live 0x0\nevil 1 0 - Live 0x0\n"
                            "nvidia 1 0 - Live 0x0 (POE)\n");
    look_at_modules();
    CHECK_INT(noted(FINDING_EVENT, FINDING_MODULE_LOADED, "module=evil"), 1);
    unshow("xfs");
    unshow("evil");
}

static void
clean(void)
{
    static const char *const names[] = { "sys/ext4/initstate", "sys/ext4", "sys/nvidia/initstate",
        "sys/nvidia", "sys/xfs", "sys/evil", "sys/builtin", "sys", "modules" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK_INT(remove(at(names[i])), 0);
    }
    CHECK_INT(rmdir(dir), 0);
}

static void
a_module_and_an_account_of_one_name_are_two_findings(void)
{
    struct finding f;

    views = (struct views){ .env = env };
    note_count = 0;
    finding_begin(&f, FINDING_MODULE_TAINTED, "module", "toor", 4);
    view_found(&views, CONF_VIEW_MODULES, &f);
    finding_begin(&f, FINDING_ACCOUNT_ROOT, "account", "toor", 4);
    view_found(&views, CONF_VIEW_ACCOUNTS, &f);
    CHECK_INT(note_count, 2);
    CHECK(memcmp(notes[0].id, notes[1].id, FINDING_ID_SIZE) != 0);
    view_begin(&views, CONF_VIEW_MODULES);
    view_end(&views, CONF_VIEW_MODULES);
    CHECK(!is_open(FINDING_MODULE_TAINTED, "toor"));
    CHECK(is_open(FINDING_ACCOUNT_ROOT, "toor"));
}

static void
what_finds_no_room_is_told_as_such_and_other_views_have_theirs(void)
{
    struct finding f;
    char name[16];

    views = (struct views){ .env = env };
    note_count = 0;
    for (unsigned i = 0; i <= VIEW_OPEN; i++) {
        snprintf(name, sizeof(name), "m%u", i);
        finding_begin(&f, FINDING_MODULE_TAINTED, "module", name, strlen(name));
        view_found(&views, CONF_VIEW_MODULES, &f);
    }
    CHECK_INT(noted(FINDING_OPEN, FINDING_MODULE_TAINTED, ""), VIEW_OPEN);
    CHECK(is_open(FINDING_AGENT_SELF, "source=views state=too_many"));
    finding_begin(&f, FINDING_ACCOUNT_ROOT, "account", "toor", 4);
    view_found(&views, CONF_VIEW_ACCOUNTS, &f);
    CHECK(is_open(FINDING_ACCOUNT_ROOT, "toor"));
    view_begin(&views, CONF_VIEW_MODULES);
    view_end(&views, CONF_VIEW_MODULES);
    CHECK(!is_open(FINDING_AGENT_SELF, "source=views"));
    CHECK(is_open(FINDING_ACCOUNT_ROOT, "toor"));
}

int
main(void)
{
    CHECK_RUN(an_account_is_read_as_the_libraries_read_it);
    CHECK_RUN(a_new_name_for_root_is_told_until_it_is_gone);
    CHECK_RUN(words_of_the_preload_list_are_those_the_loader_takes);
    CHECK_RUN(a_preloaded_library_is_told_until_it_is_gone);
    CHECK_RUN(a_flag_that_comes_is_told_and_one_of_foreign_code_stays_open);
    CHECK_RUN(a_line_of_the_module_list_is_read_or_refused);
    CHECK_RUN(modules_are_told_when_new_foreign_or_in_one_list_only);
    CHECK_RUN(a_module_that_one_of_the_kernels_own_lists_does_not_show_is_told_until_it_does);
    CHECK_RUN(modules_that_come_while_the_machine_boots_are_no_news);
    clean();
    CHECK_RUN(a_module_and_an_account_of_one_name_are_two_findings);
    CHECK_RUN(what_finds_no_room_is_told_as_such_and_other_views_have_theirs);
    return check_result();
}
