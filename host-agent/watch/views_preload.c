#include "watch/views_preload.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/*
 * The file is missing on nearly every machine; where it is there, it is short. So it is read at each look.
 */
static struct {
    bool unreadable;
} preload;

static bool
separates(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == ':';
}

size_t
preload_word(const char **at, const char *end, const char **word)
{
    const char *c = *at;

    while (c < end && (separates(*c) || *c == '#')) {
        if (*c == '#') {
            const char *newline = memchr(c, '\n', (size_t)(end - c));

            c = newline != NULL ? newline : end - 1;
        }
        c++;
    }
    *word = c;
    while (c < end && !separates(*c) && *c != '#') {
        c++;
    }
    *at = c;
    return (size_t)(c - *word);
}

static void
tell(struct views *v, const char *word, size_t len)
{
    struct finding f;

    if (conf_allows(v->env.conf, CONF_VIEW_PRELOAD, word, len)) {
        return;
    }
    finding_begin(&f, FINDING_PRELOAD_SET, "preload", word, len);
    view_found(v, CONF_VIEW_PRELOAD, &f);
}

static int64_t
preload_look(struct views *v, int64_t now_ms)
{
    const char *text = "";
    ssize_t len = views_read(AT_FDCWD, "/etc/ld.so.preload", &text);

    (void)now_ms;
    view_self(v, &preload.unreadable, len < 0 && len != -ENOENT, "preload_list", "unreadable");
    if (len < 0 && len != -ENOENT) {
        return VIEW_DONE;
    }
    const char *end = text + (len > 0 ? len : 0);
    const char *word;

    view_begin(v, CONF_VIEW_PRELOAD);
    for (size_t n = preload_word(&text, end, &word); n > 0; n = preload_word(&text, end, &word)) {
        tell(v, word, n);
    }
    view_end(v, CONF_VIEW_PRELOAD);
    return VIEW_DONE;
}

static int
preload_open(struct views *v)
{
    (void)v;
    preload.unreadable = false;
    return 0;
}

const struct view_ops views_preload_ops = {
    .view = CONF_VIEW_PRELOAD,
    .open = preload_open,
    .look = preload_look,
};
