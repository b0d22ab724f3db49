#ifndef BELFRY_CONF_H
#define BELFRY_CONF_H
/*
 * conf - the receiver's configuration
 *
 * Read at start and by each reload, each time into an object of its own. It owns its lines and their texts
 * until conf_free(). belfry.conf(5) tells what each keyword means.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_PATH 512 /* with the NUL */
#define CONF_LINES 4096
#define CONF_SLOTS 8192           /* of the indexes: a power of two, at least twice CONF_LINES */
#define CONF_NET "net"            /* no line may have the name of the network */
#define CONF_USB "usb:"           /* before what a USB serial port says it is */
#define CONF_USB_PORT "usb-port:" /* before where it hangs */
#define CONF_NAME 32              /* with the NUL */
#define CONF_KEYWORDS_MAX 32
#define CONF_TEXT_MAX 1048576
#define CONF_ERRORS_MAX 20
#define CONF_ERROR_TEXT 400

#define CONF_DEFAULT_PATH "/etc/belfry/belfry.conf"
#define CONF_DEFAULT_STATE "/var/lib/belfry"
#define CONF_DEFAULT_BAUD 115200
#define CONF_DEFAULT_FRAME "8n1"
#define CONF_DEFAULT_MODE 0600
#define CONF_DEFAULT_PORT 8627
#define CONF_FLOOR_AUTO UINT64_MAX
#define CONF_DEFAULT_PAGE_PORT 8628
#define CONF_OPERATORS 16
#define CONF_OPERATOR_PATTERNS 8
#define CONF_LISTENS 4
#define CONF_ADDRESS 48 /* with the NUL */
#define CONF_HOST 254   /* with the NUL */
#define CONF_RULES 16   /* sets of patterns on console text */

enum conf_kind {
    CONF_PTY,
    CONF_SERIAL,
    CONF_FILE,
    CONF_TCP,
    CONF_TELNET,
    CONF_TLS,
    CONF_UNIX,
    CONF_COMMAND,
    CONF_KINDS
};

enum conf_flow { CONF_FLOW_NONE, CONF_FLOW_RTSCTS, CONF_FLOW_XONXOFF };

/* What Line, Template and Default say behind the place. Values that were not given are 0. */
struct conf_options {
    uint32_t given; /* one bit an option, for conf/options.c */
    uint32_t baud;  /* bits/s */
    char frame[4];  /* "8n1": data bits 5 to 8; parity n, e, o, m or s; stop bits 1 or 2 */
    enum conf_flow flow;
    uint32_t mode;         /* of a pseudo-terminal: 0600, 0620 or 0660 */
    bool alarm_only;       /* nobody may write to it */
    uint64_t rotate_size;  /* bytes of a transcript's part; 0 for the usual 64 MiB */
    uint32_t rotate_age_s; /* 0 for no bound */
    uint32_t keep;         /* rotated parts; 0 for all */
    uint32_t keep_age_s;   /* 0 for ever */
    const char *ca;        /* tls: a file of certificates; NULL for none */
    const char *pin;   /* tls: SHA-256 of the server's certificate, 64 hexadecimal digits; NULL for none */
    const char *peer;  /* tls: the name in the server's certificate; NULL for that of the place */
    const char *rules; /* name of a set of rules, "no" for none; NULL when not said */
};

struct conf_line {
    enum conf_kind kind;
    char name[CONF_NAME]; /* a file name of 1 to 31 of A-Z a-z 0-9 . _ -, the first a letter or digit */
    /* Absolute: the symlink (pty), the device, or CONF_USB or CONF_USB_PORT and a name (serial), the log
     * (file), the socket (unix). HOST:PORT for tcp, telnet and tls; program and arguments with blanks between
     * them for command. */
    const char *path;
    const char *host;        /* tcp, telnet, tls: a name or an address without brackets */
    const char *const *argv; /* command: the program and its arguments, ended by NULL */
    uint16_t port;           /* tcp, telnet, tls */
    struct conf_options options;
};

struct conf_listen {
    unsigned number;            /* of its line in the file */
    char address[CONF_ADDRESS]; /* IPv4 or IPv6, without brackets */
    uint16_t port;
};

/* Who may write to lines. */
struct conf_operator {
    bool group;
    char name[CONF_NAME];
    unsigned patterns; /* 0: all lines */
    char pattern[CONF_OPERATOR_PATTERNS][CONF_NAME];
};

struct conf_page {
    char place[CONF_PATH]; /* an address, without brackets; the absolute path of a unix socket; "" for no page
                            */
    uint16_t port;         /* 0 for a unix socket */
};

struct conf_rules {
    char name[CONF_NAME];
    char path[CONF_PATH];
    const char *from; /* the configuration that names it, as conf_parse() was told; NULL: none does */
    unsigned number;  /* of the line there */
};

struct conf_text; /* a text that lines point to */

#define CONF_NOTIFIERS 16
#define CONF_NOTIFY_OPTIONS 24
#define CONF_NOTIFY_TEXT 1024 /* of all options of one */
#define CONF_PATTERN 160      /* with the NUL */

/* Where alarms are told. */
struct conf_notify {
    char name[CONF_NAME];
    char kind[16];
    char place[CONF_PATH];
    unsigned at_least;        /* severity: this or worse (a smaller number) */
    char lines[CONF_PATTERN]; /* glob patterns with commas between, "" for all */
    char hosts[CONF_PATTERN];
    unsigned options;            /* for the kind itself */
    char text[CONF_NOTIFY_TEXT]; /* its options, each ended by NUL: "word" or "key=value" */
};

struct conf {
    unsigned seen[CONF_KEYWORDS_MAX]; /* line of a keyword that may stand once, 0 when it did not */
    char state_dir[CONF_PATH];
    bool state_fixed;         /* by the command line: what the file says of it does not count */
    char on_alarm[CONF_PATH]; /* "" for none */
    bool syslog;
    int facility;            /* as syslog(3) takes it */
    char readers[CONF_NAME]; /* the group that may read transcripts; "" for none */
    uint64_t disk_floor; /* bytes of the file system that transcripts leave free; CONF_FLOOR_AUTO: by its size
                          */
    uint32_t
            ledger_keep_s; /* how long the ledger keeps lines, events and alarms that are over; 0: for ever */
    unsigned lines;
    unsigned room; /* lines there is memory for */
    struct conf_line *line;
    struct conf_text *texts;
    uint16_t by_name[CONF_SLOTS]; /* index in `line` + 1, 0 for none */
    uint16_t by_path[CONF_SLOTS];
    unsigned operators;
    struct conf_operator operator[CONF_OPERATORS];
    unsigned listens;
    struct conf_listen listen[CONF_LISTENS];
    unsigned rules;
    struct conf_rules rule[CONF_RULES];
    struct conf_page page;
    struct conf_notify hub; /* place "" for none */
    unsigned notifiers;     /* of Notify; OnAlarm and Syslog are two more */
    struct conf_notify *notify;
};

struct conf_errors {
    unsigned count;                              /* of all errors; the first CONF_ERRORS_MAX are kept */
    char text[CONF_ERRORS_MAX][CONF_ERROR_TEXT]; /* "FILE:LINE: found; expected", escaped, no newline */
};

/* No lines, the usual state directory, syslog as daemon. For memory that holds no configuration yet. */
void conf_defaults(struct conf *conf);

/* Reads text in memory. `name` is what errors call the file. With errors `conf` must only be freed. */
unsigned conf_parse(
        struct conf *conf, const char *name, const char *src, size_t len, struct conf_errors *errors);

/* Reads a file of at most CONF_TEXT_MAX bytes. A file that cannot be read is one error. */
unsigned conf_load(struct conf *conf, const char *path, struct conf_errors *errors);

/* A line an error on standard error. */
void conf_print_errors(const struct conf_errors *errors);

/* Frees the lines and their texts: nothing may point to them any more. */
void conf_free(struct conf *conf);

/* Exchanges the lines of two configurations, and nothing else. */
void conf_swap_lines(struct conf *a, struct conf *b);

/* The same for Notify, OnAlarm and Syslog. */
void conf_swap_notifiers(struct conf *a, struct conf *b);

/* Line of the file in which a keyword stands that may stand once; 0 when it does not. */
unsigned conf_keyword_line(const struct conf *conf, const char *keyword);

/* Whether two notifiers are configured alike in all. */
bool conf_notify_same(const struct conf_notify *a, const struct conf_notify *b);

#define CONF_FIXED_MAX 16

struct conf_fixed {
    char text[CONF_FIXED_MAX][CONF_ERROR_TEXT]; /* "FILE:LINE: what; takes a restart", escaped, no newline */
};

/* What `next`, read from the file `name`, says that a running belfry with `is` cannot take up. How many. */
unsigned conf_fixed(const struct conf *is, const struct conf *next, const char *name, struct conf_fixed *out);

/* The line of this name, without regard to case; NULL when there is none. */
const struct conf_line *conf_line_find(const struct conf *conf, const char *name);

/* Whether the option of this name was given, by the line itself, its template or a default. */
bool conf_option_given(const struct conf_options *o, const char *name);

/* Whether two lines are configured alike in all. */
bool conf_line_same(const struct conf_line *a, const struct conf_line *b);

#endif
