#include "cmd/cmd.h"
#include "conf/plural.h"
#include "watch/portlook.h"
#include "wire/escape.h"
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define NAME 64
#define FAULTS 4096
#define OUTPUT 65536

static struct port_fault faults[FAULTS];
static unsigned fault_count;

/* "?" for a holder that cannot be seen. */
static const char *
exe_path(const struct owner *owner)
{
    const struct owner_exe *exe = owner != NULL ? owners_exe(owner->exe) : NULL;

    return exe != NULL ? exe->path : "?";
}

/* The escaped base name; the last one is kept, since most machines have few programs and many ports. */
static const char *
name_of(const char *path)
{
    static const char *of;
    static char name[NAME];

    if (of != path) {
        const char *base = procfs_base(path);

        wire_escape(name, sizeof(name), base, strlen(base), WIRE_ESCAPE_VALUE);
        of = path;
    }
    return name;
}

/* Where one port's text is put together: one call of stdio a port. */
struct text {
    char at[256];
    size_t len;
};

static void
put(struct text *t, const char *s)
{
    while (*s != '\0' && t->len < sizeof(t->at)) {
        t->at[t->len++] = *s++;
    }
}

static void
flush(struct text *t)
{
    fwrite(t->at, 1, t->len, stdout);
    t->len = 0;
}

static void
put_number(struct text *t, enum conf_proto proto, uint32_t port)
{
    char number[CONF_NUMBER];
    char digits[12] = "";
    size_t at = sizeof(digits) - 1;

    if (proto == CONF_PACKET || port == 0) {
        put(t, conf_port_number(proto, port, number));
        return;
    }
    for (uint32_t n = port; n > 0; n /= 10) {
        digits[--at] = (char)('0' + n % 10);
    }
    put(t, digits + at);
}

/* "22 ", "udp/53 ", "tcp/80@web ", with a blank before all but the first. */
static void
put_port(struct text *t, bool *first, enum conf_proto proto, uint32_t port, const char *netns)
{
    put(t, *first ? "" : " ");
    if (proto != CONF_TCP || netns[0] != '\0') {
        put(t, conf_proto_name(proto));
        put(t, "/");
    }
    put_number(t, proto, port);
    if (netns[0] != '\0') {
        put(t, "@");
        put(t, cmd_text(netns));
    }
    put(t, " ");
    *first = false;
}

static void
print_expected(const struct conf *conf)
{
    struct text t;
    bool first = true;

    t.len = 0;
    for (unsigned i = 0; i < conf->ports; i++) {
        const struct conf_port *p = &conf->port[i];

        put_port(&t, &first, (enum conf_proto)p->proto, p->port, p->netns);
        for (unsigned n = 0; n < p->processes; n++) {
            put(&t, n > 0 ? "," : "");
            put(&t, name_of(p->process[n]));
            flush(&t);
        }
    }
    if (first) {
        fputs("none", stdout);
    }
}

struct listing {
    const struct portlook *look;
    enum conf_proto proto;
    bool first;
};

static bool
named_before(const struct book *b, const uint16_t *rows, unsigned row, unsigned owner)
{
    const char *name = procfs_base(exe_path(&b->owned[rows[row]].owner[owner]));

    for (unsigned r = 0; r <= row; r++) {
        const struct owned *o = &b->owned[rows[r]];

        for (unsigned i = 0; i < (r == row ? owner : o->count); i++) {
            if (strcmp(procfs_base(exe_path(&o->owner[i])), name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* A port with each of its holders' names once; "-" when no process holds it, "?" when it cannot be seen. */
static void
print_actual_port(void *to, uint32_t port, const struct book *b, const uint16_t *rows, unsigned count)
{
    struct listing *l = to;
    struct text t;
    bool any = false;

    t.len = 0;
    put_port(&t, &l->first, l->proto, port, netspaces_name(b->sockets.row[rows[0]].net));
    for (unsigned r = 0; r < count; r++) {
        const struct owned *o = &b->owned[rows[r]];

        for (unsigned i = 0; i < o->count; i++) {
            if (!named_before(b, rows, r, i)) {
                put(&t, any ? "," : "");
                put(&t, name_of(exe_path(&o->owner[i])));
                flush(&t);
                any = true;
            }
        }
    }
    if (!any) {
        put(&t, l->look->denied > 0 ? "?" : "-");
    }
    flush(&t);
}

static void
print_actual(struct portlook *look)
{
    struct listing l = { .look = look, .first = true };

    for (int i = 0; i < CONF_PROTOS; i++) {
        l.proto = (enum conf_proto)i;
        portjudge_each(&look->judge, l.proto, print_actual_port, &l);
    }
    if (l.first) {
        fputs("none", stdout);
    }
}

/* The user's name, or the number as text. Looked up once for a run of the same. */
static const char *
user_name(uint32_t uid)
{
    static char name[NAME];
    static uint32_t of;

    if (name[0] == '\0' || of != uid) {
        const struct passwd *user = getpwuid(uid);

        if (user != NULL) {
            wire_escape(name, sizeof(name), user->pw_name, strlen(user->pw_name), WIRE_ESCAPE_TEXT);
        } else {
            snprintf(name, sizeof(name), "%u", uid);
        }
        of = uid;
    }
    return name;
}

static void
print_unit(int32_t pid)
{
    char unit[PROCFS_UNIT] = "";
    int proc = procfs_open();

    if (proc >= 0 && procfs_unit(proc, pid, unit) == 0 && unit[0] != '\0') {
        printf(", unit %s", cmd_text(unit));
    }
    if (proc >= 0) {
        close(proc);
    }
}

static void
print_holder(const struct port_fault *f)
{
    char address[SOCKETS_ADDRESS];

    if (f->owner != NULL) {
        printf("%s pid %d", cmd_text(exe_path(f->owner)), f->owner->pid);
    } else {
        fputs("no process that can be seen", stdout);
    }
    if (f->row->uid != SOCKETS_NO_UID) {
        printf(", user %s", user_name(f->row->uid));
    }
    printf(", address %s", sockets_address(f->row, address));
    if (f->owner != NULL) {
        print_unit(f->owner->pid);
    }
    putchar('\n');
}

static void
print_list(const struct conf_port *expected)
{
    for (unsigned n = 0; n < expected->processes; n++) {
        printf("%s%s", n > 0 ? " or " : "", cmd_text(expected->process[n]));
    }
}

static void
print_wrong(const struct port_fault *f)
{
    char place[CONF_PLACE];

    switch (f->reason) {
    case PORT_BY_HOLDER:
        fputs("is held by the wrong program: expected ", stdout);
        print_list(f->expected);
        break;
    case PORT_BY_ADDRESS:
        printf("is bound to the wrong address: expected %s", conf_port_place(f->expected, place));
        break;
    case PORT_BY_USER:
        printf("was opened by the wrong user: expected %s", cmd_text(f->expected->user));
        break;
    case PORT_BY_UNIT:
        printf("is held in the wrong unit: expected %s", cmd_text(f->expected->unit));
        break;
    }
    fputs(", found ", stdout);
    print_holder(f);
}

static void
print_fault(const struct port_fault *f)
{
    char subject[PORTJUDGE_SUBJECT];

    printf("%s ", cmd_text(portjudge_fault_subject(f, subject)));
    switch (f->verdict) {
    case PORT_UNEXPECTED:
        fputs("is open and should not be: ", stdout);
        print_holder(f);
        return;
    case PORT_GONE:
        fputs("is not open: expected ", stdout);
        print_list(f->expected);
        putchar('\n');
        return;
    case PORT_WRONG:
        print_wrong(f);
        return;
    }
}

static void
keep_fault(void *to, const struct port_fault *f)
{
    (void)to;
    if (fault_count < FAULTS) {
        faults[fault_count] = *f;
    }
    fault_count++;
}

static void
print_notes(const struct portlook *look)
{
    const char *ask = geteuid() != 0 ? " (ask as root)" : "";

    if (look->judge.unknown > 0) {
        printf("note: the holders of %u listed port%s cannot be seen%s\n", look->judge.unknown,
                plural_s(look->judge.unknown), ask);
    }
    if (look->netns_denied) {
        printf("note: some network namespaces cannot be looked into%s\n", ask);
    }
    if (look->judge.vsock_unlisted) {
        puts("note: this kernel cannot list its vsock sockets (it has no vsock_diag)");
    }
}

static void
print_text(const struct conf *conf, struct portlook *look)
{
    bool danger = fault_count > 0;

    printf("%sExpected open ports and processes:%s", danger ? "DANGER!\nDANGER! " : "",
            danger ? "\nDANGER! " : " ");
    print_expected(conf);
    printf("%sActual open ports and processes:%s", danger ? "\nDANGER!\nDANGER! " : "\n",
            danger ? "\nDANGER! " : "   ");
    print_actual(look);
    puts(danger ? "\nDANGER!!!" : "\nOK");
    for (unsigned i = 0; i < fault_count && i < FAULTS; i++) {
        print_fault(&faults[i]);
    }
    if (fault_count > FAULTS) {
        printf("and %u more\n", fault_count - FAULTS);
    }
    print_notes(look);
}

/* The subject as JSON text, with its quotes. */
static void
json_subject(const char *subject)
{
    fputs("{\"port\": ", stdout);
    cmd_json_string(subject);
}

static void
json_uid(const struct socket_row *row)
{
    if (row->uid != SOCKETS_NO_UID) {
        printf(", \"uid\": %u", row->uid);
    }
}

static void
json_port(void *to, uint32_t port, const struct book *b, const uint16_t *rows, unsigned count)
{
    struct listing *l = to;
    char subject[PORTJUDGE_SUBJECT];
    char address[SOCKETS_ADDRESS];

    for (unsigned r = 0; r < count; r++) {
        const struct socket_row *row = &b->sockets.row[rows[r]];
        const struct owned *o = &b->owned[rows[r]];

        fputs(l->first ? "\n  " : ",\n  ", stdout);
        json_subject(portjudge_subject(l->proto, port, netspaces_name(row->net), subject));
        printf(", \"address\": \"%s\"", sockets_address(row, address));
        json_uid(row);
        fputs(", \"holders\": [", stdout);
        l->first = false;
        for (unsigned i = 0; i < o->count; i++) {
            printf("%s{\"pid\": %d, \"exe\": ", i > 0 ? ", " : "", o->owner[i].pid);
            cmd_json_string(exe_path(&o->owner[i]));
            putchar('}');
        }
        fputs("]}", stdout);
    }
}

static void
json_text(const char *key, const char *value)
{
    if (value[0] != '\0') {
        printf(", \"%s\": ", key);
        cmd_json_string(value);
    }
}

static void
json_conditions(const struct conf_port *p)
{
    char place[CONF_PLACE];

    json_text("place", p->on != CONF_ADDRESS_ANY ? conf_port_place(p, place) : "");
    json_text("user", p->user);
    json_text("unit", p->unit);
}

static void
json_expected(const struct conf *conf)
{
    fputs("\"expected\": [", stdout);
    for (unsigned i = 0; i < conf->ports; i++) {
        const struct conf_port *p = &conf->port[i];
        char subject[PORTJUDGE_SUBJECT];

        fputs(i > 0 ? ",\n  " : "\n  ", stdout);
        portjudge_subject((enum conf_proto)p->proto, p->port, p->netns, subject);
        if (p->port == 0) {
            snprintf(subject, sizeof(subject), "%s/any%s%s", conf_proto_name(p->proto),
                    p->netns[0] != '\0' ? "@" : "", p->netns);
        }
        json_subject(subject);
        json_conditions(p);
        fputs(", \"processes\": [", stdout);
        for (unsigned n = 0; n < p->processes; n++) {
            fputs(n > 0 ? ", " : "", stdout);
            cmd_json_string(p->process[n]);
        }
        fputs("]}", stdout);
    }
    fputs("], ", stdout);
}

static void
json_fault(const struct port_fault *f, bool first)
{
    static const char *const names[] = {
        [PORT_UNEXPECTED] = "unexpected", [PORT_GONE] = "gone", [PORT_WRONG] = "wrong"
    };
    char subject[PORTJUDGE_SUBJECT];
    char address[SOCKETS_ADDRESS];

    static const char *const reasons[] = { [PORT_BY_HOLDER] = "holder",
        [PORT_BY_ADDRESS] = "address",
        [PORT_BY_USER] = "user",
        [PORT_BY_UNIT] = "unit" };

    fputs(first ? "\n  " : ",\n  ", stdout);
    json_subject(portjudge_fault_subject(f, subject));
    printf(", \"finding\": \"%s\"", names[f->verdict]);
    if (f->verdict == PORT_WRONG) {
        printf(", \"reason\": \"%s\"", reasons[f->reason]);
    }
    if (f->row != NULL) {
        json_uid(f->row);
        printf(", \"address\": \"%s\"", sockets_address(f->row, address));
    }
    if (f->owner != NULL) {
        printf(", \"pid\": %d, \"exe\": ", f->owner->pid);
        cmd_json_string(exe_path(f->owner));
    }
    putchar('}');
}

static void
print_json(const struct conf *conf, struct portlook *look, bool judged)
{
    struct listing l = { .look = look, .first = true };

    fputs("{\"schema\": \"tocsin-ports-1\", ", stdout);
    if (judged) {
        json_expected(conf);
    }
    fputs("\"actual\": [", stdout);
    for (int i = 0; i < CONF_PROTOS; i++) {
        l.proto = (enum conf_proto)i;
        portjudge_each(&look->judge, l.proto, json_port, &l);
    }
    putchar(']');
    if (judged) {
        fputs(", \"findings\": [", stdout);
        for (unsigned i = 0; i < fault_count && i < FAULTS; i++) {
            json_fault(&faults[i], i == 0);
        }
        printf("], \"ok\": %s", fault_count == 0 ? "true" : "false");
    }
    puts("}");
}

/* Without a configuration there is nothing to compare with, but still something to show. */
static bool
take_conf(const struct cmd *cmd, struct conf *conf, bool *judged)
{
    if (!cmd_paths(cmd, conf)) {
        return false;
    }
    *judged = access(conf->config_path, F_OK) == 0 || errno != ENOENT;
    return !*judged || cmd_conf(cmd, conf);
}

int
cmd_ports(const struct cmd *cmd)
{
    static struct conf conf;
    static struct portlook look;
    static char output[OUTPUT];
    bool judged = false;

    if (cmd->argc > 0) {
        return cmd_ports_learn(cmd);
    }
    if (!take_conf(cmd, &conf, &judged)) {
        return CMD_ERROR;
    }
    int error = portlook_once(&conf, &look, NULL, NULL);

    if (error != 0) {
        return cmd_error("cannot look at this machine's sockets: %s", strerror(-error));
    }
    (void)setvbuf(stdout, output, _IOFBF, sizeof(output));
    look.judge.fault = keep_fault;
    if (judged) {
        portjudge_run(&look.judge);
    }
    if (cmd->json) {
        print_json(&conf, &look, judged);
    } else if (judged) {
        print_text(&conf, &look);
    } else {
        fputs("Actual open ports and processes: ", stdout);
        print_actual(&look);
        printf("\nnot judged: there is no %s (tocsin init writes one)\n", cmd_text(conf.config_path));
    }
    return fflush(stdout) != 0 ? CMD_ERROR : fault_count > 0 ? CMD_FINDINGS : CMD_CLEAN;
}
