/* What happens to the data when a newer program starts, and what the journal is told of it and of a restore. */
#include "care/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- before the upgrade ---- */

/* A whole copy that an upgrade which was cut off had made is not made again: by now the store is another one. */
static bool keep_copy(const struct care_backup *data, const char *directory, struct err *err)
{
    char manifest[CARE_PATH_MAX];
    struct care_report report;

    CHECK(path_join(manifest, directory, CARE_MANIFEST, err));
    if (access(manifest, F_OK) == 0)
        return true;
    if (access(directory, F_OK) == 0)
        CHECK(directory_remove(directory, err));
    CHECK(care_backup(data, directory, &report, err));
    log_event(LOG_NOTICE, "care.kept", "directory=%s", directory);
    return true;
}

static bool put_note(struct store *store, const char *name, const char *text, struct err *err)
{
    const struct store_key key = key_text(name);
    struct store_txn *txn = store_write(store, err);

    if (txn == NULL)
        return false;
    store_put(txn, TABLE_META, &key, bytes_str(text));
    return store_commit(&txn, err);
}

static bool note_upgrade(struct store *store, unsigned from, struct err *err)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    char hex[HEX_SIZE], text[64], note[sizeof hex + sizeof text];

    snprintf(text, sizeof text, "format %u to %u by %s", from, STORE_FORMAT, GW_VERSION);
    crypto_digest(CRYPTO_SHA256, bytes_str(text), digest);
    hex_encode(digest, sizeof digest, hex);
    snprintf(note, sizeof note, "%s %s", hex, text);
    return put_note(store, CARE_META_UPGRADED, note, err);
}

bool care_upgrade(const struct care_backup *data, struct err *err)
{
    char name[32], directory[CARE_PATH_MAX];
    unsigned from = store_format(data->store);

    if (from == STORE_FORMAT)
        return true;
    snprintf(name, sizeof name, "before-format-%u", STORE_FORMAT);
    CHECK(path_join(directory, data->config->data_dir, name, err));
    CHECK(keep_copy(data, directory, err));
    CHECK(note_upgrade(data->store, from, err));
    return ledger_upgrade(data->store, data->journal, err);
}

/* ---- behind it ---- */

static bool forget_note(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct store_key key = key_text(arg);

    store_delete(ledger_txn(tx), TABLE_META, &key);
    return !store_failed(ledger_txn(tx), err);
}

static bool read_note(struct store *store, struct arena *arena, const char *name, const char **out, struct err *err)
{
    const struct store_key key = key_text(name);
    struct store_txn *txn = store_read(store, err);
    struct bytes value;

    *out = NULL;
    if (txn == NULL)
        return false;
    if (store_get(txn, TABLE_META, &key, &value))
        *out = arena_strndup(arena, (const char *)value.p, value.n);
    bool ok = !store_failed(txn, err);
    store_read_end(&txn);
    return ok;
}

/* Told once: a crash between the record and its note's end finds the digest in the journal already. */
static bool tell(struct store *store, struct ledger *ledger, const char *object, char *name, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    const char *note;

    CHECK(read_note(store, arena, name, &note, err));
    if (note == NULL || strlen(note) < HEX_SIZE)
        return true;
    CHECK(ledger_saw_config(ledger, object, arena_strndup(arena, note, HEX_SIZE - 1), note + HEX_SIZE, err));
    return ledger_run(ledger, forget_note, name, err);
}

bool care_tell(struct store *store, struct ledger *ledger, struct err *err)
{
    char upgraded[] = CARE_META_UPGRADED, restored[] = CARE_META_RESTORED;

    return tell(store, ledger, "format", upgraded, err) && tell(store, ledger, "restore", restored, err);
}
