#include "belfry/judge/bench.h"

#include <string.h>

bool
bench_vouched(struct bench *b, const char *host)
{
    const struct bench_host *h = bench_find(b, host);

    return h != NULL && h->vouched;
}

void
bench_rekey_settle(struct bench *b, const struct wire_talk *hello)
{
    struct bench_host *h = bench_find(b, hello->host);

    if (h != NULL && wire_judge_pending_drop(&h->judge, hello->session, hello->nonce, hello->token)) {
        h->changed = true;
    }
}

bool
bench_rekey_begin(
        struct bench *b, const struct wire_talk *hello, const uint8_t x[WIRE_KEY_SIZE], int64_t now_ms)
{
    struct bench_host *h = bench_find(b, hello->host);
    struct wire_key key;
    bool begun;

    if (h == NULL || now_ms < h->rekey_ms) {
        return false;
    }
    memcpy(key.bytes, x, sizeof key.bytes);
    begun = wire_judge_pending(&h->judge, hello->session, hello->nonce, &key);
    wire_wipe(&key, sizeof key);
    if (begun) {
        h->changed = true;
        h->rekey = BENCH_REKEY_BEGUN;
        h->rekey_ms = now_ms + BENCH_REKEY_MS;
    }
    return begun;
}

bool
bench_rekey_due(struct bench *b, const struct wire_talk *hello, const uint8_t x[WIRE_KEY_SIZE])
{
    struct bench_host *h = bench_find(b, hello->host);
#ifdef PLANT_REKEY_UNSAVED
    const enum bench_rekey ripe = BENCH_REKEY_BEGUN;
#else
    const enum bench_rekey ripe = BENCH_REKEY_SAVED;
#endif

    if (h == NULL || h->rekey != ripe || !h->judge.rekey.pending ||
            memcmp(h->judge.rekey.x.bytes, x, WIRE_KEY_SIZE) != 0) {
        return false;
    }
    h->rekey = BENCH_REKEY_NONE;
    return true;
}
