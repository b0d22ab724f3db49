#include "belfry/page/ask.h"
#include "belfry/page/host.h"
#include "belfry/page/html.h"
#include "belfry/page/metrics.h"
#include "belfry/page/timeline.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Printable, and no tag but those that the page writes itself. */
static void
check_sheet(struct sheet *s, bool html)
{
    for (size_t i = 0; i < s->len; i++) {
        if ((s->at[i] < 0x20 || s->at[i] > 0x7E) && s->at[i] != '\n') {
            abort();
        }
    }
    if (html && s->at != NULL && strstr(s->at, "<fuzz") != NULL) {
        abort();
    }
    sheet_free(s);
}

static void
write_all(const struct model *m)
{
    static struct rows rows;
    struct html_view v = { .model = m, .rows = &rows };
    struct sheet s = { .at = NULL };

    rows_make(&rows, m);
    html_overview(&s, &v);
    html_alarms(&s, &v);
    if (m->lines > 0) {
        html_line(&s, &v, &m->line[0]);
        timeline_svg(&s, &m->line[0], m->now_ms, true);
    }
    check_sheet(&s, true);
    metrics_write(&s, m, 1, 1);
    html_text(&s, &v);
    check_sheet(&s, false);
}

/* Whatever belfry answers, in pieces of whatever size; after each, the clock goes on a little. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model *m; /* both on the heap, where every byte beyond them is guarded */
    static struct ask *a;
    char out[CTL_REQUEST_MAX];
    char host[80];
    int64_t now_ms = 0;

    m = m != NULL ? m : malloc(sizeof *m);
    a = a != NULL ? a : malloc(sizeof *a);
    if (m == NULL || a == NULL || model_init(m) != 0) {
        abort();
    }
    (void)snprintf(host, sizeof host, "%.*s", (int)(size < 79 ? size : 79), (const char *)data);
    (void)host_fits(host);
    ask_init(a, m, now_ms);
    while (size > 1) {
        size_t piece = data[0] < size - 1 ? (size_t)data[0] + 1 : size - 1;

        (void)ask_request(a, now_ms, out);
        if (!ask_take(a, (const char *)data + 1, piece)) {
            break;
        }
        data += piece + 1;
        size -= piece + 1;
        now_ms += 100;
    }
    write_all(m);
    model_free(m);
    return 0;
}
