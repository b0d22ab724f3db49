#ifndef ALARM_FINDING_H
#define ALARM_FINDING_H
/*
 * finding - what a detector tells the core, in one fixed-size message
 *
 * A finding is about one subject (a path, a port, a daemon, a mount point) and has an id made from it: the
 * same id is the same finding. A detector tells OPEN whenever it sees the trouble, as often as it likes: the
 * core alarms when something is new and keeps quiet when it is not. It tells CLOSE when it looked and all was
 * well. A sweep is framed by PASS_BEGIN and PASS_END: what was open and was not seen again in the whole pass
 * is closed by the core.
 */
#include "wire/line.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum finding_op {
    FINDING_OPEN,
    FINDING_CLOSE,
    FINDING_EVENT, /* happened once: told, never open */
    FINDING_BRIEF, /* opened and is over already: both are told */
    FINDING_PASS_BEGIN,
    FINDING_PASS_END,
    FINDING_OPS
};

/* Who looked. A pass closes findings of its own source only. */
enum finding_source {
    FINDING_FILES,
    FINDING_PORTS,
    FINDING_DAEMONS,
    FINDING_NET,
    FINDING_MOUNTS,
    FINDING_PROCESSES,
    FINDING_SYSTEM,
    FINDING_PROTECTORS,
    FINDING_PACKAGES, /* has no passes: what the package manager explains of the files */
    FINDING_SELF,
    FINDING_SOURCES
};

enum finding_code {
    FINDING_INTEGRITY_CHANGED,
    FINDING_INTEGRITY_ADDED,
    FINDING_INTEGRITY_GONE,
    FINDING_INTEGRITY_SETUID,   /* a file gives its owner's or its group's rights, or capabilities */
    FINDING_INTEGRITY_KEYS,     /* who may log in by ssh */
    FINDING_INTEGRITY_SUDOERS,  /* who may become another user */
    FINDING_INTEGRITY_PRELOAD,  /* what is loaded into each program */
    FINDING_INTEGRITY_ACCOUNTS, /* users, passwords and groups */
    FINDING_PACKAGE_RUNNING,    /* findings about files wait for the package manager */
    FINDING_PACKAGE_CHANGED,    /* files are not as in the baseline, but as a package brought them */
    FINDING_INTEGRITY_MANY,     /* made by the core: stands for those under a directory */
    FINDING_PORT_UNEXPECTED,
    FINDING_PORT_GONE,
    FINDING_PORT_WRONG, /* a right port, held by the wrong program */
    FINDING_DAEMON_DOWN,
    FINDING_DAEMON_IMAGE,     /* what it runs is not the file on disk, or no file at all */
    FINDING_DAEMON_STOPPED,   /* it is there and does not run */
    FINDING_DAEMON_RESTARTED, /* an event: back within the grace */
    FINDING_DAEMON_RESTARTS,  /* an event: again and again */
    FINDING_MOUNT_RW,         /* writable, and should not be */
    FINDING_MOUNT_GONE,
    FINDING_MOUNT_ADDED,
    FINDING_MOUNT_CHANGED,
    FINDING_PROCESS_HIDDEN,    /* the kernel knows it, and a list does not show it */
    FINDING_PROCESS_DISGUISED, /* not the kernel thread whose name it bears */
    FINDING_PROCESS_HELD,      /* one of our own: traced, stopped, or its limits lowered */
    FINDING_PROCESS_FILELESS,  /* runs from memory, or from a deleted file where anybody may write */
    FINDING_PORT_HIDDEN,       /* taken, and in no list of sockets */
    FINDING_LINK_PROMISCUOUS,
    FINDING_FIREWALL_CHANGED, /* an event */
    FINDING_KERNEL_TAINTED,
    FINDING_MODULE_LOADED,  /* an event */
    FINDING_MODULE_TAINTED, /* not built or not signed with this kernel */
    FINDING_MODULE_HIDDEN,
    FINDING_ACCOUNT_ROOT, /* another name for root */
    FINDING_ACCOUNT_OPEN, /* no password is asked for */
    FINDING_PRELOAD_SET,
    FINDING_DISK_FULL,
    FINDING_LOAD_HIGH,
    FINDING_ROUTE_LOST,    /* there is no way to the receiver */
    FINDING_ROUTE_CHANGED, /* an event: another way */
    FINDING_NET_LOST,      /* made by the core: the receiver is not reached over the network */
    FINDING_TIME_STEP,
    FINDING_PROTECTOR_LATE, /* another guard of the machine did not run when it should have */
    FINDING_CHANNEL_LOST,
    FINDING_CHANNEL_TAMPERED, /* an event: somebody changed its settings, which are put right */
    FINDING_CHANNEL_OPENER,   /* somebody else has its device open */
    FINDING_AGENT_SELF,       /* a missing event source, a damaged baseline, a lost process of ours, ... */
    FINDING_CODES
};

#define FINDING_ID_SIZE 16
#define FINDING_TEXT 480

struct finding {
    uint8_t op;       /* enum finding_op */
    uint8_t source;   /* enum finding_source */
    uint8_t code;     /* enum finding_code */
    uint8_t severity; /* enum wire_severity */
    uint8_t id[FINDING_ID_SIZE];
    uint16_t text_len;
    uint16_t trouble_len;        /* of the text: what is wrong; the rest is aside. 0: all of it */
    char text[FINDING_TEXT + 2]; /* "key=value key=value", escaped, the subject first; NUL-terminated */
};

/* The code on the wire for an open finding, as "integrity.changed". */
const char *finding_code_name(enum finding_code code);

/* The code on the wire when it is over, as "integrity.ok". */
const char *finding_code_over(enum finding_code code);

/*
 * True for a kind of which there may be hundreds at once, all telling about the same: many of them are told
 * in one line. Never one of ALRT or worse.
 */
bool finding_folds(const struct finding *f);

/*
 * Starts a finding about `subject`: op OPEN, the code's own severity, the id, and "key=subject" as first
 * detail. The id depends on the code's source, the key and the subject's bytes, not on the code: a changed
 * file that is then deleted stays one finding.
 */
void finding_begin(
        struct finding *f, enum finding_code code, const char *key, const void *subject, size_t len);

/* A FINDING_PASS_BEGIN or FINDING_PASS_END. */
void finding_pass(struct finding *f, enum finding_source source, enum finding_op op);

/* Adds " key=value", escaped and shortened to at most 160 columns. Left out as a whole when it does not fit.
 */
void finding_add(struct finding *f, const char *key, const void *value, size_t len);

/* The same for a value that is printable by construction (numbers, modes, "0644>0666"). */
void finding_addf(struct finding *f, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/*
 * What is added from here on says how it came about (who did it): another of these is no other trouble, and
 * who looks later need not know it.
 */
void finding_aside(struct finding *f);

/* True when both say the same of their subject. */
bool finding_same_trouble(const struct finding *a, const struct finding *b);

/* True when every field is in range and the text is escaped tokens: the core checks what it is told. */
bool finding_valid(const void *message, size_t len);

#endif
