/* What is collected of real objects of the kernel, what of it is compared, and in what words it is told. */
#include "ground.h"
#include "support/check.h"
#include "watch/baseline_format.h"
#include "watch/fs_codes.h"
#include "watch/fs_finding.h"
#include "watch/fs_look.h"
#include "watch/fs_words.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ALL UINT32_MAX
#define WITHOUT_TIMES (ALL & ~(CONF_ATTR_MTIME | CONF_ATTR_CTIME))

/* An entry that outlives the look it came from. */
struct kept {
    struct baseline_entry e;
    uint8_t xattrs[BASELINE_XATTRS_MAX];
    char link[PATH_MAX];
};

static struct kept before, after;
static char said[1024];

static bool
keep(struct kept *k, const char *path, bool read)
{
    static struct fs_look look;
    bool there = fs_look(&look, AT_FDCWD, path);

    if (there && read) {
        while (!fs_look_step(&look)) {
        }
    }
    k->e = look.now;
    memcpy(k->xattrs, look.now.xattrs, look.now.xattrs_len);
    k->e.xattrs = k->xattrs;
    if (look.now.link_len > 0) {
        memcpy(k->link, look.now.link, look.now.link_len);
        k->e.link = (const uint8_t *)k->link;
    }
    return there;
}

static void
collect(void *to, const char *key, const char *value)
{
    size_t len = strlen(said);

    (void)to;
    snprintf(said + len, sizeof(said) - len, "%s%s=%s", len > 0 ? " " : "", key, value);
}

/* The difference between the two entries in words. */
static const char *
differs(uint32_t attrs)
{
    unsigned bits = fs_compare(&before.e, &after.e, false, attrs);

    said[0] = '\0';
    if (bits != 0) {
        fs_tokens(FS_CHANGED, &before.e, &after.e, bits, collect, NULL);
    }
    return said;
}

static bool
needs_root(const char *what)
{
    if (geteuid() != 0) {
        printf("skipped: needs root for %s\n", what);
    }
    return geteuid() == 0;
}

static void
file_before(const char *name)
{
    ground_open();
    ground_write(name, "text");
    CHECK(keep(&before, ground_path(name), false));
}

/* VFS_CAP_REVISION_2, effective, permitted cap_net_raw. */
static const uint8_t net_raw[20] = { 1, 0, 0, 2, 0, 0x20 };

static void
a_capability_is_told_by_name(void)
{
    if (!needs_root("capabilities")) {
        return;
    }
    file_before("tool");
    CHECK_INT(setxattr(ground_path("tool"), "security.capability", net_raw, sizeof(net_raw), 0), 0);
    CHECK(keep(&after, ground_path("tool"), false));
    CHECK_STR(differs(WITHOUT_TIMES), "caps=none>cap_net_raw+ep");
    CHECK_STR(differs(CONF_ATTR_CAPS), "caps=none>cap_net_raw+ep");
    CHECK_STR(differs(ALL & ~(CONF_ATTR_CAPS | CONF_ATTR_CTIME)), "");
    said[0] = '\0';
    fs_tokens(FS_ADDED, NULL, &after.e, 0, collect, NULL);
    CHECK_STR(said, "type=file mode=0644 owner=0:0 caps=none>cap_net_raw+ep");
}

static void
an_acl_is_told_by_what_differs(void)
{
    /* u::rw-, u:33:rw-, g::r--, m::rw-, o::r-- */
    uint8_t acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 6, 0, 33, 0, 0, 0, 4, 0, 4, 0, 255,
        255, 255, 255, 0x10, 0, 6, 0, 255, 255, 255, 255, 0x20, 0, 4, 0, 255, 255, 255, 255 };

    file_before("file");
    if (setxattr(ground_path("file"), "system.posix_acl_access", acl, sizeof(acl), 0) < 0) {
        printf("skipped: no ACLs here: %s\n", strerror(errno));
        return;
    }
    CHECK(keep(&after, ground_path("file"), false));
    CHECK_STR(differs(CONF_ATTR_ACL), "acl=none>u::rw-,u:33:rw-,g::r--,m::rw-,o::r--");
    before = after;
    before.e.xattrs = before.xattrs;
    acl[14] = 7;
    CHECK_INT(setxattr(ground_path("file"), "system.posix_acl_access", acl, sizeof(acl), 0), 0);
    CHECK(keep(&after, ground_path("file"), false));
    CHECK_STR(differs(CONF_ATTR_ACL), "acl=u:33:rw->u:33:rwx");
}

/* Where no SELinux is, any label is taken from root; the kernel's own has a zero at its end. */
static bool
set_label(const char *label)
{
    return setxattr(ground_path("file"), "security.selinux", label, strlen(label) + 1, 0) == 0;
}

static void
a_label_of_selinux_is_told_as_it_was_and_as_it_is(void)
{
    if (!needs_root("labels")) {
        return;
    }
    file_before("file");
    CHECK(ground_baseline());
    if (!set_label("system_u:object_r:bin_t:s0")) {
        printf("skipped: no labels here: %s\n", strerror(errno));
        return;
    }
    CHECK_INT(ground_check(), 1);
    CHECK_STR(ground_says("file", FINDING_INTEGRITY_CHANGED), "selinux=none>system_u:object_r:bin_t:s0");
    CHECK(ground_baseline());
    CHECK_INT(ground_check(), 0);
    CHECK(set_label("system_u:object_r:tmp t:s0"));
    CHECK_INT(ground_check(), 1);
    CHECK_STR(ground_says("file", FINDING_INTEGRITY_CHANGED),
            "selinux=system_u:object_r:bin_t:s0>system_u:object_r:tmp%20t:s0");
    CHECK(keep(&after, ground_path("file"), false));
    CHECK_STR(differs(WITHOUT_TIMES & ~CONF_ATTR_SELINUX), "");
}

static bool
set_flags(const char *path, int flags)
{
    int fd = open(path, O_RDONLY);
    bool done = fd >= 0 && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return done;
}

static void
flags_of_chattr_are_told(void)
{
    if (!needs_root("file flags")) {
        return;
    }
    file_before("file");
    if (!set_flags(ground_path("file"), FS_IMMUTABLE_FL | FS_NODUMP_FL)) {
        printf("skipped: no flags here: %s\n", strerror(errno));
        return;
    }
    CHECK(keep(&after, ground_path("file"), false));
    CHECK(set_flags(ground_path("file"), 0));
    CHECK_STR(differs(WITHOUT_TIMES), "flags=none>immutable+nodump");
    CHECK_STR(differs(WITHOUT_TIMES & ~CONF_ATTR_FLAGS), "");
}

static void
attributes_of_a_link_are_its_own(void)
{
    if (!needs_root("attributes of links")) {
        return;
    }
    ground_open();
    ground_write("target", "text");
    CHECK_INT(symlink("target", ground_path("link")), 0);
    CHECK(keep(&before, ground_path("link"), false));
    CHECK_INT(setxattr(ground_path("target"), "trusted.t", "1", 1, 0), 0);
    CHECK(keep(&after, ground_path("link"), false));
    CHECK_STR(differs(WITHOUT_TIMES), "");
    CHECK_INT(lsetxattr(ground_path("link"), "trusted.l", "1", 1, 0), 0);
    CHECK(keep(&after, ground_path("link"), false));
    CHECK_STR(differs(WITHOUT_TIMES), "xattr=trusted.l:added");
}

static void
other_attributes_are_told_by_name_and_the_rest_counted(void)
{
    file_before("file");
    if (setxattr(ground_path("file"), "user.b", "1", 1, 0) < 0) {
        printf("skipped: no attributes here: %s\n", strerror(errno));
        return;
    }
    setxattr(ground_path("file"), "user.c", "1", 1, 0);
    CHECK(keep(&before, ground_path("file"), false));
    removexattr(ground_path("file"), "user.b");
    setxattr(ground_path("file"), "user.c", "2", 1, 0);
    setxattr(ground_path("file"), "user.a a", "", 0, 0);
    CHECK(keep(&after, ground_path("file"), false));
    CHECK_STR(differs(CONF_ATTR_XATTRS), "xattr=user.a%20a:added,user.b:gone,user.c:changed");
    setxattr(ground_path("file"), "user.d", "1", 1, 0);
    setxattr(ground_path("file"), "user.e", "1", 1, 0);
    CHECK(keep(&after, ground_path("file"), false));
    CHECK_STR(differs(CONF_ATTR_XATTRS), "xattr=user.a%20a:added,user.b:gone,user.c:changed,+2");
    CHECK_STR(differs(WITHOUT_TIMES & ~CONF_ATTR_XATTRS), "");
}

static void
a_value_of_64_kib_is_kept_as_its_digest(void)
{
    static uint8_t value[65536];
    char path[] = "/dev/shm/tocsin-fs-XXXXXX";
    int fd = needs_root("trusted attributes") ? mkstemp(path) : -1;

    if (fd < 0) {
        return;
    }
    CHECK(keep(&before, path, false));
    if (fsetxattr(fd, "trusted.long", value, sizeof(value), 0) == 0) {
        CHECK(keep(&after, path, false));
        CHECK_INT(after.e.xattrs_len, 1 + 12 + 1 + 2 + WIRE_HASH_SIZE);
        CHECK_STR(differs(CONF_ATTR_XATTRS), "xattr=trusted.long:added");
        before = after;
        before.e.xattrs = before.xattrs;
        value[65535] = 1;
        CHECK_INT(fsetxattr(fd, "trusted.long", value, sizeof(value), 0), 0);
        CHECK(keep(&after, path, false));
        CHECK_STR(differs(CONF_ATTR_XATTRS), "xattr=trusted.long:changed");
    } else {
        printf("skipped: %s takes no long attribute: %s\n", path, strerror(errno));
    }
    close(fd);
    unlink(path);
}

/* Their names can be listed by everybody, their values be read by who may read the file. */
static int
attributes_as_nobody(void)
{
    static const uint8_t form[] = "\6user.a\2\0";
    static struct fs_look look;

    if (setgid(65534) < 0 || setuid(65534) < 0 || !fs_look(&look, AT_FDCWD, ground_path("file"))) {
        return 2;
    }
    return look.now.xattrs_len == sizeof(form) && memcmp(look.now.xattrs, form, sizeof(form)) == 0 &&
                           baseline_xattrs_valid(look.now.xattrs, look.now.xattrs_len)
                   ? 0
                   : 1;
}

static void
an_attribute_that_cannot_be_read_is_a_state(void)
{
    int status = -1;

    if (!needs_root("files that others may not read")) {
        return;
    }
    ground_open();
    ground_write("file", "text");
    chmod(ground_path("file"), 0600);
    if (setxattr(ground_path("file"), "user.a", "1", 1, 0) < 0) {
        printf("skipped: no attributes here: %s\n", strerror(errno));
        return;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(attributes_as_nobody());
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

static void
a_file_system_without_attributes_has_none(void)
{
    CHECK(keep(&before, "/proc/self/status", false));
    CHECK_INT(before.e.xattrs_len, 0);
}

/* From here on the two calls are as unknown as before Linux 6.13. */
static bool
hide_new_calls(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 464, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 465, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static void
an_older_kernel_gives_the_same(void)
{
    int status = -1;

    file_before("file");
    if (setxattr(ground_path("file"), "user.a", "1", 1, 0) < 0) {
        printf("skipped: no attributes here: %s\n", strerror(errno));
        return;
    }
    CHECK(keep(&before, ground_path("file"), false));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int dir = open(ground.tree, O_RDONLY | O_DIRECTORY);
        static struct fs_look look;

        if (dir < 0 || !hide_new_calls() || !fs_look(&look, dir, "file")) {
            _exit(2);
        }
        _exit(look.now.xattrs_len == before.e.xattrs_len &&
                                memcmp(look.now.xattrs, before.xattrs, look.now.xattrs_len) == 0
                        ? 0
                        : 1);
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

static void
a_hard_link_a_replacement_and_times_are_told_when_asked_for(void)
{
    const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 86400 } };
    char want[120];

    file_before("file");
    CHECK_INT(link(ground_path("file"), ground_path("other")), 0);
    CHECK_INT(utimensat(AT_FDCWD, ground_path("file"), times, 0), 0);
    CHECK(keep(&before, ground_path("file"), true));
    usleep(30000); /* before Linux 6.13 the times of files go by ticks of the clock */
    unlink(ground_path("file"));
    ground_write("file", "text");
    const struct timespec later[2] = { { .tv_sec = 1 }, { .tv_sec = 86400, .tv_nsec = 1 } };
    CHECK_INT(utimensat(AT_FDCWD, ground_path("file"), later, 0), 0);
    CHECK(keep(&after, ground_path("file"), true));
    snprintf(want, sizeof(want), "links=2>1 inode=%llu>%llu", (unsigned long long)before.e.ino,
            (unsigned long long)after.e.ino);
    CHECK_STR(differs(WITHOUT_TIMES), want);
    CHECK_STR(differs(CONF_ATTR_MTIME), "mtime=19700102T000000.000000000Z>19700102T000000.000000001Z");
    CHECK_STR(differs(conf_builtin(0)->attrs), "");
    before.e.mtime_ns = -1;
    CHECK_STR(differs(CONF_ATTR_MTIME), "mtime=19691231T235959Z>19700102T000000Z");
    CHECK(strncmp(differs(CONF_ATTR_CTIME), "ctime=2", 7) == 0);
}

static void
what_comes_and_goes_in_a_directory_does_not_change_it(void)
{
    ground_open();
    CHECK(keep(&before, ground.tree, false));
    ground_mkdir("dir");
    CHECK(keep(&after, ground.tree, false));
    CHECK(before.e.nlink != after.e.nlink || before.e.mtime_ns != after.e.mtime_ns);
    CHECK_STR(differs(ALL), "");
    chmod(ground.tree, 0700);
    CHECK(keep(&after, ground.tree, false));
    CHECK_STR(differs(ALL), "mode=0755>0700");
}

static void
each_attribute_is_compared_only_when_asked_for(void)
{
    file_before("file");
    CHECK(keep(&before, ground_path("file"), true));
    chmod(ground_path("file"), 0600);
    ground_write("file", "other text");
    CHECK(keep(&after, ground_path("file"), true));
    CHECK_STR(differs(CONF_ATTR_MODE), "mode=0644>0600");
    CHECK_STR(differs(CONF_ATTR_SIZE), "size=4>10");
    CHECK(strncmp(differs(CONF_ATTR_CONTENT), "size=4>10 was=", 14) == 0);
    CHECK_STR(differs(CONF_ATTR_TYPE | CONF_ATTR_OWNER | CONF_ATTR_LINK), "");
    CHECK_STR(differs(0), "");
}

static void
what_was_not_read_is_not_compared(void)
{
    file_before("file");
    CHECK_INT(before.e.state, BASELINE_UNREAD);
    ground_write("file", "texx");
    CHECK(keep(&after, ground_path("file"), true));
    CHECK_INT(after.e.state, BASELINE_READ);
    CHECK_STR(differs(conf_builtin(0)->attrs), "");
    CHECK(!fs_needs_content(&before.e, &after.e, &(struct fs_rule){ .attrs = CONF_ATTR_CONTENT }));
}

static void
another_type_is_told_to_who_asks_for_content(void)
{
    file_before("file");
    unlink(ground_path("file"));
    CHECK_INT(mkdir(ground_path("file"), 0755), 0);
    CHECK(keep(&after, ground_path("file"), false));
    CHECK_STR(differs(CONF_ATTR_CONTENT), "type=file>dir");
    CHECK_STR(differs(CONF_ATTR_OWNER), "");
}

static struct fs_xattr
xattr_of(const void *value, size_t len)
{
    return (struct fs_xattr){ .value = value, .value_len = (uint16_t)len, .kind = FS_XATTR_WHOLE };
}

static const char *
caps_words(const void *value, size_t len)
{
    static char words[FS_WORDS];
    struct fs_xattr x = xattr_of(value, len);

    fs_caps_words(&x, words);
    return words;
}

static void
capabilities_are_named_grouped_and_numbered(void)
{
    uint8_t v2[20] = { 0, 0, 0, 2, 1, 0, 0, 0, 2 };
    uint8_t v3[24] = { 1, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 1, 0, 0, 0, 0, 0, 0, 0xE8, 3 };

    CHECK_STR(caps_words(v2, sizeof(v2)), "cap_chown+p;cap_dac_override+i");
    v2[8] = 1;
    CHECK_STR(caps_words(v2, sizeof(v2)), "cap_chown+ip");
    v2[0] = 1;
    v2[4] = 0;
    CHECK_STR(caps_words(v2, sizeof(v2)), "cap_chown+ei");
    CHECK_STR(caps_words(v3, sizeof(v3)), "0x1ffffffffff+ep[rootid:1000]");
    memset(v2 + 4, 0, 16);
    CHECK_STR(caps_words(v2, sizeof(v2)), "empty");
    for (size_t len = 0; len < sizeof(v2); len++) {
        CHECK_STR(caps_words(v2, len), "invalid");
    }
    CHECK_STR(caps_words(v3, sizeof(v2)), "invalid");
    v2[3] = 1;
    CHECK_STR(caps_words(v2, sizeof(v2)), "invalid");
}

static void
an_acl_too_long_for_a_line_is_cut_between_entries(void)
{
    uint8_t bytes[4 + 20 * 8] = { 2 };
    char words[FS_WORDS];

    for (size_t i = 0; i < 20; i++) {
        memcpy(bytes + 4 + i * 8, (const uint8_t[]){ 8, 0, 5, 0, (uint8_t)i, 0, 0, 0x80 }, 8);
    }
    struct fs_xattr acl = xattr_of(bytes, sizeof(bytes)), short_one = xattr_of(bytes, sizeof(bytes) - 8);
    fs_acl_words(&acl, NULL, words);
    CHECK_STR(words, "g:2147483648:r-x,g:2147483649:r-x,g:2147483650:r-x..");
    fs_acl_words(&acl, &short_one, words);
    CHECK_STR(words, "g:2147483667:r-x");
    fs_acl_words(&short_one, &acl, words);
    CHECK_STR(words, "less");
    short_one.value_len--;
    fs_acl_words(&short_one, &acl, words);
    CHECK_STR(words, "invalid");
}

/* ---- codes ---- */

static enum finding_code
code_of(const char *path, enum fs_verdict verdict)
{
    struct baseline_entry was = { .path = (const uint8_t *)path, .path_len = (uint16_t)strlen(path) };

    return fs_code(verdict, verdict == FS_ADDED ? NULL : &was, verdict == FS_GONE ? NULL : &was);
}

static void
what_lets_somebody_in_is_told_as_such(void)
{
    static const struct {
        const char *path;
        enum finding_code code;
    } paths[] = { { "/root/.ssh/authorized_keys", FINDING_INTEGRITY_KEYS },
        { "/home/eve/.ssh/authorized_keys2", FINDING_INTEGRITY_KEYS },
        { "/home/eve/.ssh/known_hosts", FINDING_INTEGRITY_CHANGED },
        { "/home/eve/ssh/authorized_keys", FINDING_INTEGRITY_CHANGED },
        { "/etc/ssh/authorized_keys.d/eve", FINDING_INTEGRITY_KEYS },
        { "/etc/sudoers", FINDING_INTEGRITY_SUDOERS }, { "/etc/sudoers.d/90-eve", FINDING_INTEGRITY_SUDOERS },
        { "/etc/sudoers.dist", FINDING_INTEGRITY_CHANGED },
        { "/etc/ld.so.preload", FINDING_INTEGRITY_PRELOAD }, { "/etc/passwd", FINDING_INTEGRITY_ACCOUNTS },
        { "/etc/passwd-", FINDING_INTEGRITY_CHANGED }, { "/etc/gshadow", FINDING_INTEGRITY_ACCOUNTS } };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        bool plain = paths[i].code == FINDING_INTEGRITY_CHANGED;

        CHECK_INT(code_of(paths[i].path, FS_CHANGED), paths[i].code);
        CHECK_INT(code_of(paths[i].path, FS_ADDED), plain ? FINDING_INTEGRITY_ADDED : paths[i].code);
        CHECK_INT(code_of(paths[i].path, FS_GONE), FINDING_INTEGRITY_GONE);
    }
}

static void
new_rights_of_a_file_are_told_as_such(void)
{
    struct baseline_entry was = { .path = (const uint8_t *)"/x", .path_len = 2, .mode = 0755 }, now = was;

    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_CHANGED);
    now.mode = 04755;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_SETUID);
    CHECK_INT(fs_code(FS_ADDED, NULL, &now), FINDING_INTEGRITY_SETUID);
    was.mode = 02755;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_SETUID);
    was.mode = 06755;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_CHANGED);
    was.uid = 1;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_SETUID);
    now.mode = 0755;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_CHANGED);
    now.xattrs = (const uint8_t *)"\x13security.capability\0\0\0";
    now.xattrs_len = 23;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_SETUID);
    was = now;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_CHANGED);
    now.type = was.type = BASELINE_DIR;
    now.mode = 02755;
    CHECK_INT(fs_code(FS_CHANGED, &was, &now), FINDING_INTEGRITY_CHANGED);
}

int
main(void)
{
    CHECK_RUN(a_capability_is_told_by_name);
    CHECK_RUN(an_acl_is_told_by_what_differs);
    CHECK_RUN(a_label_of_selinux_is_told_as_it_was_and_as_it_is);
    CHECK_RUN(flags_of_chattr_are_told);
    CHECK_RUN(attributes_of_a_link_are_its_own);
    CHECK_RUN(other_attributes_are_told_by_name_and_the_rest_counted);
    CHECK_RUN(a_value_of_64_kib_is_kept_as_its_digest);
    CHECK_RUN(an_attribute_that_cannot_be_read_is_a_state);
    CHECK_RUN(a_file_system_without_attributes_has_none);
    CHECK_RUN(an_older_kernel_gives_the_same);
    CHECK_RUN(a_hard_link_a_replacement_and_times_are_told_when_asked_for);
    CHECK_RUN(what_comes_and_goes_in_a_directory_does_not_change_it);
    CHECK_RUN(each_attribute_is_compared_only_when_asked_for);
    CHECK_RUN(what_was_not_read_is_not_compared);
    CHECK_RUN(another_type_is_told_to_who_asks_for_content);
    CHECK_RUN(capabilities_are_named_grouped_and_numbered);
    CHECK_RUN(an_acl_too_long_for_a_line_is_cut_between_entries);
    CHECK_RUN(what_lets_somebody_in_is_told_as_such);
    CHECK_RUN(new_rights_of_a_file_are_told_as_such);
    ground_close();
    return check_result();
}
