#include "courier/news.h"
#include "proc/link.h"
#include "wire/keys.h"
#include <errno.h>
#include <string.h>

/* Wiped, as it may be the secret of a rekey. */
static void
forget(struct news *n, unsigned at)
{
    struct courier_message *m = &n->message[n->order[at]];

    wire_wipe(m, sizeof(*m));
    memmove(n->order + at, n->order + at + 1, n->count - at - 1);
    n->count--;
}

static int32_t
sum(int32_t a, int32_t b)
{
    return a > INT32_MAX - b ? INT32_MAX : a + b;
}

void
news_tell(struct news *n, const struct courier_message *m)
{
    struct courier_message next = *m;

    for (unsigned i = 0; i < n->count; i++) {
        if (n->order[i] == m->kind) {
            next.value = m->kind == COURIER_DROPPED ? sum(n->message[m->kind].value, m->value) : m->value;
            forget(n, i);
            break;
        }
    }
    n->message[m->kind] = next;
    n->order[n->count++] = m->kind;
    wire_wipe(&next, sizeof(next));
}

int
news_send(struct news *n, int fd)
{
    while (n->count > 0) {
        struct courier_message *m = &n->message[n->order[0]];
        int error = link_send(fd, m, sizeof(*m));

        if (error == -EAGAIN) {
            return 0;
        }
        if (error < 0) {
            return error;
        }
        explicit_bzero(m, sizeof(*m)); /* it may have been the X of a rekey */
        forget(n, 0);
    }
    return 0;
}
