/* api: partner and admin routes from one table (route.def). Judges who asks at every request, answers from the
 * store and the statements, writes the access log, turns errors into problem+json in two languages.
 */
#ifndef API_API_H
#define API_API_H

#include "access/access.h"
#include "base/base.h"
#include "config/config.h"
#include "delivery/delivery.h"
#include "feed/feed.h"
#include "head/head.h"
#include "host/host.h"
#include "intake/intake.h"
#include "ledger/ledger.h"
#include "message/message.h"
#include "net/net.h"
#include "partner/partner.h"
#include "statement/statement.h"
#include "sync/sync.h"

struct api;
enum api_listener { API_LISTENER_PARTNER = 1, API_LISTENER_ADMIN = 2, API_LISTENER_SOCKET = 3, API_LISTENER_PLAIN = 4,
                    API_LISTENER_FRAMES = 5 };

/* What is in force; replaced whole by api_swap. The api keeps references until no request uses them. */
struct api_state {
    uint64_t generation;
    struct config *config;               /* borrowed for the api's life: the daemon keeps old ones */
    struct directory *directory;         /* referenced by the api */
    const struct policy *policy;         /* borrowed: the daemon keeps old ones */
    const struct catalog *catalog;       /* borrowed: the daemon keeps old ones */
    struct crypto_tls *server_tls;       /* referenced by the api; for judging kept connections */
    struct crypto_keyring *ring;         /* referenced by the api; what answers are signed with */
};
/* A file of the console, in memory for good. */
struct api_page {
    const char *media_type, *tag;        /* tag: hexadecimal digits that change with the bytes */
    struct bytes plain, gzip;
};
struct api_options {
    struct net *net;
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct sync *sync;
    struct feed *feed;
    struct intake *intake;
    struct delivery *delivery;
    struct host *host;
    struct heads *heads;
    struct statements *statements;
    struct access_log *access;
    const char *access_dir, *scratch_dir;
    /* POST /admin/v1/config/reload, on a worker. `report` gets what is now in force as text; when it fails, one line
     * for each fault, written by api_fault. */
    bool (*reload)(void *arg, struct buf *report, struct err *err);
    /* The console's file of that name, "index.html" the first page. NULL, or never true: there is no console. */
    bool (*page)(const char *name, struct api_page *out);
    void *arg;
};
struct api *api_new(const struct api_options *options, const struct api_state *state);
void api_free(struct api **api);
void api_swap(struct api *api, const struct api_state *state);
/* For `reload`: adds one fault to its report. */
void api_fault(struct buf *report, const struct err *fault);
/* readyz says not ready until then (and again while stopping), with this reason. */
void api_set_ready(struct api *api, bool ready, const char *why);
/* Cuts off and waits for what goes on apart from the workers (a backup, long searches and proofs). Before net_stop, so
 * that it is still told. */
void api_stop(struct api *api);
/* The service to give to net_listen_*; the listener's tag tells which routes exist on it. */
const struct net_service *api_service(struct api *api);
/* openapi.json made from the route table. */
void api_openapi(struct buf *out);

#endif
