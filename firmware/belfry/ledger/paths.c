#include "belfry/ledger/db.h"

#include <stdio.h>
#include <string.h>

int
ledger_paths(struct ledger *l, const char *host, uint32_t pairing, ledger_path_fn *fn, void *to)
{
    sqlite3_stmt *st =
            db_use(l, "SELECT path, first_ms, last_ms, session, nonce, number, quiet, token, token_ms FROM "
                      "paths WHERE host = ? AND pairing = ? ORDER BY first_ms, path");
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    while ((r = db_step(l, st)) == 1) {
        struct path_record p;

        memset(&p, 0, sizeof p);
        db_text(st, 0, p.path, sizeof p.path);
        p.first_ms = sqlite3_column_int64(st, 1);
        p.last_ms = sqlite3_column_int64(st, 2);
        p.session = db_u32(st, 3);
        db_text(st, 4, p.nonce, sizeof p.nonce);
        p.number = db_u32(st, 5);
        p.quiet = sqlite3_column_int64(st, 6) != 0;
        db_text(st, 7, p.token, sizeof p.token);
        p.token_ms = sqlite3_column_int64(st, 8);
        fn(to, &p);
    }
    db_done(st);
    return r;
}

int
ledger_path_save(struct ledger *l, const char *host, uint32_t pairing, const struct path_record *path)
{
    sqlite3_stmt *st =
            db_use(l, "INSERT OR REPLACE INTO paths(host, pairing, path, first_ms, last_ms, session, "
                      "nonce, number, quiet, token, token_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_text(l, st, path->path);
    db_bind_int(l, st, path->first_ms);
    db_bind_int(l, st, path->last_ms);
    db_bind_int(l, st, path->session);
    db_bind_text(l, st, path->nonce);
    db_bind_int(l, st, path->number);
    db_bind_int(l, st, path->quiet);
    db_bind_text(l, st, path->token);
    db_bind_int(l, st, path->token_ms);
    return db_run(l, st);
}

/* The tokens are one text, each of them in its own columns. */
#define TOKENS (CONNECTION_TOKENS * WIRE_TALK_TOKEN_CHARS)

int
ledger_connection(struct ledger *l, const char *host, uint32_t pairing, struct connection_record *out)
{
    sqlite3_stmt *st = db_use(
            l, "SELECT up, peer, since_ms, how, tokens FROM connections WHERE host = ? AND pairing = ?");
    char tokens[TOKENS + 1] = "";
    int r;

    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    r = db_step(l, st);
    if (r == 1) {
        memset(out, 0, sizeof *out);
        out->up = sqlite3_column_int64(st, 0) != 0;
        db_text(st, 1, out->peer, sizeof out->peer);
        out->since_ms = sqlite3_column_int64(st, 2);
        db_text(st, 3, out->how, sizeof out->how);
        db_text(st, 4, tokens, sizeof tokens);
        for (size_t i = 0; (i + 1) * WIRE_TALK_TOKEN_CHARS <= strlen(tokens); i++) {
            memcpy(out->token[i], tokens + i * WIRE_TALK_TOKEN_CHARS, WIRE_TALK_TOKEN_CHARS);
        }
    }
    db_done(st);
    return r == 1 ? 0 : r == 0 ? LEDGER_E_NONE : r;
}

int
ledger_connection_save(
        struct ledger *l, const char *host, uint32_t pairing, const struct connection_record *connection)
{
    sqlite3_stmt *st = db_use(l, "INSERT OR REPLACE INTO connections(host, pairing, up, peer, since_ms, how, "
                                 "tokens) VALUES(?, ?, ?, ?, ?, ?, ?)");
    char tokens[TOKENS + 1] = "";
    size_t n = 0;

    for (unsigned i = 0; i < CONNECTION_TOKENS; i++) {
        n += (size_t)snprintf(tokens + n, sizeof tokens - n, "%s", connection->token[i]);
    }
    db_bind_text(l, st, host);
    db_bind_int(l, st, pairing);
    db_bind_int(l, st, connection->up);
    db_bind_text(l, st, connection->peer);
    db_bind_int(l, st, connection->since_ms);
    db_bind_text(l, st, connection->how);
    db_bind_text(l, st, tokens);
    return db_run(l, st);
}
