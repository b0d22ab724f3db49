#include "alarm/finding.h"
#include "wire/escape.h"
#include "wire/hash.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VALUE_COLUMNS 160

struct code_row {
    const char *name;
    const char *over;
    enum finding_source source;
    enum wire_severity severity;
};

/* clang-format off */
static const struct code_row codes[FINDING_CODES] = {
    [FINDING_INTEGRITY_CHANGED] = { "integrity.changed", "integrity.ok", FINDING_FILES,   WIRE_CRIT },
    [FINDING_INTEGRITY_ADDED]   = { "integrity.added",   "integrity.ok", FINDING_FILES,   WIRE_ERRO },
    [FINDING_INTEGRITY_GONE]    = { "integrity.gone",    "integrity.ok", FINDING_FILES,   WIRE_CRIT },
    [FINDING_INTEGRITY_SETUID]  = { "integrity.setuid",  "integrity.ok", FINDING_FILES,   WIRE_CRIT },
    [FINDING_INTEGRITY_KEYS]    = { "integrity.keys",    "integrity.ok", FINDING_FILES,   WIRE_CRIT },
    [FINDING_INTEGRITY_SUDOERS] = { "integrity.sudoers", "integrity.ok", FINDING_FILES,   WIRE_CRIT },
    [FINDING_INTEGRITY_PRELOAD] = { "integrity.preload", "integrity.ok", FINDING_FILES,   WIRE_CRIT },
    [FINDING_INTEGRITY_ACCOUNTS] = { "integrity.accounts", "integrity.ok", FINDING_FILES, WIRE_CRIT },
    [FINDING_PACKAGE_RUNNING]   = { "package.running",   "package.ok",   FINDING_PACKAGES, WIRE_NOTE },
    [FINDING_PACKAGE_CHANGED]   = { "package.changed",   "package.ok",   FINDING_PACKAGES, WIRE_WARN },
    [FINDING_INTEGRITY_MANY]    = { "integrity.many",    "integrity.ok", FINDING_FILES,   WIRE_CRIT },
    [FINDING_PORT_UNEXPECTED]   = { "port.unexpected",   "port.ok",      FINDING_PORTS,   WIRE_ALRT },
    [FINDING_PORT_GONE]         = { "port.gone",         "port.ok",      FINDING_PORTS,   WIRE_ERRO },
    [FINDING_PORT_WRONG]        = { "port.wrong",        "port.ok",      FINDING_PORTS,   WIRE_ALRT },
    [FINDING_DAEMON_DOWN]       = { "daemon.down",       "daemon.up",    FINDING_DAEMONS, WIRE_CRIT },
    [FINDING_DAEMON_IMAGE]      = { "daemon.image",      "daemon.up",    FINDING_DAEMONS, WIRE_CRIT },
    [FINDING_DAEMON_STOPPED]    = { "daemon.stopped",    "daemon.up",    FINDING_DAEMONS, WIRE_CRIT },
    [FINDING_DAEMON_RESTARTED]  = { "daemon.restarted",  "daemon.restarted", FINDING_DAEMONS, WIRE_NOTE },
    [FINDING_DAEMON_RESTARTS]   = { "daemon.restarts",   "daemon.restarts", FINDING_DAEMONS, WIRE_WARN },
    [FINDING_MOUNT_RW]          = { "mount.rw",          "mount.ok",     FINDING_MOUNTS,  WIRE_CRIT },
    [FINDING_MOUNT_GONE]        = { "mount.gone",        "mount.ok",     FINDING_MOUNTS,  WIRE_CRIT },
    [FINDING_MOUNT_ADDED]       = { "mount.added",       "mount.ok",     FINDING_MOUNTS,  WIRE_ERRO },
    [FINDING_MOUNT_CHANGED]     = { "mount.changed",     "mount.ok",     FINDING_MOUNTS,  WIRE_ERRO },
    [FINDING_PROCESS_HIDDEN]    = { "process.hidden",    "process.ok",   FINDING_PROCESSES, WIRE_ALRT },
    [FINDING_PROCESS_DISGUISED] = { "process.disguised", "process.ok",   FINDING_PROCESSES, WIRE_ALRT },
    [FINDING_PROCESS_FILELESS]  = { "process.fileless",  "process.ok",   FINDING_PROCESSES, WIRE_CRIT },
    [FINDING_PROCESS_HELD]      = { "process.held",      "process.ok",   FINDING_PROCESSES, WIRE_ALRT },
    [FINDING_PORT_HIDDEN]       = { "port.hidden",       "port.ok",      FINDING_PROCESSES, WIRE_ALRT },
    [FINDING_LINK_PROMISCUOUS]  = { "link.promiscuous",  "link.ok",      FINDING_SYSTEM,  WIRE_CRIT },
    [FINDING_FIREWALL_CHANGED]  = { "firewall.changed",  "firewall.changed", FINDING_SYSTEM, WIRE_ERRO },
    [FINDING_KERNEL_TAINTED]    = { "kernel.tainted",    "kernel.ok",    FINDING_SYSTEM,  WIRE_CRIT },
    [FINDING_MODULE_LOADED]     = { "module.loaded",     "module.loaded", FINDING_SYSTEM, WIRE_WARN },
    [FINDING_MODULE_TAINTED]    = { "module.tainted",    "module.ok",    FINDING_SYSTEM,  WIRE_CRIT },
    [FINDING_MODULE_HIDDEN]     = { "module.hidden",     "module.ok",    FINDING_SYSTEM,  WIRE_ALRT },
    [FINDING_ACCOUNT_ROOT]      = { "account.root",      "account.ok",   FINDING_SYSTEM,  WIRE_ALRT },
    [FINDING_ACCOUNT_OPEN]      = { "account.open",      "account.ok",   FINDING_SYSTEM,  WIRE_CRIT },
    [FINDING_PRELOAD_SET]       = { "preload.set",       "preload.ok",   FINDING_SYSTEM,  WIRE_ALRT },
    [FINDING_DISK_FULL]         = { "disk.full",         "disk.ok",      FINDING_SYSTEM,  WIRE_ERRO },
    [FINDING_LOAD_HIGH]         = { "load.high",         "load.ok",      FINDING_SYSTEM,  WIRE_ERRO },
    [FINDING_ROUTE_LOST]        = { "route.lost",        "route.back",   FINDING_NET,     WIRE_ERRO },
    [FINDING_ROUTE_CHANGED]     = { "route.changed",     "route.changed", FINDING_NET,    WIRE_WARN },
    [FINDING_NET_LOST]          = { "net.lost",          "net.back",     FINDING_NET,     WIRE_CRIT },
    [FINDING_TIME_STEP]         = { "time.step",         "time.step",    FINDING_NET,     WIRE_WARN },
    [FINDING_PROTECTOR_LATE]    = { "protector.late",    "protector.ok", FINDING_PROTECTORS, WIRE_ERRO },
    [FINDING_CHANNEL_LOST]      = { "channel.lost",      "channel.back", FINDING_SELF,    WIRE_ERRO },
    [FINDING_CHANNEL_TAMPERED]  = { "channel.tampered",  "channel.back", FINDING_SELF,    WIRE_CRIT },
    [FINDING_CHANNEL_OPENER]    = { "channel.tampered",  "channel.back", FINDING_PROCESSES, WIRE_CRIT },
    [FINDING_AGENT_SELF]        = { "agent.self",        "agent.self",   FINDING_SELF,    WIRE_CRIT },
};
/* clang-format on */

const char *
finding_code_name(enum finding_code code)
{
    return codes[code].name;
}

const char *
finding_code_over(enum finding_code code)
{
    return codes[code].over;
}

bool
finding_folds(const struct finding *f)
{
    switch ((enum finding_code)f->code) {
    case FINDING_INTEGRITY_CHANGED:
    case FINDING_INTEGRITY_ADDED:
    case FINDING_INTEGRITY_GONE:
        return f->severity > WIRE_ALRT && f->op != FINDING_EVENT;
    default:
        return false;
    }
}

void
finding_begin(struct finding *f, enum finding_code code, const char *key, const void *subject, size_t len)
{
    struct wire_hasher h;
    uint8_t digest[WIRE_HASH_SIZE];

    memset(f, 0, sizeof(*f));
    f->op = FINDING_OPEN;
    f->code = (uint8_t)code;
    f->source = (uint8_t)codes[code].source;
    f->severity = (uint8_t)codes[code].severity;
    wire_hash_init(&h);
    wire_hash_update(&h, &f->source, 1);
    wire_hash_update(&h, key, strlen(key) + 1);
    wire_hash_update(&h, subject, len);
    wire_hash_final(&h, digest);
    memcpy(f->id, digest, sizeof(f->id));
    finding_add(f, key, subject, len);
}

void
finding_pass(struct finding *f, enum finding_source source, enum finding_op op)
{
    memset(f, 0, sizeof(*f));
    f->op = (uint8_t)op;
    f->source = (uint8_t)source;
    f->severity = WIRE_INFO;
}

static void
append_token(struct finding *f, const char *key, const char *value)
{
    size_t room = sizeof(f->text) - f->text_len;
    int n = snprintf(f->text + f->text_len, room, "%s%s=%s", f->text_len > 0 ? " " : "", key, value);

    if (n < 0 || (size_t)n >= room || f->text_len + (size_t)n > FINDING_TEXT) {
        f->text[f->text_len] = '\0';
        return;
    }
    f->text_len = (uint16_t)(f->text_len + (size_t)n);
}

void
finding_add(struct finding *f, const char *key, const void *value, size_t len)
{
    char escaped[VALUE_COLUMNS + 1];

    wire_escape(escaped, sizeof(escaped), value, len, WIRE_ESCAPE_VALUE);
    append_token(f, key, escaped);
}

void
finding_addf(struct finding *f, const char *key, const char *format, ...)
{
    char value[VALUE_COLUMNS + 1];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    if (n > 0) {
        append_token(f, key, value);
    }
}

void
finding_aside(struct finding *f)
{
    if (f->trouble_len == 0) {
        f->trouble_len = f->text_len;
    }
}

static size_t
trouble_len(const struct finding *f)
{
    return f->trouble_len != 0 ? f->trouble_len : f->text_len;
}

bool
finding_same_trouble(const struct finding *a, const struct finding *b)
{
    return a->code == b->code && trouble_len(a) == trouble_len(b) &&
           memcmp(a->text, b->text, trouble_len(a)) == 0;
}

bool
finding_valid(const void *message, size_t len)
{
    struct finding f;

    if (len != sizeof(f)) {
        return false;
    }
    memcpy(&f, message, sizeof(f));
    if (f.op >= FINDING_OPS || f.source >= FINDING_SOURCES || f.code >= FINDING_CODES ||
            f.severity >= WIRE_SEVERITIES || f.text_len > FINDING_TEXT || f.trouble_len > f.text_len) {
        return false;
    }
    return f.text[f.text_len] == '\0' && (f.text_len == 0 || wire_detail_valid(f.text, f.text_len));
}
