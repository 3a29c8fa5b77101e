/* daemon, private: what runs, and what is in force. */
#ifndef DAEMON_INTERNAL_H
#define DAEMON_INTERNAL_H

#include <pthread.h>

#include "access/access.h"
#include "api/api.h"
#include "care/care.h"
#include "config/config.h"
#include "console/console.h"
#include "crypto/crypto.h"
#include "daemon/beat.h"
#include "delivery/delivery.h"
#include "head/head.h"
#include "feed/feed.h"
#include "host/host.h"
#include "intake/intake.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "message/message.h"
#include "net/net.h"
#include "partner/partner.h"
#include "policy/policy.h"
#include "statement/statement.h"
#include "store/store.h"
#include "sync/sync.h"

#define DAEMON_PATH_MAX 4096
#define DAEMON_FAULTS_MAX 512

/* The rules file as read. */
struct rules_file {
    struct arena *arena;
    char digest[2 * CRYPTO_DIGEST_SIZE + 1];
    int admission;                       /* of pledged.yaml, under which it was read */
    const struct policy *policy;
};

/* One generation. What did not change is taken over from the one before. */
struct force {
    uint64_t generation;
    struct config *config;               /* borrowed from kept */
    const struct rules_file *rules;      /* borrowed from kept */
    const struct catalog *catalog;       /* borrowed from kept */
    struct directory *directory;         /* a reference */
    struct crypto_tls *tls;              /* a reference */
    struct crypto_keyring *ring;         /* a reference; the gateway's signing keys */
};

/* What others borrow without counting: kept until the end. Only changed files add to it. */
struct kept {
    struct config **configs;
    struct rules_file **rules;
    struct catalog **catalogs;
    size_t config_n, rules_n, catalog_n;
};

/* What the time beat remembers; its thread's own. */
struct watch {
    int64_t difference;                  /* wall − monotonic time at the last beat */
    int64_t due_ms;                      /* wall time of the next timed fact; 0: none known */
    int64_t looked_ms;                   /* monotonic time of the last look for timed facts */
    date_day day;                        /* of that look */
    int64_t forgot_ms;                   /* monotonic time and day of the last look for old runs */
    date_day forgot_day;
    int64_t took_up_ms;                  /* monotonic time of the last look for messages whose proposals were decided */
    date_day rules_day;                  /* when and under which configuration new rules were last looked for */
    uint64_t rules_generation;
};

struct daemon {
    const char *file;                    /* as given */
    struct kept kept;
    pthread_mutex_t lock;                /* one reload at a time; guards force after the start */
    struct force force;
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct access_log *access;
    struct statements *statements;
    struct net *net;
    struct host *host;
    struct sync *sync;
    struct feed *feed;
    struct intake *intake;
    struct delivery *delivery;
    struct heads *heads;
    struct api *api;
    struct beat *access_beat, *time_beat;
    struct watch watch;
    char store_dir[DAEMON_PATH_MAX], access_dir[DAEMON_PATH_MAX], scratch_dir[DAEMON_PATH_MAX];
};

/* ---- start and stop ---- */

/* False: what was opened is closed by daemon_stop, which takes a half-started one. */
bool daemon_start(struct daemon *daemon, struct config_faults *faults, struct err *err);
void daemon_stop(struct daemon *daemon);

/* ---- what is in force (force.c) ---- */

/* Reads pledged.yaml and what it names into *out; whatever has a fault is taken over from `old` (NULL: left empty).
 * Keys and partners that do not fit together are both taken over. True when nothing had a fault. */
bool force_load(const char *file, const struct force *old, struct kept *kept, struct arena *arena, struct force *out,
                struct config_faults *faults);
/* For those who only look: goes on with what could be read of a pledged.yaml that has faults. */
void force_look(const char *file, struct kept *kept, struct arena *arena, struct force *out,
                struct config_faults *faults);
void force_release(struct force *force);
void kept_free(struct kept *kept);
/* data.directory/name */
bool force_path(const struct config *config, const char *name, char out[DAEMON_PATH_MAX], struct err *err);

/* ---- reload (reload.c) ---- */

/* Tells delivery what is in force; opens the partners' channels. */
bool daemon_set_channels(struct daemon *daemon, struct config_faults *faults);
bool daemon_reload(struct daemon *daemon, struct config_faults *faults);
/* As api_options.reload; arg is the daemon. */
bool daemon_api_reload(void *arg, struct buf *report, struct err *err);
/* Tells the ledger which files are in force. */
bool daemon_tell_files(struct daemon *daemon, struct err *err);

/* ---- time (time.c) ---- */

bool time_start(struct daemon *daemon, struct err *err);
void time_stop(struct daemon *daemon);
/* access_options.ended; arg is the daemon. */
bool time_access_ended(void *arg, const char *segment, const char *digest_hex, uint64_t lines, struct err *err);

/* ---- check and tell ---- */

int check_run(const char *file);
/* A fault of something that a setting names (a file, an address) gets the setting's place in pledged.yaml. */
void tell_blame(const struct config *config, struct err *err);
/* The same of a setting that is known to be at fault. */
void tell_blame_on(const struct config *config, const char *setting, struct err *err);
/* Place, sentence, detail, code; below it the same in Chinese. */
void tell_fault(const struct err *fault);

#endif
