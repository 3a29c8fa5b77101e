/* care: the data directory in keeping. Copies that can be proved and put back, the store made smaller, a store of an
 * older format brought to this program's. README.md describes a backup's files.
 *
 * A backup is a directory: store/data.mdb, access/, config/ and, written last and by rename, manifest.json with the
 * SHA-256 of every file. Without a manifest it is not a backup. Private keys are never in it.
 *
 * Everything blocks and may take long. Nothing is ever overwritten. Whatever is killed half-way leaves the data
 * directory as it was before or as it should be after.
 */
#ifndef CARE_CARE_H
#define CARE_CARE_H

#include <stdatomic.h>

#include "base/base.h"
#include "config/config.h"
#include "journal/journal.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "store/store.h"

#define CARE_PATH_MAX 4096
#define CARE_ROOT_SIZE 45                /* 32 bytes in base64, and NUL */

/* What was copied, proved or put back. */
struct care_report {
    uint64_t size;                       /* journal */
    char root[CARE_ROOT_SIZE];
    int64_t created_ms;                  /* when the backup was made */
    unsigned format;                     /* of its store */
    uint64_t files, bytes;
    uint64_t entries;                    /* of the store: state rebuilt and equal, or compacted and equal */
    uint64_t lines;                      /* of the access log */
    char kept[CARE_PATH_MAX];            /* what was there before is kept here; "" */
    char manifest[65];                   /* SHA-256 of the manifest */
};
/* Members of an object that is already begun. */
void care_report_write(struct json_out *json, const struct care_report *report);

struct care_backup {
    struct store *store;
    struct journal *journal;
    const char *access_dir;
    const struct config *config;
    int64_t rate;                        /* bytes a second at most; 0: as fast as it goes */
    const _Atomic bool *cancelled;       /* may be NULL */
};
/* `directory` is absolute and new or empty (backup.directory). The store is read at one moment, while queries and syncs
 * go on. cancelled when *cancelled became true; what was copied stays, without a manifest. */
bool care_backup(const struct care_backup *backup, const char *directory, struct care_report *out, struct err *err);
/* From now on this thread yields processor and disk to every other one. */
void care_be_gentle(void);

/* Reads every file against the manifest, verifies the journal and compares its root, rebuilds the state, verifies the
 * access log and its digests in the journal. backup.broken, journal.broken, store.rebuild_differs, access.broken. The
 * rebuild needs room beside the directory. A store of an older format is not rebuilt. */
bool care_verify(const char *directory, journal_progress *progress, void *arg, struct care_report *out,
                 struct err *err);

/* ---- without a daemon: each takes the data directory's lock (store.locked) ---- */

/* Verifies, then puts the backup in the place of data.directory, which is kept beside it as
 * <data.directory>.before-restore-<time> (out->kept). Configuration files are not put back. */
bool care_restore(const struct config *config, const char *directory, journal_progress *progress, void *arg,
                  struct care_report *out, struct err *err);
/* Rewrites the store without free pages; the old file is kept until the next start. out->bytes is the new size. */
bool care_compact(const struct config *config, uint64_t *bytes_before_out, struct care_report *out, struct err *err);

/* ---- when the daemon starts ---- */

/* A store opened with `older`: copied whole into <data.directory>/before-format-<n>, then upgraded. Nothing to do when
 * it has this program's format. */
bool care_upgrade(const struct care_backup *data, struct err *err);
/* Writes into the journal what was done to the data while no daemon ran (upgraded, restored). Blocking. */
bool care_tell(struct store *store, struct ledger *ledger, struct err *err);

#endif
