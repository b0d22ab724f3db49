/* The answers that any other program of this format must give too: tests/vectors, SPEC.md section 10. */
#include "support/check.h"
#include "wire/crc32.h"
#include "wire/keys.h"
#include "wire/pair.h"
#include "wire/seal.h"
#include "wire/tree.h"

static const struct wire_key seed = { .bytes = { 1, 2, 3 } };

static const char line_42[] = "!1 CRIT web03 17-K3QF.42@812 20261121T193405Z daemon.down name=sshd pid=812 "
                              "~FJZBT8V40PYQGQD9P2YZ1RN9";
static const char line_43[] =
        "!1 INFO web03 17-K3QF.43@840 20261121T193433Z agent.beat next=30 ~2XK4ANPET8938XM4BPQJR5EF";

static void
key_hex(const struct wire_key *key, char hex[2 * WIRE_KEY_SIZE + 1])
{
    for (unsigned i = 0; i < WIRE_KEY_SIZE; i++) {
        snprintf(hex + (size_t)2 * i, 3, "%02x", key->bytes[i]);
    }
}

static void
leaves_are_those_of_the_vectors(void)
{
    static const struct {
        uint32_t number;
        const char *hex;
    } leaf[] = {
        { 0, "840c45aa122c491cd82ab7fe68113dd07592cc5ab22a51ea0650daecf28be4e0" },
        { 1, "5ab12d59b01dbc40ce7f0f5eda09f500a0ef6e67a32877b3a8c338ccfaabd6cf" },
        { 255, "5ad2162fbae61021da3a12a7af11c253fc667a07ab75c8467ade1ce4418b7be9" },
        { 16777215, "d697f5f19ada4f2281a25ad0ca4a499b8038ec3c022fc989b1d77309b77d22f2" },
    };

    for (unsigned i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++) {
        struct wire_key key;
        char hex[2 * WIRE_KEY_SIZE + 1];

        wire_tree_at(&seed, leaf[i].number, WIRE_TREE_DEPTH, &key);
        key_hex(&key, hex);
        CHECK_STR(hex, leaf[i].hex);
    }
}

static void
check_seal(const struct wire_head *head, const char *detail, const char *want)
{
    char line[WIRE_LINE_MAX + 1];
    struct wire_line parsed;
    struct wire_key leaf;
    int n = wire_line_compose(head, detail, strlen(detail), line, sizeof(line));

    wire_tree_at(&seed, head->number, WIRE_TREE_DEPTH, &leaf);
    CHECK(n > 0);
    n = wire_seal(&leaf, line, (size_t)n, WIRE_LINE_MAX);
    CHECK(n > 0);
    line[n] = '\0';
    CHECK_STR(line, want);
    CHECK_INT(wire_line_parse(line, (size_t)n, &parsed), 0);
    CHECK(wire_tag_proves(&leaf, &parsed));
    CHECK_INT(parsed.head.utc_s, head->utc_s);
    CHECK_STR(parsed.head.code, head->code);
}

static void
sealed_lines_are_those_of_the_vectors(void)
{
    struct wire_head head = {
        .severity = WIRE_CRIT,
        .host = "web03",
        .nonce = "K3QF",
        .session = 17,
        .number = 42,
        .mono_s = 812,
        .utc_s = 1795289645,
        .code = "daemon.down",
    };

    check_seal(&head, "name=sshd pid=812", line_42);
    head.severity = WIRE_INFO;
    head.number = 43;
    head.mono_s = 840;
    head.utc_s = 1795289673;
    memcpy(head.code, "agent.beat", sizeof("agent.beat"));
    check_seal(&head, "next=30", line_43);
}

static const char *const way[] = {
#include "vectors/keys.inc"
};

/* Every step from the pairing code to a sealed line, as other programs computed them. */
static void
keys_from_secret_to_leaf_are_those_of_the_vectors(void)
{
    struct wire_key key;
    struct wire_key root;
    struct wire_line line;
    char hex[2 * WIRE_KEY_SIZE + 1];
    char secret[WIRE_PAIR_CHARS];
    size_t at;

    CHECK_INT(wire_pair_parse(way[8], strlen(way[8]), secret, &at), 0);
    CHECK_MEM(secret, way[0], WIRE_PAIR_CHARS);
    wire_key_psk(secret, way[1], &key);
    key_hex(&key, hex);
    CHECK_STR(hex, way[2]);
    wire_key_root(secret, way[1], &root);
    key_hex(&root, hex);
    CHECK_STR(hex, way[3]);
    wire_key_next_root(&root, &root);
    key_hex(&root, hex);
    CHECK_STR(hex, way[4]);
    wire_key_next_root(&root, &root);
    wire_key_session(&root, 2, "K3QF", way[1], &key);
    key_hex(&key, hex);
    CHECK_STR(hex, way[5]);
    wire_tree_at(&key, 1000003, WIRE_TREE_DEPTH, &key);
    key_hex(&key, hex);
    CHECK_STR(hex, way[6]);
    CHECK_INT(wire_line_parse(way[7], strlen(way[7]), &line), 0);
    CHECK(wire_tag_proves(&key, &line));
    key.bytes[31] ^= 1;
    CHECK(!wire_tag_proves(&key, &line));
}

static const char *const rekey[] = {
#include "vectors/rekey.inc"
};

static void
a_rekeyed_root_and_its_id_are_those_of_the_vectors(void)
{
    struct wire_key x;
    struct wire_key root;
    struct wire_key key;
    char hex[2 * WIRE_KEY_SIZE + 1];
    char id[WIRE_REKEY_ID + 1];

    for (unsigned i = 0; i < WIRE_KEY_SIZE; i++) {
        x.bytes[i] = (uint8_t)i;
    }
    key_hex(&x, hex);
    CHECK_STR(hex, rekey[0]);
    wire_key_rekey_id(&x, id);
    CHECK_STR(id, rekey[1]);
    wire_key_root(way[0], way[1], &root);
    wire_key_next_root(&root, &root);
    wire_key_next_root(&root, &root);
    key_hex(&root, hex);
    CHECK_STR(hex, rekey[2]);
    wire_key_rekey(&root, &x, &root);
    key_hex(&root, hex);
    CHECK_STR(hex, rekey[3]);
    wire_key_session(&root, 2, "K3QF", way[1], &key);
    key_hex(&key, hex);
    CHECK_STR(hex, rekey[4]);
    wire_key_next_exporter(&x, &x);
    key_hex(&x, hex);
    CHECK_STR(hex, rekey[5]);
}

static void
the_crc_is_that_of_ieee_802_3(void)
{
    CHECK_INT(wire_crc32("123456789", 9), 0xCBF43926);
    CHECK_INT(wire_crc32("", 0), 0);
}

int
main(void)
{
    CHECK_RUN(keys_from_secret_to_leaf_are_those_of_the_vectors);
    CHECK_RUN(a_rekeyed_root_and_its_id_are_those_of_the_vectors);
    CHECK_RUN(the_crc_is_that_of_ieee_802_3);
    CHECK_RUN(leaves_are_those_of_the_vectors);
    CHECK_RUN(sealed_lines_are_those_of_the_vectors);
    return check_result();
}
