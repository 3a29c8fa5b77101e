/* feed: sources whose rows are messages and no list (`feeds` in the sources file). A run fetches rows by the source's
 * adapter and hands each to intake as the body of a message of that kind; what becomes of one is a matter of that one
 * alone. Nothing is staged, held or guarded as a whole, and absence says nothing. Runs are told as those of lists are.
 *
 * A row that came before, byte for byte, changes nothing: so a run that was cut off simply starts again, and one that
 * overlaps with the last one is cheap. A run that ended well is contact with the source, also when it changed nothing.
 */
#ifndef FEED_FEED_H
#define FEED_FEED_H

#include "base/base.h"
#include "host/host.h"
#include "intake/intake.h"
#include "ledger/ledger.h"
#include "partner/partner.h"

#define FEED_ATTEMPTS_MAX 3
#define FEED_RESTARTS_MAX 3

struct feed;
struct feed_options {
    struct host *host;
    struct ledger *ledger;
    struct store *store;
    struct intake *intake;
    int64_t overlap_ms;                /* updatedSince goes back by this */
};
struct feed *feed_new(const struct feed_options *options);
void feed_free(struct feed **feed);
/* Opens the adapters of sources that feed; every fault is collected. Running runs keep the old instances. */
bool feed_set_directory(struct feed *feed, struct directory *directory, struct config_faults *faults);
/* Ends the stories of runs that a crash cut off. Before ready. */
bool feed_recover(struct feed *feed, struct err *err);
void feed_tick(struct feed *feed);     /* starts runs whose time has come; called each second */
void feed_stop(struct feed *feed);     /* cancels fetching; rows under way are decided */

struct feed_request {
    const char *source;
    struct actor actor;                /* timer or person */
    bool full;                         /* also what is older than the last run */
    bool dry_run;                      /* says of each row whether it would be taken in hand; decides nothing */
    const char *file;                  /* NULL: as configured */
};
/* run_id_out ≥ 40 bytes. run.busy, source.unknown, run.file: the file does not lie below a directory of the source's
 * adapter. */
bool feed_start(struct feed *feed, const struct feed_request *request, char *run_id_out, struct err *err);
/* run.unknown when no such run is under way here. */
bool feed_cancel(struct feed *feed, const char *run_id, const struct actor *actor, struct err *err);
bool feed_pause(struct feed *feed, const char *source, bool paused, const struct actor *actor, struct err *err);
/* State of a source for status pages: JSON object into out, as of a list. */
bool feed_source_status(struct feed *feed, const char *source, struct buf *out, struct err *err);

#endif
