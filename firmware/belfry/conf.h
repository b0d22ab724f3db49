#ifndef BELFRY_CONF_H
#define BELFRY_CONF_H
/*
 * conf - the receiver's configuration, one object of fixed size without pointers
 *
 * Read once at start. belfry.conf(5) tells what each keyword means.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_PATH 512 /* with the NUL */
#define CONF_LINES 256
#define CONF_NAME 32 /* with the NUL */
#define CONF_TEXT_MAX 262144
#define CONF_ERRORS_MAX 20
#define CONF_ERROR_TEXT 400

#define CONF_DEFAULT_PATH "/etc/belfry/belfry.conf"
#define CONF_DEFAULT_STATE "/var/lib/belfry"
#define CONF_DEFAULT_BAUD 115200
#define CONF_DEFAULT_MODE 0600

enum conf_kind { CONF_PTY, CONF_SERIAL, CONF_FILE, CONF_KINDS };

struct conf_line {
    enum conf_kind kind;
    char name[CONF_NAME]; /* a file name of 1 to 31 of A-Z a-z 0-9 . _ -, the first a letter or digit */
    char path[CONF_PATH]; /* absolute: the symlink (pty), the device (serial), the log (file) */
    uint32_t baud;        /* serial only */
    uint32_t mode;        /* pty only: 0600, 0620 or 0660 */
};

struct conf {
    char state_dir[CONF_PATH];
    char on_alarm[CONF_PATH]; /* "" for none */
    bool syslog;
    int facility; /* as syslog(3) takes it */
    unsigned lines;
    struct conf_line line[CONF_LINES];
};

struct conf_errors {
    unsigned count;                              /* of all errors; the first CONF_ERRORS_MAX are kept */
    char text[CONF_ERRORS_MAX][CONF_ERROR_TEXT]; /* "FILE:LINE: found; expected", escaped, no newline */
};

/* No lines, the usual state directory, syslog as daemon. */
void conf_defaults(struct conf *conf);

/* Reads text in memory. `name` is what errors call the file. With errors `conf` must not be used. */
unsigned conf_parse(
        struct conf *conf, const char *name, const char *src, size_t len, struct conf_errors *errors);

/* Reads a file of at most CONF_TEXT_MAX bytes. A file that cannot be read is one error. */
unsigned conf_load(struct conf *conf, const char *path, struct conf_errors *errors);

#endif
