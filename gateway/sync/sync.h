/* sync: turns a source's list into decided rows. Plans when, streams rows into a stage keyed by code, judges the
 * whole by the guard, applies differences in code order in chunks through the ledger, treats absence, keeps the run's
 * story. After a crash a run is as if it never ran, or is rolled forward before the daemon says ready.
 */
#ifndef SYNC_SYNC_H
#define SYNC_SYNC_H

#include "base/base.h"
#include "host/host.h"
#include "ledger/ledger.h"
#include "partner/partner.h"

#define SYNC_CHUNK_ROWS 1000
#define SYNC_ROW_MAX (64u << 10)       /* bytes of one row */
#define SYNC_RESTARTS_MAX 3

struct sync;
struct sync_options {
    struct host *host;
    struct ledger *ledger;
    struct store *store;
    const char *spill_dir;             /* a list being read is put aside here, in a file without a name; NULL: /tmp */
    int64_t overlap_ms;                /* delta: updatedSince goes back by this; 10 min */
};
struct sync *sync_new(const struct sync_options *options);
void sync_free(struct sync **sync);
/* Opens the sources' adapters; every fault is collected. Running runs keep the old instances. */
bool sync_set_directory(struct sync *sync, struct directory *directory, struct config_faults *faults);
/* Rolls forward runs that were being applied, discards half-staged ones. Before ready. */
bool sync_recover(struct sync *sync, struct err *err);
void sync_tick(struct sync *sync);     /* starts runs whose time has come; called each second */
void sync_stop(struct sync *sync);     /* cancels fetching; an apply ends its chunk */

/* Deletes stories and row diffs of runs that ended before the moment; the journal's records of them stay. Blocking. */
bool sync_forget(struct sync *sync, int64_t before_ms, struct err *err);

struct sync_request {
    const char *source;
    struct actor actor;                /* timer or person */
    bool full, dry_run, initial;
    const char *file;                  /* NULL: as configured */
};
/* run_id_out ≥ 40 bytes. run.busy, source.unknown, run.file: the file does not lie below a
 * directory of the source's adapter. */
bool sync_start(struct sync *sync, const struct sync_request *request, char *run_id_out, struct err *err);
/* Proposes to undo a run that was carried out; another person must approve. run.state when there is nothing to undo. */
bool sync_revert(struct sync *sync, const char *run_id, const struct actor *actor, const char *reason, char id_out[32],
                 struct err *err);
bool sync_cancel(struct sync *sync, const char *run_id, const struct actor *actor, struct err *err);
bool sync_pause(struct sync *sync, const char *source, bool paused, const struct actor *actor, struct err *err);

/* State of a source for status pages: JSON object into out. */
bool sync_source_status(struct sync *sync, const char *source, struct buf *out, struct err *err);

#endif
