#include "conf/attrs.h"
#include "conf/conf.h"
#include <errno.h>
#include <string.h>

/* A line that is put together and goes out when it fits. */
struct out_line {
    char text[CONF_LINE_MAX + 1];
    size_t len;
    bool full;
};

static void
put(struct out_line *line, const char *text, size_t len)
{
    if (len > CONF_LINE_MAX - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void
put_byte(struct out_line *line, unsigned char c, bool quoted, bool first)
{
    static const char hex[] = "0123456789ABCDEF";
    char code[3] = { '%', hex[c >> 4], hex[c & 15] };

    if (quoted && (c == '"' || c == '\\')) {
        put(line, "\\", 1);
    } else if ((c < 0x20 && !(quoted && c == '\t')) || c == 0x7F || c == '%' ||
               (!quoted && (c == ' ' || c == '"' || (c == '#' && first)))) {
        put(line, code, sizeof(code));
        return;
    }
    put(line, (const char *)&c, 1);
}

static void
put_form(struct out_line *line, const char *value, bool quoted)
{
    size_t len = strlen(value);

    put(line, "\"", quoted);
    for (size_t i = 0; i < len; i++) {
        put_byte(line, (unsigned char)value[i], quoted, i == 0);
    }
    put(line, "\"", quoted);
}

/*
 * The shorter of the two forms, bare with %HH and quoted: whatever form it was read from, it is not longer
 * now, so a line that was read fits when it is written.
 */
static void
put_value(struct out_line *line, const char *value)
{
    struct out_line bare = { .len = 0 };
    struct out_line quoted = { .len = 0 };

    put_form(&bare, value, false);
    put_form(&quoted, value, true);
    bool use_bare = !bare.full && bare.len > 0 && (quoted.full || bare.len <= quoted.len);
    const struct out_line *form = use_bare ? &bare : &quoted;

    line->full = line->full || form->full;
    put(line, form->text, form->len);
}

/* False sticks in *error. */
static void
end_line(const struct out_line *line, FILE *out, int *error)
{
    if (line->full) {
        *error = -EMSGSIZE;
    } else if (*error == 0 && fprintf(out, "%.*s\n", (int)line->len, line->text) < 0) {
        *error = -EIO;
    }
}

static void
write_pair(const char *keyword, const char *value, FILE *out, int *error)
{
    struct out_line line = { .len = 0 };

    put(&line, keyword, strlen(keyword));
    put(&line, " ", 1);
    put_value(&line, value);
    end_line(&line, out, error);
}

static void
write_list(const char *keyword, const char (*list)[CONF_PATH], unsigned count, FILE *out, int *error)
{
    for (unsigned i = 0; i < count; i++) {
        write_pair(keyword, list[i], out, error);
    }
}

static void
put_condition(struct out_line *line, const char *head, const char *value)
{
    char text[CONF_UNIT + 8];

    if (value[0] != '\0') {
        snprintf(text, sizeof(text), "%s%s", head, value);
        put(line, " ", 1);
        put_value(line, text);
    }
}

static void
write_port(const struct conf_port *port, FILE *out, int *error)
{
    struct out_line line = { .len = 0 };
    char head[CONF_PLACE + 16];
    char place[CONF_PLACE];
    int n = snprintf(
            head, sizeof(head), "Port %s %s", conf_proto_name(port->proto), conf_port_place(port, place));

    put(&line, head, (size_t)n);
    for (unsigned i = 0; i < port->processes; i++) {
        put(&line, " ", 1);
        put_value(&line, port->process[i]);
    }
    put_condition(&line, "uid=", port->user);
    put_condition(&line, "unit=", port->unit);
    put_condition(&line, "netns=", port->netns);
    end_line(&line, out, error);
}

int
conf_write_port(const struct conf_port *port, FILE *out)
{
    int error = 0;

    write_port(port, out, &error);
    return error;
}

static void
write_daemon(const struct conf_daemon *d, FILE *out, int *error)
{
    static const char *const keys[] = { "", "args=", "unit=", "pidfile=" };
    const char *const parts[] = { d->exe, d->args, d->unit, d->pidfile };
    struct out_line line = { .len = 0 };
    char word[CONF_PATH + 16];

    put(&line, "Daemon", strlen("Daemon"));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (parts[i][0] != '\0') {
            snprintf(word, sizeof(word), "%s%s", keys[i], parts[i]);
            put(&line, " ", 1);
            put_value(&line, word);
        }
    }
    end_line(&line, out, error);
}

static void
write_mount(const struct conf_mount *mount, FILE *out, int *error)
{
    struct out_line line = { .len = 0 };

    put(&line, "Mount ", strlen("Mount "));
    put_value(&line, mount->path);
    put(&line, mount->read_only ? " ro" : " rw", 3);
    for (unsigned bit = 0; conf_mount_option(bit) != NULL; bit++) {
        if ((mount->options & 1u << bit) != 0) {
            put(&line, " ", 1);
            put(&line, conf_mount_option(bit), strlen(conf_mount_option(bit)));
        }
    }
    if (mount->window_s != 0) {
        char window[32];
        int n = snprintf(window, sizeof(window), " window=%us", mount->window_s);

        put(&line, window, (size_t)n);
    }
    end_line(&line, out, error);
}

int
conf_write_mount(const struct conf_mount *mount, FILE *out)
{
    int error = 0;

    write_mount(mount, out, &error);
    return error;
}

static void
put_number(struct out_line *line, const char *head, uint32_t number)
{
    char text[32];

    if (number != 0) {
        int n = snprintf(text, sizeof(text), " %s%u", head, number);
        put(line, text, (size_t)n);
    }
}

static void
put_words(struct out_line *line, const char *words)
{
    put(line, words, strlen(words));
}

static void
put_flow(struct out_line *line, enum conf_flow flow)
{
    if (flow != CONF_FLOW_NONE) {
        put_words(line, flow == CONF_FLOW_RTSCTS ? " flow=rtscts" : " flow=xonxoff");
    }
}

static void
write_channel(const struct conf_channel *channel, FILE *out, int *error)
{
    struct out_line line = { .len = 0 };

    put_words(&line, "Channel ");
    put_words(&line, channel->scheme);
    put_words(&line, " ");
    put_value(&line, channel->device);
    put_number(&line, "", channel->baud);
    if (channel->frame[0] != '\0') {
        put_words(&line, " ");
        put_words(&line, channel->frame);
    }
    put_flow(&line, (enum conf_flow)channel->flow);
    put_number(&line, "lines ", channel->lines);
    put_number(&line, "columns=", channel->columns);
    put_number(&line, "page=", channel->page);
    put_number(&line, "seed=", channel->seed);
    put_words(&line, channel->lock ? " lock" : "");
    put_words(&line, channel->fallback ? " policy=fallback" : "");
    if (channel->floor != WIRE_INFO) {
        put_words(&line, " floor=");
        put_words(&line, wire_severity_name((enum wire_severity)channel->floor));
    }
    end_line(&line, out, error);
}

static void
put_text(struct out_line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void
write_set(const struct conf_set *set, FILE *out, int *error)
{
    struct out_line line = { .len = 0 };

    put_text(&line, "Set ");
    put_text(&line, set->name);
    for (unsigned bit = 0; conf_attr_name(bit) != NULL; bit++) {
        if ((set->attrs >> bit & 1) != 0) {
            put_text(&line, " ");
            put_text(&line, conf_attr_name(bit));
        }
    }
    end_line(&line, out, error);
}

static void
put_max(struct out_line *line, uint64_t max)
{
    static const char letters[][2] = { "", "K", "M", "G" };
    char text[32];
    unsigned times = 0;

    while (times < 3 && max % 1024 == 0) {
        max /= 1024;
        times++;
    }
    snprintf(text, sizeof(text), " max=%llu%s", (unsigned long long)max, letters[times]);
    put_text(line, text);
}

static void
write_watch(const struct conf_watch *watch, FILE *out, int *error)
{
    struct out_line line = { .len = 0 };
    const char *before = " fs=";

    put_text(&line, "Watch ");
    put_value(&line, watch->path);
    if (watch->set[0] != '\0') {
        put_text(&line, " ");
        put_text(&line, watch->set);
    }
    put_text(&line, watch->one_fs ? " onefs" : "");
    for (unsigned bit = 0; conf_fs_name(bit) != NULL; bit++) {
        if ((watch->fs >> bit & 1) != 0) {
            put_text(&line, before);
            put_text(&line, conf_fs_name(bit));
            before = ",";
        }
    }
    if (watch->max != 0) {
        put_max(&line, watch->max);
    }
    end_line(&line, out, error);
}

static void
write_files(const struct conf *conf, FILE *out, int *error)
{
    fputs("\n# Files and trees that must not change: Watch PATH [SET] [OPTION...], and what is left out. "
          "The\n"
          "# rule that matches most of a path holds for it. SET says what is compared: config (without "
          "one),\n"
          "# binaries, logs, directories, devices, metadata, all, or one of your own:\n"
          "#Set mine = binaries -inode +mtime\n",
            out);
    for (unsigned i = 0; i < conf->sets; i++) {
        write_set(&conf->set[i], out, error);
    }
    for (unsigned i = 0; i < conf->watches; i++) {
        write_watch(&conf->watch[i], out, error);
    }
    write_list("Ignore", conf->ignore, conf->ignores, out, error);
}

static void
write_times(const struct conf *conf, FILE *out)
{
    fputs("\n# A sign of life each Beat seconds (1 to 60). Changes are noticed as they happen; these are "
          "the\n"
          "# looks behind the events: at all files each Sweep seconds, at all ports each PortSweep\n"
          "# milliseconds. All content is read once in FullSweep seconds, at SweepShare percent of a core at "
          "most.\n",
            out);
    fprintf(out, "Beat %u\nSweep %u\nFullSweep %u\nSweepShare %u\nPortSweep %u\n", conf->beat_s,
            conf->sweep_s, conf->full_sweep_s, conf->sweep_share, conf->port_sweep_ms);
}

static void
write_receiver(const struct conf *conf, FILE *out)
{
    char text[CONF_RECEIVER_TEXT];

    fputs("\n# The receiver on the network: ADDRESS[:PORT], [ADDRESS]:PORT or NAME[:PORT], port 8627 without "
          "one.\n"
          "# Lines go there as well, encrypted, with a sign of life each CheckIn seconds (1 to 60); whether\n"
          "# there is a way to it is looked at all the time.\n",
            out);
    fprintf(out, "%sReceiver %s\nCheckIn %u\n", conf->receiver.name[0] == '\0' ? "#" : "",
            conf->receiver.name[0] == '\0' ? "192.0.2.7" : conf_receiver_text(&conf->receiver, text),
            conf->check_in_s);
}

static void
write_channels(const struct conf *conf, FILE *out, int *error)
{
    fputs("\n# Where the lines go: Channel SCHEME DEVICE [BAUD [FRAME]] [OPTION...]. SCHEME is serial (a "
          "serial\n"
          "# line), console (the kernel's console), tty (a terminal line, or a virtual console), screen "
          "(some\n"
          "# rows of a virtual console), printer, usb (the logger), file or null. Without a channel no "
          "alarm\n"
          "# leaves this machine but over the network. policy=fallback: silent but for beats, ERRO and "
          "worse,\n"
          "# until the network is lost. floor=WARN: nothing less severe goes there. For example:\n"
          "#Channel serial /dev/ttyS1 115200 8n1\n"
          "#Channel serial /dev/ttyS1 9600 8n1 policy=fallback floor=NOTE\n"
          "#Channel serial usb:0403:6001:A50285BI 115200\n"
          "#Channel console\n"
          "#Channel tty /dev/tty12 lock\n"
          "#Channel screen /dev/tty1 lines 4 floor=WARN\n"
          "#Channel printer /dev/lp0 columns=80 page=66 floor=ERRO\n",
            out);
    for (unsigned i = 0; i < conf->channels; i++) {
        write_channel(&conf->channel[i], out, error);
    }
}

static void
write_allow(const struct conf_allow *allow, FILE *out, int *error)
{
    const char *name = conf_view_name((enum conf_view)allow->view);
    struct out_line line = { .len = 0 };

    put(&line, "View ", strlen("View "));
    put(&line, name, strlen(name));
    put(&line, " allow ", strlen(" allow "));
    put_value(&line, allow->what);
    end_line(&line, out, error);
}

int
conf_write_allow(const struct conf_allow *allow, FILE *out)
{
    int error = 0;

    write_allow(allow, out, &error);
    return error;
}

static void
write_views(const struct conf *conf, FILE *out, int *error)
{
    fputs("\n# Views that should agree: View NAME on|off, with the seconds between two looks, and what is\n"
          "# normal here: View NAME allow WHAT.\n",
            out);
    for (unsigned i = 0; i < CONF_VIEWS; i++) {
        const char *name = conf_view_name((enum conf_view)i);

        if (conf->view_s[i] == 0) {
            fprintf(out, "View %s off\n", name);
        } else {
            fprintf(out, "View %s on %u\n", name, conf->view_s[i]);
        }
    }
    for (unsigned i = 0; i < conf->allows; i++) {
        write_allow(&conf->allow[i], out, error);
    }
}

static void
write_protects(const struct conf *conf, FILE *out)
{
    fputs("\n# The machine's other guards: Protect NAME [within=TIME]. Watches their programs, settings and\n"
          "# data, demands their daemons, and tells when one has not run within TIME (26h, 8d; off).\n"
          "# NAME is aide, tripwire, samhain, rkhunter, chkrootkit, cron or mailer; auto is what is "
          "installed.\n",
            out);
    if (conf->protect_auto) {
        fputs("Protect auto\n", out);
    }
    for (unsigned i = 0; i < CONF_PROTECTS; i++) {
        const struct conf_protector *c = &conf->protect[i];

        if (!c->on) {
            continue;
        }
        fprintf(out, "Protect %s", conf_protect_name((enum conf_protect)i));
        if (c->given && c->within_s == 0) {
            fputs(" within=off", out);
        } else if (c->given && c->within_s % 3600 == 0) {
            fprintf(out, " within=%uh", c->within_s / 3600);
        } else if (c->given) {
            fprintf(out, " within=%us", c->within_s);
        }
        fputc('\n', out);
    }
}

int
conf_write(const struct conf *conf, FILE *out)
{
    int error = 0;

    fputs("# Configuration of tocsin, see tocsin.conf(5). One entry a line; # begins a comment. A value "
          "with\n"
          "# blanks stands in \"quotes\"; %HH is a byte in hexadecimal, as alarms show it.\n"
          "\n# The name of this machine in every line it sends: 1 to 15 of a-z, 0-9 and -.\n",
            out);
    write_pair("Host", conf->host, out, &error);
    fputs("\n# Keys, baseline and the number of the last session. Nobody but root may read it.\n", out);
    write_pair("StateDir", conf->state_dir, out, &error);
    fputs("\n# Whom the processes that watch run as. Without it: tocsin when there is such a user, else "
          "numbers that\n"
          "# nobody has.\n",
            out);
    if (conf->user[0] != '\0') {
        write_pair("User", conf->user, out, &error);
    } else {
        fputs("#User tocsin\n", out);
    }
    write_times(conf, out);
    write_receiver(conf, out);
    write_channels(conf, out, &error);
    write_files(conf, out, &error);
    fputs("\n# Ports that must be open, and who may hold them: Port PROTOCOL NUMBER PROCESS [PROCESS...].\n"
          "# PROTOCOL is tcp, udp, udplite, sctp, vsock, raw or packet. PROCESS is an executable's path, "
          "its\n"
          "# base name, or - for no process that can be seen. With \"any\" as NUMBER its processes may hold "
          "any\n"
          "# port that the kernel hands out by itself. Conditions: ADDRESS:NUMBER, uid=, unit=, netns=.\n"
          "# Any other open port is an alarm.\n",
            out);
    if (conf->own_netns) {
        fputs("# Other network namespaces, as those of containers, are not looked at.\nNamespaces own\n",
                out);
    }
    for (unsigned i = 0; i < conf->ports; i++) {
        write_port(&conf->port[i], out, &error);
    }
    fputs("\n# Daemons that must run: Daemon [PATH] [args=WORDS] [unit=UNIT] [pidfile=PATH], the path of "
          "the\n"
          "# executable, words among its arguments, a systemd unit, and the file that holds its pid.\n",
            out);
    if (conf->daemon_grace_s != 0) {
        fputs("# One that is back within these seconds is told as restarted and is no alarm.\n", out);
        fprintf(out, "DaemonGrace %u\n", conf->daemon_grace_s);
    }
    for (unsigned i = 0; i < conf->daemons; i++) {
        write_daemon(&conf->daemon[i], out, &error);
    }
    write_views(conf, out, &error);
    fputs("\n# Mount points that must be there: Mount PATH ro|rw [OPTION...]. OPTION is nosuid, nodev or "
          "noexec;\n"
          "# with ro also bind (the file system may be writable through another mount) or device (its block\n"
          "# device is set read-only, too), and window=30m (writable for so long at a time). A disk in place "
          "of\n"
          "# PATH (LABEL=, UUID=, ...) is meant wherever it is mounted.\n",
            out);
    for (unsigned i = 0; i < conf->mounts; i++) {
        write_mount(&conf->mount[i], out, &error);
    }
    write_protects(conf, out);
    if (error == 0 && (fflush(out) != 0 || ferror(out))) {
        error = errno != 0 ? -errno : -EIO;
    }
    return error;
}
