#ifndef BELFRY_CTL_COMMANDS_H
#define BELFRY_CTL_COMMANDS_H
/*
 * commands - what a person asks of belfry(8), one file each
 *
 * Each returns the exit status: 0 done and well, 1 something is wrong on the lines, 2 error (told on stderr).
 */
#include "belfry/conf.h"

#define COMMAND_WELL 0
#define COMMAND_FINDINGS 1
#define COMMAND_ERROR 2

struct ledger;

struct command {
    const struct conf *conf;
    const char *config;      /* the file it was read from; NULL for none */
    const char *argument[2]; /* what follows the command's name, NULL when it does not */
    const char *file;        /* --file */
    const char *host;        /* --host */
    const char *since;       /* --since */
    const char *until;       /* --until */
    const char *severity;    /* --severity */
    const char *by;          /* --by */
    const char *bundle;      /* --bundle */
    bool again;
    bool csv;
    bool events;
    bool follow;
    bool json;
    bool open;
    bool plain;
    bool raw;
    bool take;
    bool write;
};

int command_reload(const struct command *c);
int command_pair(const struct command *c);
int command_status(const struct command *c);
int command_top(const struct command *c);
int command_alarms(const struct command *c);
int command_ack(const struct command *c);
int command_acts(const struct command *c);
int command_expect(const struct command *c);
int command_unpair(const struct command *c);
int command_show(const struct command *c);
int command_accept(const struct command *c);
int command_attach(const struct command *c);
int command_bundle(const struct command *c);
int command_verify_bundle(const struct command *c);
int command_export(const struct command *c);
int command_log(const struct command *c);
int command_tail(const struct command *c);
int command_hub(const struct command *c);
int command_sites(const struct command *c);
int command_verify(const struct command *c);
int command_harvest(const struct command *c);
int command_logger_status(const struct command *c);

/* "belfry: ..." on stderr; returns COMMAND_ERROR. Text from outside is escaped by the caller. */
int command_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Can this be the name of a host? Tells it when not, so that it is not told as one that is not paired. */
bool command_host_fits(const char *host);

/* Who does it, escaped: --by, else who logged in, else who we run as. */
void command_who(const struct command *c, char out[CONF_NAME]);

/* The ledger, for writing and checked as a whole; makes none. NULL after telling. */
struct ledger *command_ledger(const struct command *c);

/* For one error message: escaped, in one of four buffers that are used in turn. */
const char *command_shown(const char *text);

#endif
