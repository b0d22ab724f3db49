#include "alarm/session.h"
#include "cmd/cmd.h"
#include "cmd/psk.h"
#include "proc/courier.h"
#include "proc/warden.h"
#include "wire/escape.h"
#include "wire/pair.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CODE_FILE_MAX 256 /* a code with blanks and a line end is far shorter */

/* The code itself, or the contents of the file (or of standard input) that is named. Returns its length or
 * -errno. */
static ssize_t
read_code(const char *arg, char out[CODE_FILE_MAX])
{
    size_t len = strlen(arg);
    struct stat st;
    int fd = STDIN_FILENO;

    if (strcmp(arg, "-") != 0 && stat(arg, &st) < 0) {
        if (strchr(arg, '/') != NULL) {
            return -errno;
        }
        memcpy(out, arg, len < CODE_FILE_MAX ? len : CODE_FILE_MAX);
        return len < CODE_FILE_MAX ? (ssize_t)len : CODE_FILE_MAX;
    }
    if (strcmp(arg, "-") == 0 && isatty(fd)) {
        fputs("code: ", stderr);
    }
    if (strcmp(arg, "-") != 0) {
        fd = open(arg, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    }
    ssize_t n = fd < 0 ? -1 : read(fd, out, CODE_FILE_MAX);
    int error = errno;
    if (fd > STDIN_FILENO) {
        close(fd);
    }
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r')) {
        n--;
    }
    return n < 0 ? -error : n;
}

static int
code_error(int error, size_t at)
{
    switch (error) {
    case WIRE_PAIR_E_CHAR:
        return cmd_error("the code: character %zu is none of 0-9 and A-Z without U", at + 1);
    case WIRE_PAIR_E_SIZE:
        return cmd_error("the code has %zu characters; expected 28, in seven groups of four", at);
    default:
        return cmd_error(
                "the code: its last two characters do not fit the rest; expected the code as belfry printed "
                "it (one character is mistyped)");
    }
}

static int
keep_psk(const struct conf *conf, const char *secret)
{
    struct wire_key psk;

    wire_key_psk(secret, conf->host, &psk);
    int error = psk_create(conf, &psk);
    wire_wipe(&psk, sizeof(psk));
    if (error < 0) {
        return cmd_error("%s/" PSK_FOLDER ": %s; the pairing is not complete, repeat it with --again",
                cmd_text(conf->state_dir), strerror(-error));
    }
    courier_folder_give(conf);
    return CMD_CLEAN;
}

static int
keep_root(const struct conf *conf, const char *secret, bool again)
{
    char path[CONF_PATH + 16];
    char shown[CONF_PATH + 16];
    struct wire_key root;

    if (!conf_state_path(conf, WARDEN_SESSION, path, sizeof(path))) {
        return cmd_error("the state directory's path is too long");
    }
    if (mkdir(conf->state_dir, 0700) < 0 && errno != EEXIST) {
        return cmd_error("%s: %s", conf->state_dir, strerror(errno));
    }
    wire_key_root(secret, conf->host, &root);
    int error = session_create(path, conf->host, &root, again);
    wire_wipe(&root, sizeof(root));
    wire_escape(shown, sizeof(shown), path, strlen(path), WIRE_ESCAPE_TEXT);
    if (error == -EEXIST) {
        return cmd_error("%s: this host is paired already; --again replaces the pairing", shown);
    }
    if (error < 0) {
        return cmd_error("%s: %s", shown, strerror(-error));
    }
    if (keep_psk(conf, secret) != CMD_CLEAN) {
        return CMD_ERROR;
    }
    printf("paired as %s; keys in %s\n", conf->host, shown);
    return CMD_CLEAN;
}

int
cmd_pair(const struct cmd *cmd)
{
    static struct conf conf;
    char text[CODE_FILE_MAX];
    char secret[WIRE_PAIR_CHARS];
    const char *code = NULL;
    bool again = false;
    size_t at;

    for (int i = 0; i < cmd->argc; i++) {
        if (strcmp(cmd->argv[i], "--again") == 0) {
            again = true;
        } else if (code == NULL) {
            code = cmd->argv[i];
        } else {
            return cmd_error("pair takes one CODE or FILE");
        }
    }
    if (code == NULL) {
        return cmd_error("pair needs the CODE that 'belfry pair HOST' printed, a FILE with it, or - for "
                         "standard input");
    }
    if (!cmd_conf(cmd, &conf)) {
        return CMD_ERROR;
    }
    ssize_t len = read_code(code, text);
    if (len < 0) {
        return cmd_error("the code's file: %s", strerror((int)-len));
    }
    if (memchr(text, '\n', (size_t)len) != NULL) {
        wire_wipe(text, sizeof(text));
        return cmd_error("the code's file has more than one line; expected one code of 28 characters");
    }
    int error = wire_pair_parse(text, (size_t)len, secret, &at);
    wire_wipe(text, sizeof(text));
    int status = error == 0 ? keep_root(&conf, secret, again) : code_error(error, at);
    wire_wipe(secret, sizeof(secret));
    return status;
}
