/* Where a line is: the word behind its kind. */
#include "belfry/conf/parse.h"

#include "hal/host/usb_name.h"

#include <arpa/inet.h>
#include <string.h>

static bool
host_valid(const char *host)
{
    static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

    return host[0] != '\0' && host[0] != '-' && strspn(host, name) == strlen(host);
}

bool
conf_host_port(const char *text, char host[CONF_HOST], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    bool bracket = text[0] == '[';
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    uint8_t bytes[16];
    uint64_t n;

    if (colon == NULL || !conf_number(colon + 1, UINT16_MAX, &n) || n == 0) {
        return false;
    }
    if (bracket) {
        if (len < 3 || text[len - 1] != ']') {
            return false;
        }
        text++;
        len -= 2;
    }
    if (len == 0 || len >= CONF_HOST) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    *port = (uint16_t)n;
    return bracket ? inet_pton(AF_INET6, host, bytes) == 1 : host_valid(host);
}

static bool
take_host_port(struct conf_parser *p, const struct conf_word *word, unsigned place, struct conf_line *line)
{
    char host[CONF_HOST];

    if (!conf_host_port(word[place].text, host, &line->port)) {
        conf_complain(p, "\"%s\"; expected HOST:PORT, as cs1:7001 or [2001:db8::1]:7001",
                conf_shown(word[place].text));
        return false;
    }
    line->host = conf_keep(p, host);
    line->path = conf_keep(p, word[place].text);
    return line->host != NULL && line->path != NULL;
}

/* All from `place` on is the program and its arguments. */
static bool
take_command(struct conf_parser *p, const struct conf_word *word, unsigned place, struct conf_line *line)
{
    unsigned count = p->words - place;
    const char **argv;
    size_t size = 1;
    char *text;

    if (!conf_absolute(p, word[place].text, "a program")) {
        return false;
    }
    argv = conf_keep_room(p, (count + 1) * sizeof *argv);
    for (unsigned i = 0; i < count; i++) {
        size += word[place + i].len + 1;
    }
    text = conf_keep_room(p, size);
    if (argv == NULL || text == NULL) {
        return false;
    }
    line->path = text;
    for (unsigned i = 0; i < count; i++) {
        argv[i] = conf_keep(p, word[place + i].text);
        if (argv[i] == NULL) {
            return false;
        }
        text = i > 0 ? stpcpy(text, " ") : text;
        text = stpcpy(text, argv[i]);
    }
    argv[count] = NULL;
    line->argv = argv;
    return true;
}

static bool
take_path(struct conf_parser *p, const char *text, const char *what, struct conf_line *line)
{
    if (!conf_absolute(p, text, what)) {
        return false;
    }
    line->path = conf_keep(p, text);
    return line->path != NULL;
}

/* What follows the prefix, NULL when it does not stand there. */
static const char *
behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static bool
take_serial(struct conf_parser *p, const char *text, struct conf_line *line)
{
    const char *usb = behind(text, CONF_USB);
    const char *port = behind(text, CONF_USB_PORT);
    struct hal_usb_name name;

    if (usb == NULL && port == NULL) {
        return take_path(p, text, "a device", line);
    }
    if (usb != NULL && !hal_usb_name_parse(usb, &name)) {
        conf_complain(p, "\"%s\"; expected usb:VID:PID or usb:VID:PID:SERIAL", conf_shown(text));
        return false;
    }
    if (port != NULL && !hal_usb_is_place(port)) {
        conf_complain(
                p, "\"%s\"; expected a place as usb-port:1-1.2 or usb-port:1-1.2:1.0", conf_shown(text));
        return false;
    }
    line->path = conf_keep(p, text);
    return line->path != NULL;
}

bool
conf_place(struct conf_parser *p, const struct conf_word *word, unsigned place, struct conf_line *line)
{
    const char *text = word[place].text;

    switch (line->kind) {
    case CONF_TCP:
    case CONF_TELNET:
    case CONF_TLS:
        return take_host_port(p, word, place, line);
    case CONF_COMMAND:
        return take_command(p, word, place, line);
    case CONF_SERIAL:
        return take_serial(p, text, line);
    case CONF_PTY:
        return take_path(p, text, "a symbolic link to make", line);
    case CONF_UNIX:
        if (word[place].len >= CONF_UNIX_PATH) {
            conf_complain(
                    p, "\"%s\"; expected a path of at most %d bytes", conf_shown(text), CONF_UNIX_PATH - 1);
            return false;
        }
        return take_path(p, text, "a socket", line);
    default:
        return take_path(p, text, "a file", line);
    }
}
