/*
 * Rates of the wire, one line a figure, tab-separated: name, ours, reference's name, reference, ratio, goal,
 * met or short. Each figure is the median of several rounds. The reference is the floor: the primitive alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/crc32.h"
#include "wire/hash.h"
#include "wire/seal.h"
#include "wire/stream.h"
#include "wire/tree.h"

#define ROUNDS 15
#define LINES 4096

static const struct wire_key seed = { .bytes = { 1, 2, 3 } };

struct sealed {
    char text[WIRE_LINE_MAX];
    size_t len;
};

static struct sealed line[LINES];
static struct wire_key leaf[LINES];
static volatile unsigned sink; /* so that no result is unused */

static double
now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Median seconds of one call. */
static double
median(void (*work)(void))
{
    double took[ROUNDS];

    work();
    for (unsigned i = 0; i < ROUNDS; i++) {
        double from = now_s();

        work();
        took[i] = now_s() - from;
    }
    qsort(took, ROUNDS, sizeof(took[0]), compare);
    return took[ROUNDS / 2];
}

static void
row(const char *name, double ours, const char *reference_name, double reference, double goal,
        int more_is_better)
{
    int met = more_is_better ? ours >= goal : ours <= goal;

    printf("%s\t%.4g\t%s\t%.4g\t%.3g\t%s %.4g\t%s\n", name, ours, reference_name, reference,
            reference > 0 ? ours / reference : 0, more_is_better ? ">=" : "<=", goal, met ? "met" : "short");
}

static size_t
compose(uint32_t number, char *text)
{
    static const char detail[] = "path=/etc/passwd mode=0644>0666";
    const struct wire_head head = { .severity = WIRE_CRIT,
        .host = "web03",
        .nonce = "K3QF",
        .session = 17,
        .number = number,
        .mono_s = 812,
        .utc_s = 1795289645,
        .code = "integrity.changed" };

    return (size_t)wire_line_compose(&head, detail, sizeof(detail) - 1, text, WIRE_LINE_MAX);
}

static void
seal_all(void)
{
    struct wire_tree tree;
    struct wire_key key;

    wire_tree_init(&tree, &seed, WIRE_TREE_DEPTH);
    for (uint32_t n = 0; n < LINES; n++) {
        size_t len = compose(n, line[n].text);

        wire_tree_next(&tree, &key);
        line[n].len = (size_t)wire_seal(&key, line[n].text, len, WIRE_LINE_MAX);
    }
}

/* The floor of sealing and proving: one keyed hash over as many bytes. */
static void
hash_all(void)
{
    uint8_t tag[13];

    for (uint32_t n = 0; n < LINES; n++) {
        wire_hash_keyed(seed.bytes, line[n].text, line[n].len - 25, tag, sizeof(tag));
        sink += tag[0];
    }
}

static void
prove(const struct wire_key *key, const struct sealed *l)
{
    struct wire_line parsed;

    if (wire_line_parse(l->text, l->len, &parsed) != 0 || !wire_tag_proves(key, &parsed)) {
        fprintf(stderr, "bench_wire: a line was not proved\n");
        exit(1);
    }
}

static void
prove_random(void)
{
    for (uint32_t i = 0; i < LINES; i++) {
        uint32_t n = i * 2654435761u % LINES;
        struct wire_key key;

        wire_tree_at(&seed, n, WIRE_TREE_DEPTH, &key);
        prove(&key, &line[n]);
    }
}

static void
prove_cached(void)
{
    for (uint32_t n = 0; n < LINES; n++) {
        prove(&leaf[n], &line[n]);
    }
}

static bool
refuse(void *to, const struct wire_line *l, enum wire_seen seen)
{
    (void)to;
    (void)l;
    (void)seen;
    sink++;
    return false;
}

static void
ignore(void *to, const char *text, size_t len)
{
    (void)to;
    (void)text;
    sink += (unsigned)len;
}

static const struct wire_stream_ops ops = { .candidate = refuse, .torn = ignore, .text = ignore };

static struct wire_stream stream;
static char text[4 << 20];
static size_t text_len;

/* Console text of 80 columns, a sealed line in every twenty. */
static void
make_text(void)
{
    uint64_t x = 88172645463325252u;

    while (text_len + 400 < sizeof(text)) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if (x % 20 == 0) {
            memcpy(text + text_len, line[x / 32 % LINES].text, line[x / 32 % LINES].len);
            text_len += line[x / 32 % LINES].len;
        } else {
            text_len += (size_t)snprintf(text + text_len, 120,
                    "Nov 21 19:34:05 web03 systemd[1]: Started session %u of user root, slice %u.",
                    (unsigned)x % 999, (unsigned)(x >> 32) % 9999);
        }
        text[text_len++] = '\n';
    }
}

static void
read_text(void)
{
    wire_stream_init(&stream, &ops, NULL);
    wire_stream_feed(&stream, (const uint8_t *)text, text_len);
    wire_stream_flush(&stream);
}

static void
crc_text(void)
{
    sink += wire_crc32(text, text_len);
}

/* Heads and middles that any cut could continue, and an ending that fits none of them. */
static void
make_damage(void)
{
    static const char seal[] = " ~0123456789ABCDEFGHJKMNPQ";

    text_len = 0;
    for (unsigned i = 0; i < 10; i++) {
        text_len += (size_t)sprintf(text + text_len, i % 2 ? "%.*s\n" : "%.*s~0123456789ABC\n",
                (int)line[i].len - 30, line[i].text + i % 2);
    }
    text_len += (size_t)sprintf(text + text_len, "0%s0%s0%s0%s\n", seal, seal, seal, seal);
}

/* The same number of tries, each computed from the beginning. */
static void
crc_tries(void)
{
    for (unsigned i = 0; i < WIRE_STREAM_TRIES; i++) {
        sink += wire_crc32(line[i % LINES].text, line[i % LINES].len - WIRE_CHECK_CHARS);
    }
}

int
main(void)
{
    double floor;
    double took;

    for (uint32_t n = 0; n < LINES; n++) {
        wire_tree_at(&seed, n, WIRE_TREE_DEPTH, &leaf[n]);
    }
    took = median(seal_all);
    floor = median(hash_all);
    row("wire seal, ns a line", took / LINES * 1e9, "one keyed BLAKE3", floor / LINES * 1e9, 2000, 0);
    took = median(prove_random);
    row("wire verify, any key, lines/s", LINES / took, "one keyed BLAKE3", LINES / floor, 150000, 1);
    took = median(prove_cached);
    row("wire verify, key at hand, lines/s", LINES / took, "one keyed BLAKE3", LINES / floor, 800000, 1);
    make_text();
    took = median(read_text);
    floor = median(crc_text);
    row("wire stream, clean text, MB/s", (double)text_len / took / 1e6, "CRC-32 of it",
            (double)text_len / floor / 1e6, 5, 1);
    make_damage();
    took = median(read_text);
    floor = median(crc_tries);
    row("wire stream, worst damaged line, ms", took * 1e3, "40000 whole CRCs", floor * 1e3, 5, 0);
    if (stream.capped == 0) {
        fprintf(stderr, "bench_wire: the damaged line was not the worst\n");
        return 1;
    }
    return 0;
}
