#include "belfry/ctl/commands.h"
#include "belfry/nobody.h"
#include "belfry/run.h"
#include "belfry/text.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum option_id {
    OPT_CONFIG = 256,
    OPT_STATE,
    OPT_CHECK,
    OPT_VERSION,
    OPT_HELP,
    OPT_FILE,
    OPT_AGAIN,
    OPT_JSON,
    OPT_SINCE,
    OPT_HOST,
    OPT_SEVERITY,
    OPT_OPEN,
    OPT_BY,
    OPT_FOLLOW,
    OPT_EVENTS,
    OPT_UNTIL,
    OPT_RAW,
    OPT_PLAIN,
    OPT_TAKE,
    OPT_WRITE,
    OPT_CSV,
    OPT_BUNDLE,
    OPT_FOREGROUND
};

static const struct option options[] = {
    { "config", required_argument, NULL, OPT_CONFIG },
    { "state", required_argument, NULL, OPT_STATE },
    { "check-config", no_argument, NULL, OPT_CHECK },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, OPT_HELP },
    { "file", required_argument, NULL, OPT_FILE },
    { "again", no_argument, NULL, OPT_AGAIN },
    { "json", no_argument, NULL, OPT_JSON },
    { "since", required_argument, NULL, OPT_SINCE },
    { "until", required_argument, NULL, OPT_UNTIL },
    { "raw", no_argument, NULL, OPT_RAW },
    { "plain", no_argument, NULL, OPT_PLAIN },
    { "take", no_argument, NULL, OPT_TAKE },
    { "write", no_argument, NULL, OPT_WRITE },
    { "bundle", required_argument, NULL, OPT_BUNDLE },
    { "csv", no_argument, NULL, OPT_CSV },
    { "host", required_argument, NULL, OPT_HOST },
    { "severity", required_argument, NULL, OPT_SEVERITY },
    { "open", no_argument, NULL, OPT_OPEN },
    { "by", required_argument, NULL, OPT_BY },
    { "follow", no_argument, NULL, OPT_FOLLOW },
    { "events", no_argument, NULL, OPT_EVENTS },
    { "foreground", no_argument, NULL, OPT_FOREGROUND },
    { NULL, 0, NULL, 0 },
};

static int
do_run(const struct command *c)
{
    if (c->conf->lines == 0 && c->conf->listens == 0) {
        return command_error(
                "no line is configured; expected at least one Line or Listen in the configuration");
    }
    if (geteuid() != 0) {
        (void)nobody_alone(); /* what it may is for its gate and its notifiers */
    }
    return run_belfry(c->conf, c->config, c->events);
}

struct verb {
    const char *name;
    int arguments;
    int optional; /* of them */
    const char *usage;
    int takes[6]; /* options beside the common ones; 0 ends */
    int (*run)(const struct command *c);
};

static const struct verb verbs[] = {
    { "run", 0, 0, "run [--events]", { OPT_EVENTS, OPT_FOREGROUND }, do_run },
    { "reload", 0, 0, "reload", { 0 }, command_reload },
    { "pair", 1, 0, "pair HOST [--file OUT] [--again] [--by NAME]", { OPT_FILE, OPT_AGAIN, OPT_BY },
            command_pair },
    { "status", 0, 0, "status [--json]", { OPT_JSON }, command_status },
    { "top", 0, 0, "top", { 0 }, command_top },
    { "show", 1, 0, "show HOST [--json]", { OPT_JSON }, command_show },
    { "alarms", 0, 0, "alarms [--since TIME] [--host HOST] [--severity SEVERITY] [--open] [--json]",
            { OPT_SINCE, OPT_HOST, OPT_SEVERITY, OPT_OPEN, OPT_JSON }, command_alarms },
    { "ack", 1, 0, "ack ID [--by NAME]", { OPT_BY }, command_ack },
    { "acts", 0, 0, "acts [--since TIME] [--until TIME] [--host HOST]", { OPT_SINCE, OPT_UNTIL, OPT_HOST },
            command_acts },
    { "expect", 2, 0, "expect HOST DURATION|off [--by NAME]", { OPT_BY }, command_expect },
    { "accept", 2, 1, "accept HOST [bin|conf|base[=DIGEST]] [--by NAME] [--json]", { OPT_BY, OPT_JSON },
            command_accept },
    { "unpair", 1, 0, "unpair HOST [--by NAME]", { OPT_BY }, command_unpair },
    { "attach", 1, 0, "attach LINE [--write|--take] [--plain|--raw]",
            { OPT_WRITE, OPT_TAKE, OPT_PLAIN, OPT_RAW }, command_attach },
    { "log", 1, 0, "log LINE [--since TIME] [--until TIME] [--follow] [--plain|--raw]",
            { OPT_SINCE, OPT_UNTIL, OPT_FOLLOW, OPT_PLAIN, OPT_RAW }, command_log },
    { "tail", 1, 0, "tail LINE [--follow]", { OPT_FOLLOW }, command_tail },
    { "verify", 1, 0, "verify [--host HOST] FILE [--json]", { OPT_HOST, OPT_JSON }, command_verify },
    { "export", 1, 0,
            "export hosts|lines|events|alarms|acts [--since TIME] [--until TIME] [--host HOST] [--csv] | "
            "--bundle HOST FILE",
            { OPT_SINCE, OPT_UNTIL, OPT_HOST, OPT_CSV, OPT_BUNDLE, OPT_BY }, command_export },
    { "hub", 0, 0, "hub", { 0 }, command_hub },
    { "sites", 0, 0, "sites [--json]", { OPT_JSON }, command_sites },
    { "harvest", 1, 0, "harvest LOGGER [--file OUT] [--json]", { OPT_FILE, OPT_JSON }, command_harvest },
    { "logger-status", 1, 0, "logger-status LOGGER [--json]", { OPT_JSON }, command_logger_status },
};

#define VERBS (sizeof verbs / sizeof verbs[0])

static void
print_usage(FILE *to)
{
    (void)fprintf(to, "usage: belfry [--config FILE] [--state DIR] COMMAND\n");
    for (size_t i = 0; i < VERBS; i++) {
        (void)fprintf(to, "  %s\n", verbs[i].usage);
    }
    (void)fprintf(to, "  --check-config | --version | --help\n");
}

struct request {
    struct command command;
    const char *config; /* NULL for the usual place */
    const char *state;
    bool check;
    bool version;
    bool help;
    unsigned given; /* bit n: option OPT_CONFIG + n */
    int words;
    const char *word[4];
};

static const char *
option_name(int id)
{
    for (size_t i = 0; options[i].name != NULL; i++) {
        if (options[i].val == id) {
            return options[i].name;
        }
    }
    return "?";
}

static void
take_option(struct request *r, int id)
{
    struct command *c = &r->command;

    r->given |= 1U << (id - OPT_CONFIG);
    switch (id) {
    case OPT_CONFIG:
        r->config = optarg;
        break;
    case OPT_STATE:
        r->state = optarg;
        break;
    case OPT_FILE:
        c->file = optarg;
        break;
    case OPT_SINCE:
        c->since = optarg;
        break;
    case OPT_UNTIL:
        c->until = optarg;
        break;
    case OPT_HOST:
        c->host = optarg;
        break;
    case OPT_SEVERITY:
        c->severity = optarg;
        break;
    case OPT_BUNDLE:
        c->bundle = optarg;
        break;
    case OPT_BY:
        c->by = optarg;
        break;
    default:
        break; /* what has no value is in `given` */
    }
}

static bool
was_given(const struct request *r, int id)
{
    return (r->given >> (id - OPT_CONFIG) & 1) != 0;
}

static bool
read_arguments(int argc, char **argv, struct request *r)
{
    int id;

    opterr = 0;
    while ((id = getopt_long(argc, argv, ":f", options, NULL)) != -1) {
        if (id == '?') {
            (void)command_error("unknown option %s; see belfry --help", command_shown(argv[optind - 1]));
            return false;
        }
        if (id == ':') {
            (void)command_error("%s needs a value", command_shown(argv[optind - 1]));
            return false;
        }
        take_option(r, id == 'f' ? OPT_FOLLOW : id);
    }
    while (optind < argc && r->words < 4) {
        r->word[r->words++] = argv[optind++];
    }
    r->check = was_given(r, OPT_CHECK);
    r->version = was_given(r, OPT_VERSION);
    r->help = was_given(r, OPT_HELP);
    r->command.csv = was_given(r, OPT_CSV);
    r->command.again = was_given(r, OPT_AGAIN);
    r->command.json = was_given(r, OPT_JSON);
    r->command.open = was_given(r, OPT_OPEN);
    r->command.plain = was_given(r, OPT_PLAIN);
    r->command.raw = was_given(r, OPT_RAW);
    r->command.take = was_given(r, OPT_TAKE);
    r->command.write = was_given(r, OPT_WRITE);
    r->command.follow = was_given(r, OPT_FOLLOW);
    r->command.events = was_given(r, OPT_EVENTS);
    return true;
}

static bool
takes(const struct verb *v, int id)
{
    if (id == OPT_CONFIG || id == OPT_STATE) {
        return true;
    }
    for (size_t i = 0; i < sizeof v->takes / sizeof v->takes[0]; i++) {
        if (v->takes[i] == id) {
            return true;
        }
    }
    return false;
}

/* NULL after telling what is wrong with the command line. */
static const struct verb *
find_verb(const struct request *r)
{
    for (size_t i = 0; i < VERBS; i++) {
        const struct verb *v = &verbs[i];

        if (strcmp(v->name, r->word[0]) != 0) {
            continue;
        }
        if (r->words - 1 > v->arguments || r->words - 1 < v->arguments - v->optional) {
            (void)command_error("usage: belfry %s", v->usage);
            return NULL;
        }
        for (int id = OPT_CONFIG; id <= OPT_FOREGROUND; id++) {
            if (was_given(r, id) && !takes(v, id)) {
                (void)command_error(
                        "%s does not take --%s; usage: belfry %s", v->name, option_name(id), v->usage);
                return NULL;
            }
        }
        return v;
    }
    (void)command_error("unknown command \"%s\"; see belfry --help", command_shown(r->word[0]));
    return NULL;
}

/* The file that was named has to be there; without the usual one the defaults hold. */
static bool
read_conf(const struct request *r, struct conf *conf)
{
    static struct conf_errors errors;
    const char *path = r->config != NULL ? r->config : CONF_DEFAULT_PATH;

    conf_defaults(conf);
    if (r->config != NULL || access(path, F_OK) == 0) {
        (void)conf_load(conf, path, &errors);
    } else if (r->check) {
        (void)command_error("%s is not there", path);
        return false;
    }
    conf_print_errors(&errors);
    if (r->state != NULL) {
        if (r->state[0] == '\0' || strlen(r->state) >= sizeof conf->state_dir) {
            (void)command_error(
                    "--state: expected a directory of at most %zu bytes", sizeof conf->state_dir - 1);
            return false;
        }
        (void)snprintf(conf->state_dir, sizeof conf->state_dir, "%s", r->state);
        conf->state_fixed = true;
    }
    return errors.count == 0;
}

/* Whether the files of rules are, that run_belfry() will want. */
static bool
notices_sound(const struct conf *conf)
{
    static struct conf_errors errors;
    struct notice_sets *sets;

    (void)notice_load(conf, &errors, &sets);
    notice_free(sets);
    conf_print_errors(&errors);
    return errors.count == 0;
}

int
main(int argc, char **argv)
{
    static struct conf conf;
    static struct request r;
    const struct verb *verb = NULL;

    (void)umask(077); /* all that belfry makes is for its own eyes */
    if (!read_arguments(argc, argv, &r)) {
        return COMMAND_ERROR;
    }
    if (r.help || r.version) {
        if (r.help) {
            print_usage(stdout);
        } else {
            (void)printf("belfry %s\n", TOCSIN_VERSION);
        }
        return COMMAND_WELL;
    }
    if (r.words == 0 && !r.check) {
        print_usage(stderr);
        return COMMAND_ERROR;
    }
    if (r.words > 0) {
        verb = find_verb(&r);
        if (verb == NULL) {
            return COMMAND_ERROR;
        }
    }
    if (!read_conf(&r, &conf)) {
        return COMMAND_ERROR;
    }
    if (verb == NULL) {
        if (!notices_sound(&conf)) {
            return COMMAND_ERROR;
        }
        (void)printf("configuration is sound: %u line%s, state in %s\n", conf.lines, text_s(conf.lines),
                command_shown(conf.state_dir));
        return COMMAND_WELL;
    }
    r.command.conf = &conf;
    r.command.config =
            r.config != NULL || access(CONF_DEFAULT_PATH, F_OK) != 0 ? r.config : CONF_DEFAULT_PATH;
    r.command.argument[0] = r.word[1];
    r.command.argument[1] = r.word[2];
    return verb->run(&r.command);
}
