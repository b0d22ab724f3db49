/* What the kernel's text says, and what is said about it: no mount is made here. */
#include "support/check.h"
#include "watch/mounts_judge.h"

#define ROOT "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"

static struct mounts_table table;
static const struct mounts_device no_device;
static struct finding last;

static void
read_text(const char *text)
{
    mounts_table_read(&table, text, strlen(text));
}

static bool
parses(const char *line, struct mount_line *out)
{
    static char store[512];
    size_t used = 0;
    bool fine = mounts_line_parse(line, strlen(line), store, &used, out);

    CHECK(used <= strlen(line));
    return fine;
}

static void
a_line_is_read_field_by_field(void)
{
    struct mount_line m = { .id = 0 };

    CHECK(parses("36 35 98:7 /mnt1 /a\\040b\\134c ro,nosuid,noexec master:1 shared:7 - ext3 /dev/r\\011t "
                 "rw,errors=ro,ro,emergency_ro",
            &m));
    CHECK_INT(m.id, 36);
    CHECK_INT(m.parent, 35);
    CHECK_INT(m.major, 98);
    CHECK_INT(m.minor, 7);
    CHECK_STR(m.root, "/mnt1");
    CHECK_STR(m.point, "/a b\\c");
    CHECK_STR(m.type, "ext3");
    CHECK_STR(m.source, "/dev/r\tt");
    CHECK_INT(m.options, MOUNT_RO | MOUNT_NOSUID | MOUNT_NOEXEC);
    CHECK_INT(m.super_options, MOUNT_EMERGENCY_RO); /* "ro" counts as the first word only */
}

static void
a_line_without_tags_or_source_is_read_as_well(void)
{
    struct mount_line m = { .id = 0 };

    CHECK(parses("36 35 0:45 / /a rw - tmpfs  ro", &m));
    CHECK_STR(m.source, "");
    CHECK_INT(m.super_options, MOUNT_RO);
}

static void
a_line_that_is_cut_anywhere_is_not_read(void)
{
    static const char line[] = "36 35 98:0 /m /a\\040b rw,nodev master:1 - ext3 /dev/root rw";
    struct mount_line m;
    char store[sizeof(line)];
    size_t used;

    for (size_t len = 0; len < sizeof(line) - 1; len++) {
        CHECK(!mounts_line_parse(line, len, store, &used, &m));
    }
    CHECK(mounts_line_parse(line, sizeof(line) - 1, store, &used, &m));
}

static void
a_line_that_the_kernel_does_not_write_is_not_read(void)
{
    static const char *const lines[] = {
        "36 35 98 / /a rw - ext3 s rw",
        "-36 35 98:0 / /a rw - ext3 s rw",
        "4294967296 35 98:0 / /a rw - ext3 s rw",
        "36 35 98:0 / a rw - ext3 s rw",
        "36 35 98:0 / /a\\000b rw - ext3 s rw",
        "36 35 98:0 / /a\\0b rw - ext3 s rw",
        "36 35 98:0 / /a\\480b rw - ext3 s rw",
        "36 35 98:0 / /a relatime - ext3 s rw",
        "36 35 98:0 / /a rw -- ext3 s rw",
        "36 35 98:0 / /a rw - ext3 s rw more",
    };
    struct mount_line m;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        CHECK(!parses(lines[i], &m));
    }
    read_text(ROOT "nonsense\n2 1 0:9 / /a rw - tmpfs t rw\n3 1 0:9 / /cut rw - tmp");
    CHECK_INT(table.count, 2);
    CHECK_INT(table.left_out, 2);
}

static const char *
type_at(const char *path)
{
    const struct mount_line *m = mounts_table_at(&table, path);

    return m != NULL ? m->type : "none";
}

static void
a_path_leads_to_the_mount_that_a_process_would_see(void)
{
    read_text("5 4 0:5 / /m/in rw - inner i rw\n" ROOT "4 1 0:4 / /m rw - below b rw\n"
              "6 4 0:6 / /m rw - above a rw\n7 1 0:7 / /mm rw - other o rw\n8 1 0:8 / / rw - cover c rw\n");
    CHECK_STR(type_at("/"), "ext4");
    CHECK_STR(type_at("/m"), "above");
    CHECK_STR(type_at("/m/in"), "above"); /* the inner one is hidden below it */
    CHECK_STR(type_at("/mm/x"), "other");
    CHECK_STR(type_at("/mx"), "ext4");
    read_text("");
    CHECK_STR(type_at("/"), "none");
    read_text("1 2 0:1 / / rw - a a rw\n2 1 0:1 / / rw - b b rw\n"); /* no text of a kernel */
    CHECK_STR(type_at("/x"), "none");
}

/* The code of what is found about /m when it is as `line` says; -1 when nothing is. */
static int
found(const char *options, const struct mounts_device *device, const char *lines)
{
    struct conf_mount want = { .path = "/m" };
    char text[1024];

    want.read_only = strncmp(options, "ro", 2) == 0;
    for (unsigned bit = 0; conf_mount_option(bit) != NULL; bit++) {
        want.options =
                (uint8_t)(want.options | (strstr(options, conf_mount_option(bit)) != NULL ? 1u << bit : 0));
    }
    snprintf(text, sizeof(text), ROOT "%s", lines);
    read_text(text);
    if (!mounts_judge(&table, &want, device, &last)) {
        return -1;
    }
    CHECK(finding_valid(&last, sizeof(last)));
    CHECK_INT(last.source, FINDING_MOUNTS);
    return last.code;
}

#define LINE(options, super) "4 1 8:2 / /m " options " - ext4 /dev/sda2 " super "\n"

static void
each_layer_that_is_writable_is_named(void)
{
    const struct mounts_device ro = { .state = DEVICE_RO };
    const struct mounts_device rw = { .state = DEVICE_RW };

    CHECK_INT(found("ro", &rw, LINE("ro", "ro")), -1);
    CHECK_INT(found("ro", &rw, LINE("rw", "rw")), FINDING_MOUNT_RW);
    CHECK_STR(last.text, "path=/m layer=mount,superblock from=/dev/sda2");
    CHECK_INT(found("ro", &rw, LINE("ro", "rw")), FINDING_MOUNT_RW);
    CHECK_STR(last.text, "path=/m layer=superblock from=/dev/sda2");
    CHECK_INT(found("ro", &rw, LINE("rw", "ro")), FINDING_MOUNT_RW);
    CHECK_STR(last.text, "path=/m layer=mount from=/dev/sda2");
    CHECK_INT(found("ro bind", &rw, LINE("ro", "rw")), -1);
    CHECK_INT(found("ro bind", &rw, LINE("rw", "ro")), FINDING_MOUNT_RW);
    CHECK_INT(found("ro device", &ro, LINE("ro", "ro")), -1);
    CHECK_INT(found("ro device", &rw, LINE("ro", "ro")), FINDING_MOUNT_RW);
    CHECK_STR(last.text, "path=/m layer=device from=/dev/sda2");
    CHECK_INT(found("ro device", &no_device, LINE("ro", "ro")), FINDING_MOUNT_RW);
    CHECK_STR(last.text, "path=/m layer=no-device from=/dev/sda2");
}

static void
options_that_miss_and_errors_are_a_change(void)
{
    const struct mounts_device errors = { .state = DEVICE_RW, .errors = 3 };

    CHECK_INT(found("rw", &no_device, LINE("rw", "rw")), -1);
    CHECK_INT(found("rw nosuid nodev noexec", &no_device, LINE("rw,nosuid,nodev,noexec", "rw")), -1);
    CHECK_INT(found("rw nosuid nodev noexec", &no_device, LINE("rw,nodev", "rw")), FINDING_MOUNT_CHANGED);
    CHECK_STR(last.text, "path=/m missing=nosuid,noexec from=/dev/sda2");
    CHECK_INT(found("rw", &no_device, LINE("ro", "rw")), FINDING_MOUNT_CHANGED);
    CHECK_STR(last.text, "path=/m state=ro from=/dev/sda2");
    CHECK_INT(found("rw", &no_device, LINE("rw", "rw,emergency_ro")), FINDING_MOUNT_CHANGED);
    CHECK_STR(last.text, "path=/m state=ro why=errors errors=0 from=/dev/sda2");
    CHECK_INT(found("rw", &errors, LINE("rw", "rw")), FINDING_MOUNT_CHANGED);
    CHECK_STR(last.text, "path=/m why=errors errors=3 from=/dev/sda2");
    CHECK_INT(found("ro", &no_device, LINE("ro", "rw,emergency_ro")), FINDING_MOUNT_CHANGED);
}

static void
what_is_not_there_or_covered_is_gone(void)
{
    CHECK_INT(found("ro", &no_device, ""), FINDING_MOUNT_GONE);
    CHECK_STR(last.text, "path=/m why=unmounted");
    CHECK_INT(found("ro", &no_device, LINE("ro", "ro") "5 4 0:9 / /m ro - tmpfs e\\0401 ro\n"),
            FINDING_MOUNT_GONE);
    CHECK_STR(last.text, "path=/m why=overmounted fs=tmpfs from=e%201");
    struct conf_mount inner = { .path = "/n/m", .read_only = true };

    read_text(ROOT "4 1 8:2 / /n/m ro - ext4 /dev/sda2 ro\n5 1 0:9 / /n rw - tmpfs t rw\n");
    CHECK(mounts_judge(&table, &inner, &no_device, &last));
    CHECK_STR(last.text, "path=/n/m why=overmounted at=/n fs=tmpfs from=t");
}

static void
an_automount_point_and_a_mount_over_itself_are_not_covered(void)
{
    CHECK_INT(found("ro", &no_device, "3 1 0:8 / /m rw - autofs systemd-1 rw\n4 3 8:2 / /m ro - ext4 s ro\n"),
            -1);
    CHECK_INT(found("ro bind", &no_device, LINE("rw", "rw") "5 4 8:2 / /m ro - ext4 /dev/sda2 rw\n"), -1);
}

int
main(void)
{
    CHECK_RUN(a_line_is_read_field_by_field);
    CHECK_RUN(a_line_without_tags_or_source_is_read_as_well);
    CHECK_RUN(a_line_that_is_cut_anywhere_is_not_read);
    CHECK_RUN(a_line_that_the_kernel_does_not_write_is_not_read);
    CHECK_RUN(a_path_leads_to_the_mount_that_a_process_would_see);
    CHECK_RUN(each_layer_that_is_writable_is_named);
    CHECK_RUN(options_that_miss_and_errors_are_a_change);
    CHECK_RUN(what_is_not_there_or_covered_is_gone);
    CHECK_RUN(an_automount_point_and_a_mount_over_itself_are_not_covered);
    return check_result();
}
