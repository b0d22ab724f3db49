#ifndef CMD_CMD_H
#define CMD_CMD_H
/*
 * cmd - the commands of tocsin(8), one file each
 *
 * Each returns the exit status: 0 done and clean, 1 findings, 2 error (told on stderr).
 */
#include "alarm/finding.h"
#include "conf/conf.h"

#define CMD_CLEAN 0
#define CMD_FINDINGS 1
#define CMD_ERROR 2

struct cmd {
    const char *config_path; /* as given, or the default */
    const char *state_dir;   /* as given, or NULL */
    bool json;
    unsigned jobs; /* threads that read files; 0: as many as there are cores */
    int argc;      /* what follows the command's name */
    char **argv;
};

int cmd_accept(const struct cmd *cmd);
int cmd_baseline(const struct cmd *cmd);
int cmd_channels(const struct cmd *cmd);
int cmd_check(const struct cmd *cmd);
int cmd_check_config(const struct cmd *cmd);
int cmd_daemons(const struct cmd *cmd);
int cmd_disguise(const struct cmd *cmd);
int cmd_explain(const struct cmd *cmd);
int cmd_init(const struct cmd *cmd);
int cmd_pair(const struct cmd *cmd);
int cmd_ports(const struct cmd *cmd);
int cmd_ring(const struct cmd *cmd);
int cmd_routes(const struct cmd *cmd);
int cmd_run(const struct cmd *cmd);
int cmd_seal(const struct cmd *cmd);
int cmd_status(const struct cmd *cmd);

/* `tocsin ports` with arguments: --learn, --accept. */
int cmd_ports_learn(const struct cmd *cmd);

/* Reads the configuration the command names; false after telling each error on stderr. */
bool cmd_conf(const struct cmd *cmd, struct conf *conf);

/* The defaults with the command's paths made absolute, without reading anything. False after telling. */
bool cmd_paths(const struct cmd *cmd, struct conf *conf);

/* An escaped copy for people, in one of four static places. */
const char *cmd_text(const char *src);

/* "3 h 12 min": two units at most, in `out`. */
#define CMD_DURATION 32
const char *cmd_duration(int64_t ms, char out[CMD_DURATION]);

/* A JSON string of any bytes, escaped as for people. */
void cmd_json_string(const char *src);

/* A JSON string of text that is escaped for people already. */
void cmd_json_escaped(const char *text);

/* A finding's id as a JSON string. */
void cmd_json_id(const uint8_t id[FINDING_ID_SIZE]);

/* Prints "tocsin: ..." to stderr. Arguments from outside go through wire_escape() before. Returns CMD_ERROR.
 */
int cmd_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
