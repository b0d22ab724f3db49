#ifndef CONF_CONF_H
#define CONF_CONF_H
/*
 * conf - the agent's configuration, one object of fixed size without pointers
 *
 * Read once at start and handed to every role as it is. tocsin.conf(5) tells what each keyword means.
 */
#include "hal/host/usb_name.h"
#include "wire/line.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_PATH 256 /* with the NUL */
#define CONF_WATCHES 128
#define CONF_IGNORES 64
#define CONF_SETS 16
#define CONF_SET_NAME 16 /* with the NUL */
#define CONF_PORTS 256
#define CONF_PORT_PROCESSES 4
#define CONF_USER 33 /* with the NUL, as are the two below */
#define CONF_UNIT 128
#define CONF_NETNS 64
#define CONF_NETNS_ANY "any"
#define CONF_DAEMONS 64
#define CONF_UNIT 128
#define CONF_DAEMON_SUBJECT 512 /* an executable, a blank and arguments */
#define CONF_MOUNTS 32
#define CONF_CHANNELS 8
#define CONF_ALLOWS 64
#define CONF_SCHEME 16
#define CONF_RECEIVER_NAME 254 /* with the NUL */
#define CONF_RECEIVER_PORT 8627
#define CONF_LINE_MAX 1024
#define CONF_FILE_MAX (1u << 20)
#define CONF_ERRORS_MAX 20

#define CONF_CONSOLE "/dev/console"
#define CONF_PATH_WANTED                                                                                    \
    "absolute path of at most 255 bytes, without \"/\" at its end and without \"//\", \".\" and \"..\" in " \
    "it"
#define CONF_DEFAULT_FOLDER "/etc/tocsin"
#define CONF_DEFAULT_PATH CONF_DEFAULT_FOLDER "/tocsin.conf"
#define CONF_DEFAULT_STATE "/var/lib/tocsin"

struct conf_set {
    char name[CONF_SET_NAME];
    uint32_t attrs; /* CONF_ATTR_* (conf/attrs.h) */
};

struct conf_watch {
    char path[CONF_PATH];    /* or a pattern (conf/pattern.h): what it matches, and everything below */
    char set[CONF_SET_NAME]; /* empty: none was named */
    uint32_t attrs;
    uint32_t fs;  /* file systems that it is for, a bit each (conf_fs_name()); 0 for all */
    uint64_t max; /* bytes of a file that is read; 0 for any */
    bool one_fs;  /* what is mounted below is left out */
};

/* The kinds of sockets that anybody can speak to. */
enum conf_proto {
    CONF_TCP,
    CONF_UDP,
    CONF_UDPLITE,
    CONF_RAW,    /* the number is an IP protocol's */
    CONF_PACKET, /* the number is an Ethernet type */
    CONF_SCTP,
    CONF_VSOCK,
    CONF_PROTOS
};

enum conf_address { CONF_ADDRESS_ANY, CONF_ADDRESS_LOOPBACK, CONF_ADDRESS_4, CONF_ADDRESS_6 };

struct conf_port {
    uint8_t proto; /* enum conf_proto; IPv4 and IPv6 alike */
    uint8_t processes;
    uint8_t on;    /* enum conf_address: where it must be bound */
    uint32_t port; /* 0 for "any": whatever the kernel hands out by itself; never missed */
    uint8_t address[16];
    char user[CONF_USER];   /* who must have made the socket, by name or number; "" for anybody */
    char unit[CONF_UNIT];   /* the units its holders must run in, with commas between; "" for any */
    char netns[CONF_NETNS]; /* "" for the agent's own; CONF_NETNS_ANY; else a name or an inode number */
    char process[CONF_PORT_PROCESSES]
                [CONF_PATH]; /* who may hold it: an executable's path, its base name, or "-" */
};

/* Bits of conf_mount.options. */
#define CONF_MOUNT_NOSUID 1u
#define CONF_MOUNT_NODEV 2u
#define CONF_MOUNT_NOEXEC 4u
#define CONF_MOUNT_BIND 8u    /* read-only here; its file system may be writable through another mount */
#define CONF_MOUNT_DEVICE 16u /* the block device is set read-only, too */

struct conf_mount {
    char path[CONF_PATH]; /* the mount point, or a disk: LABEL=, UUID=, PARTLABEL=, PARTUUID= or below
                             /dev/disk */
    bool read_only;
    uint8_t options;   /* those that it must have */
    uint32_t window_s; /* read-only, but for so long at a time; 0: always */
};

/* Pairs of sources that should say the same; tocsin.conf(5) tells what each looks at. */
enum conf_view {
    CONF_VIEW_HIDDEN_PROCESSES,
    CONF_VIEW_DISGUISED_PROCESSES,
    CONF_VIEW_PROC_MOUNTS,
    CONF_VIEW_HIDDEN_PORTS,
    CONF_VIEW_PROMISCUOUS,
    CONF_VIEW_FIREWALL,
    CONF_VIEW_KERNEL_TAINT,
    CONF_VIEW_MODULES,
    CONF_VIEW_ACCOUNTS,
    CONF_VIEW_PRELOAD,
    CONF_VIEW_CHANNEL_OPENERS,
    CONF_VIEW_OWN_PROCESSES,
    CONF_VIEW_FULL_DISKS,
    CONF_VIEW_LOAD,
    CONF_VIEWS
};

/* What a view is to take for normal: a path, an interface, a module, ... by the view. */
struct conf_allow {
    uint8_t view;         /* enum conf_view */
    char what[CONF_PATH]; /* not empty */
};

/* A process is the daemon's when it fits all that is given; "" is not given. */
struct conf_daemon {
    char exe[CONF_PATH];     /* absolute path of the executable */
    char args[CONF_PATH];    /* these words, one after the other, are among its arguments */
    char unit[CONF_UNIT];    /* of the service manager, as "ssh.service" */
    char pidfile[CONF_PATH]; /* absolute; holds its pid */
};

/* The other guards of a machine; conf/protect.h tells what there is to each. */
enum conf_protect {
    CONF_PROTECT_AIDE,
    CONF_PROTECT_TRIPWIRE,
    CONF_PROTECT_SAMHAIN,
    CONF_PROTECT_RKHUNTER,
    CONF_PROTECT_CHKROOTKIT,
    CONF_PROTECT_CRON,
    CONF_PROTECT_MAILER,
    CONF_PROTECTS
};

struct conf_protector {
    bool on;
    bool given;        /* within_s counts, else the usual one */
    uint32_t within_s; /* it must have run since so long; 0: nobody asks */
};

/* What may hold up what is written to a line. */
enum conf_flow { CONF_FLOW_NONE, CONF_FLOW_RTSCTS, CONF_FLOW_XONXOFF };

struct conf_channel {
    char scheme[CONF_SCHEME]; /* "serial", ... (sinks/sink.h), or one of them as "fault:serial" */
    char device[CONF_PATH];   /* by the scheme: a path, "usb:VID:PID[:SERIAL]", "VID:PID[:SERIAL]",
                                 "usbip:ADDRESS:PORT/BUSID" or any word */
    uint32_t baud;            /* 0: not given */
    char frame[4];            /* "8n1" */
    uint8_t flow;             /* enum conf_flow */
    uint8_t lines;            /* of a screen, for alarms; 0: not given */
    uint8_t columns;          /* of paper; 0: not given */
    uint8_t page;             /* rows on a page; 0: it has no end */
    bool lock;                /* a virtual console that is shown, and no other */
    bool fallback;            /* silent but for its beats and what is grave, until the network is lost */
    uint8_t floor;            /* enum wire_severity: what is less severe does not go there */
    uint32_t seed;            /* of the faults; 0: not given */
};

struct conf_receiver {
    char name[CONF_RECEIVER_NAME]; /* an address as inet_ntop(3) writes it, or a DNS name; "": none is named
                                    */
    uint16_t port;
    uint16_t family;     /* AF_INET, AF_INET6; 0: of a DNS name, whose address is looked up as it runs */
    uint8_t address[16]; /* network order */
};

struct conf {
    uint8_t digest[32]; /* BLAKE3 of the text that conf_load() read */
    bool sealed;        /* it was read from a sealed file (conf/sealed.h) */
    struct conf_receiver receiver;
    uint32_t check_in_s; /* to the receiver, 1 to 60, default 1 */
    char config_path[CONF_PATH];
    char state_dir[CONF_PATH];
    bool state_fixed; /* given on the command line: StateDir does not replace it */
    char host[WIRE_HOST_MAX + 1];
    char user[CONF_USER];    /* whom the core and the detectors run as; "": tocsin when there is one */
    uint32_t beat_s;         /* 1 to 60, default 10 */
    uint32_t sweep_s;        /* from the start of one file sweep to the next, default 60 */
    uint32_t full_sweep_s;   /* in which all content is read once, default 3600 */
    uint32_t sweep_share;    /* percent of a core for that, at most: 1 to 100, default 5 */
    uint32_t port_sweep_ms;  /* between two looks at all ports, default 1000 */
    bool own_netns;          /* other network namespaces are not looked at */
    uint32_t daemon_grace_s; /* a daemon that is back within these is no alarm: 0 to 300, default 0 */
    unsigned sets;
    unsigned watches;
    unsigned ignores;
    unsigned ports;
    unsigned daemons;
    unsigned mounts;
    unsigned channels;
    unsigned allows;
    struct conf_set set[CONF_SETS];
    struct conf_watch watch[CONF_WATCHES];
    char ignore[CONF_IGNORES][CONF_PATH]; /* absolute, or a pattern; with everything below */
    struct conf_port port[CONF_PORTS];
    struct conf_daemon daemon[CONF_DAEMONS];
    struct conf_mount mount[CONF_MOUNTS];
    struct conf_channel channel[CONF_CHANNELS];
    uint32_t view_s[CONF_VIEWS]; /* from one look to the next; 0: off */
    struct conf_allow allow[CONF_ALLOWS];
    struct conf_protector protect[CONF_PROTECTS];
    bool protect_auto; /* also those that are installed */
};

/* An error in the file: "FILE:LINE: what was found; what was expected", escaped, without a newline. */
typedef void conf_error_fn(void *to, const char *message);

/* The defaults, with the given paths (NULL for the usual ones). False when a path is too long or not
 * absolute. */
bool conf_init(struct conf *conf, const char *config_path, const char *state_dir);

/*
 * Reads text that is already in memory, over what conf_init() left. `name` is what errors call the file.
 * Tells at most CONF_ERRORS_MAX errors and then how many more; returns how many there were. With errors
 * `conf` must not be used.
 */
unsigned conf_parse(
        struct conf *conf, const char *name, const char *src, size_t len, conf_error_fn *error, void *to);

/*
 * Opens and reads conf->config_path: a regular file of at most 1 MiB that not everybody may write; sets
 * conf->digest. Same return; a file that cannot be read is one error.
 */
unsigned conf_load(struct conf *conf, conf_error_fn *error, void *to);

/* The text of that file, unsealed, into CONF_FILE_MAX + 1 bytes. Its length or -errno. */
ssize_t conf_text(struct conf *conf, char *out);

/*
 * Writes a file, with comments that explain it, that conf_parse() reads back to the same object. 0 or -errno;
 * -EMSGSIZE when an entry does not fit into a line, which cannot happen to one that conf_parse() made.
 */
int conf_write(const struct conf *conf, FILE *out);

/* One line, as conf_write() writes it. Same return. */
int conf_write_mount(const struct conf_mount *mount, FILE *out);
int conf_write_port(const struct conf_port *port, FILE *out);
int conf_write_allow(const struct conf_allow *allow, FILE *out);

/*
 * Appends conf->port from `first` on to the file that conf->config_path names, with its owner and mode: whole
 * or not at all, and only when it then reads as `conf` says. 0 or -errno; -EAGAIN when somebody else changed
 * it, -ENOTSUP when it is sealed.
 */
int conf_append_ports(const struct conf *conf, unsigned first);

/* A protocol's keyword; NULL behind the last. */
const char *conf_proto_name(unsigned proto);

/* A port's number as people write it: "22", "ip", "0x88b5"; "any" for 0. Returns `out`. */
#define CONF_NUMBER 16
const char *conf_port_number(unsigned proto, uint32_t number, char out[CONF_NUMBER]);

/* The same with the address it must be bound to: "127.0.0.1:25", "[::1]:25", "loopback:25". Returns `out`. */
#define CONF_PLACE 72
const char *conf_port_place(const struct conf_port *port, char out[CONF_PLACE]);

/* Reads what conf_port_place() writes into `port`, whose proto is set. False when it is none. */
bool conf_port_parse(const char *text, size_t len, struct conf_port *port);

/* What conf_port_parse() expects, for people. */
const char *conf_port_form(unsigned proto);

/* Reads "192.0.2.7", "192.0.2.7:8627", "2001:db8::7", "[2001:db8::7]:8627" or a DNS name with a port or
 * without. False, with `out` as it was, when it is none of them. */
bool conf_receiver_parse(const char *text, size_t len, struct conf_receiver *out);

/* What conf_receiver_parse() reads back, without the usual port. Returns `out`. */
#define CONF_RECEIVER_TEXT (CONF_RECEIVER_NAME + 8)
const char *conf_receiver_text(const struct conf_receiver *receiver, char out[CONF_RECEIVER_TEXT]);

/*
 * What a daemon is called: its unit, else its pid file, else its executable with its arguments. Returns the
 * key of that detail: "unit", "pidfile", "cmd" or "exe".
 */
const char *conf_daemon_subject(const struct conf_daemon *daemon, char out[CONF_DAEMON_SUBJECT]);

/* True when the entry names a disk and not a mount point. */
bool conf_mount_is_disk(const struct conf_mount *mount);

/* An option's keyword by the number of its bit, from 0; NULL behind the last. */
const char *conf_mount_option(unsigned bit);

/* The word for a guard. */
const char *conf_protect_name(enum conf_protect which);

/* The keyword of a view. */
const char *conf_view_name(enum conf_view view);

/* How many seconds lie between two of its looks when it is on and none are given. */
uint32_t conf_view_every_s(enum conf_view view);

/* Is it to be taken for normal? What is allowed may end in '*', which stands for any bytes. */
bool conf_allows(const struct conf *conf, enum conf_view view, const void *what, size_t len);

/*
 * True for an absolute path of less than CONF_PATH bytes without a slash at its end and without "//", "." and
 * ".." in it.
 */
bool conf_path_valid(const char *path, size_t len);

/* Adds a path or pattern with a set (NULL for the usual one). False when it is none or does not fit. */
bool conf_add_watch(struct conf *conf, const char *path, const char *set);

/*
 * Reads what stands behind `Channel`: scheme, device, settings. Returns the number of words when it could;
 * else the place of the first that is wrong, with *expected, for people, and `out` as it was.
 */
unsigned conf_channel_parse(const char *const word[], const size_t len[], unsigned count,
        struct conf_channel *out, const char **expected);

/* The scheme without the faults around it. */
const char *conf_channel_kind(const struct conf_channel *channel);

/* True when the device is a "usb:VID:PID[:SERIAL]". */
bool conf_channel_usb(const struct conf_channel *channel, struct hal_usb_name *out);

/* True when the channel is a USB device that is spoken to over USB/IP. */
bool conf_channel_usbip(const struct conf_channel *channel, struct hal_usbip_name *out);

/* STATE/name into `out`; false when it does not fit. */
bool conf_state_path(const struct conf *conf, const char *name, char *out, size_t size);

#endif
