#include "courier/syncer.h"
#include "alarm/errand.h"
#include <stdalign.h>

#define STACK 65536

static struct errand errand = { .wake = -1, .done = -1 };
static struct spool *given;
static const struct addresses_order *meant;
static int synced;
static int saved;

static alignas(4096) uint8_t stack[STACK];

static void
work(void)
{
    saved = meant != NULL ? addresses_save(meant) : 0;
    synced = spool_sync(given);
}

int
syncer_start(void)
{
    return errand_start(&errand, work, stack, sizeof(stack));
}

int
syncer_fd(void)
{
    return errand.done;
}

void
syncer_give(struct spool *spool, const struct addresses_order *addresses)
{
    given = spool;
    meant = addresses;
    errand_give(&errand);
}

bool
syncer_take(int *of_spool, int *of_addresses)
{
    if (!errand_back(&errand)) {
        return false;
    }
    *of_spool = synced;
    *of_addresses = saved;
    return true;
}
