/* Proving a backup: bytes, journal, state, access log. Nothing is written into it. */
#include "care/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access/access.h"

struct proof {
    const char *directory;
    const struct manifest *manifest;
    struct store *store;
    struct journal *journal;
    journal_progress *progress;
    void *arg;
    struct care_report *out;
};

/* The same journal as the manifest's, whole. */
static bool prove_journal(struct proof *proof, struct err *err)
{
    char root[CARE_ROOT_SIZE];
    struct journal_head head = {0};
    struct store_txn *txn = store_read(proof->store, err);
    bool ok = txn != NULL && journal_verify(proof->journal, txn, 1, proof->progress, proof->arg, &head, err);

    store_read_end(&txn);
    CHECK(ok);
    root_text(&head, root);
    if (head.size != proof->manifest->size || strcmp(root, proof->manifest->root) != 0)
        return err_set(err, ERR_BACKUP_BROKEN, CARE_MANIFEST, "its journal has another size or root");
    return true;
}

/* Beside the backup, because a copy of its state needs the same room. */
static bool prove_state(struct proof *proof, struct err *err)
{
    char scratch[CARE_PATH_MAX];
    struct ledger_rebuild rebuilt = {0};

    if (store_format(proof->store) != STORE_FORMAT)
        return true; /* the upgrade will make it again */
    if (snprintf(scratch, sizeof scratch, "%s.scratch-%ld", proof->directory, (long)getpid()) >= (int)sizeof scratch)
        return err_set(err, ERR_BACKUP_TARGET, proof->directory, "the path is too long");
    CHECK(ledger_rebuild(proof->store, proof->journal, scratch, proof->progress, proof->arg, &rebuilt, err));
    proof->out->entries = rebuilt.entries;
    return true;
}

/* ---- the access log ---- */

static bool recorded_digest(struct proof *proof, struct arena *arena, const char *segment, const char **hex_out,
                            struct err *err)
{
    struct store_txn *txn = store_read(proof->store, err);
    struct bytes bytes = {0};
    struct record record;

    *hex_out = NULL;
    if (txn == NULL)
        return false;
    uint64_t seq = store_number(txn, TABLE_SEGMENT, segment);
    bool ok = seq == 0 || journal_read(proof->journal, txn, seq, &bytes, err);
    if (ok && bytes.n > 0 && (ok = record_decode(arena, seq, bytes, &record, err)))
        *hex_out = record.object_digest;
    store_read_end(&txn);
    return ok;
}

/* A reported segment has the digest that the journal holds of it. */
static bool prove_segment(void *arg, const char *name, bool is_digest, struct err *err)
{
    struct proof *proof = arg;
    AUTO_ARENA arena = arena_new();
    const char *recorded, *end = strstr(name, ".sha256");

    if (!is_digest || end == NULL)
        return true;
    const char *segment = arena_strndup(arena, name, (size_t)(end - name));
    CHECK(recorded_digest(proof, arena, segment, &recorded, err));
    const struct kept_file *file = manifest_find(proof->manifest, arena_printf(arena, "access/%s", segment));
    if (file == NULL || recorded == NULL || strcmp(recorded, file->sha256) == 0)
        return true;
    return err_set(err, ERR_ACCESS_BROKEN, segment, "the journal holds another digest of it");
}

static bool prove_access(struct proof *proof, struct err *err)
{
    char path[CARE_PATH_MAX];

    CHECK(path_join(path, proof->directory, "access", err));
    CHECK(access_verify(path, &proof->out->lines, err));
    return store_format(proof->store) != STORE_FORMAT || access_files(path, prove_segment, proof, err);
}

/* ---- all of it ---- */

static bool prove(struct proof *proof, struct err *err)
{
    return prove_journal(proof, err) && prove_state(proof, err) && prove_access(proof, err);
}

bool care_verify(const char *directory, journal_progress *progress, void *arg, struct care_report *out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct manifest manifest;
    char path[CARE_PATH_MAX];
    struct proof proof = {.directory = directory, .manifest = &manifest, .progress = progress, .arg = arg, .out = out};

    *out = (struct care_report){0};
    CHECK(manifest_read(arena, directory, &manifest, out->manifest, err));
    manifest_report(&manifest, out);
    CHECK(manifest_check(&manifest, directory, err));
    CHECK(path_join(path, directory, "store", err));
    CHECK(copy_open(path, 0, &proof.store, err));
    proof.journal = journal_lmdb();
    bool ok = prove(&proof, err);
    journal_free(&proof.journal);
    store_close(&proof.store);
    return ok;
}
