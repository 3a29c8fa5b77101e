/* internal: what the files of api share. A request is an `ask`: who asks, which route, what will be answered.
 *
 * The way of an ask: dispatch.c admits it (identity, connections, rate, route, role, parameters, form), runs the
 * route's handler on the loop or a worker, and ends it in one place. A handler writes JSON into ask->json and
 * returns true, or returns false with an error that becomes a problem. What it makes lives in ask->arena.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/accept.h"
#include "api/api.h"
#include "api/bucket.h"
#include "api/callers.h"
#include "api/idempotency.h"
#include "api/problem.h"
#include "api/route.h"
#include "ident/ident.h"
#include "intake/intake.h"
#include "json/json.h"

#define API_OUT_MAX (32u << 20)        /* bytes of one answer: the longest is a journal export of 10,000 records */
#define API_WORKER_BODY (16u << 10)    /* larger bodies are read on workers */
#define API_QUEUES 1024                /* as net_work allows; partners share them by slot */
#define API_ERRORS_MAX 1000            /* members of errors[] in one problem */
#define API_WHY_MAX 128
#define API_OPENAPI_MAX (1u << 20)

/* What was in force when a request came; it stays so until that request ends. */
struct held {
    _Atomic unsigned refs;
    struct api_state state;
    struct caller **callers;           /* by partner slot */
    size_t caller_n;
};

/* The one backup that may be under way (backup.c). */
struct api_backup {
    pthread_mutex_t lock;              /* thread */
    pthread_t thread;
    bool has_thread;
    _Atomic bool busy, cancelled;
    const char *directory;             /* of the one that is busy */
};

/* Work that may take minutes (slow.c); api.lock guards it. */
struct api_slow {
    pthread_t thread;
    bool has_thread, running;          /* running: the thread will look for more */
    _Atomic bool stopped;
    struct ask *first;                 /* they wait */
    int waiting;
};

struct api {
    struct api_options options;
    char *access_dir, *scratch_dir;
    struct net_service service;
    pthread_mutex_t lock;              /* held, callers' table, why, slow */
    struct held *held;
    struct callers *callers;
    struct idempotency *idempotency;
    _Atomic bool ready, was_ready;
    char why[API_WHY_MAX];
    int64_t started_ms;
    struct buf openapi;
    struct api_backup backup;
    struct api_slow slow;
};

struct ask {
    struct api *api;
    struct net_request *request;
    struct arena *arena;
    const char *method;                /* HEAD reads as GET */
    int listener;                      /* enum api_listener */
    struct held *held;
    const struct route *route;         /* NULL until found */
    const char *values[ROUTE_VALUES_MAX];
    const struct partner *who;         /* NULL: unknown, or nobody is asked for */
    unsigned roles;                    /* of who, with ROUTE_ROOT for uid 0 */
    struct caller *caller;
    enum api_media media;
    int64_t now_ms, started_mono_ms;
    struct json_doc *body;             /* POST: what came */
    struct buf out;
    struct json_out json;              /* writes into out */
    struct net_reply reply;            /* status 200 and JSON unless the handler says otherwise */
    const struct statement *statement; /* released behind the answer */
    struct err *errors;                /* findings of one problem */
    size_t error_n;
    struct intake_case *message;       /* POST /v1/messages and frames: the one under way */
    bool message_xml;                  /* its form, and so its answer's */
    const char *message_id;            /* of one that was refused, as far as it was read; NULL: not known */
    bool in_message;                   /* the errors' places are JSON Pointers into the body */
    int ticket;                        /* idempotency, -1: none */
    bool on_worker;
    bool move;                         /* set by a handler on the loop: call it again on a worker */
    void (*later)(struct ask *ask);    /* set by a handler: starts what will call ask_complete */
    struct ask *next;                  /* slow.c's own, as is the next */
    void (*run_slow)(void *ask);
};

/* ---- dispatch.c */
void ask_end(struct ask *ask);                                     /* answers; the ask is gone behind it */
void ask_complete(struct ask *ask);                                /* what was written is the answer */
void ask_fail(struct ask *ask, const struct err *err);             /* makes the answer a problem; ask_end follows */
void ask_header(struct ask *ask, const char *name, const char *value);
unsigned ask_queue(const struct ask *ask);
const struct config *ask_config(const struct ask *ask);

/* ---- query.c: reading parameters and bodies */
bool ask_number(struct ask *ask, const char *name, uint64_t min, uint64_t max, uint64_t *out, struct err *err);
bool ask_moment(struct ask *ask, const char *name, int64_t *ms_out, struct err *err); /* RFC 3339, or a duration back */
/* One that has passed. Without a fraction it is a whole second, to its end: so statements tell when they were made, and what
 * they said is found again under that time. */
bool ask_past(struct ask *ask, const char *name, int64_t *ms_out, struct err *err);
const char *ask_text(struct ask *ask, const char *name);           /* "" when absent */
bool ask_flag(struct ask *ask, const char *name, bool *out, struct err *err);
const json_value *ask_object(const struct ask *ask);               /* the body's object */
bool ask_uscc(struct ask *ask, const char *text, const char *place, char out[USCC_SIZE], struct err *err);
/* The first finding that makes a code invalid, not merely a remark. */
enum err_code api_uscc_fault(const struct ident_result *result);
struct actor ask_actor(const struct ask *ask);
/* True when the person's region scope covers the region code ("" is covered by province-wide scopes only). */
bool ask_scope(const struct ask *ask, const char *region, struct err *err);

bool ask_empty(struct ask *ask);                                   /* answers {}; true */

/* A read transaction that ends with its scope. */
void ask_read_done(struct store_txn **txn);
#define AUTO_READ __attribute__((cleanup(ask_read_done))) struct store_txn *

/* ---- sign.c */
struct statement_context ask_context(const struct ask *ask);
enum crypto_alg ask_alg(const struct ask *ask);                     /* of what is signed for the caller */
bool ask_slow(const struct ask *ask);                              /* the caller's algorithm belongs on a worker */
bool ask_sign(struct ask *ask, const char *typ, struct err *err);  /* x-jws-signature over ask->out */

/* ---- messages.c: judges one message, and arranges for its receipt or answer */
bool ask_message(struct ask *ask, enum intake_form form, struct bytes body, struct bytes signature, struct err *err);
/* The answer is this body with this signature; both are freed. */
void ask_sealed(struct ask *ask, bool xml, struct buf *body, struct buf *signature);
/* frame.c: what is answered to a refused frame, and what is written on the line. */
void ask_frame_refuse(struct ask *ask, const struct err *err);
void ask_frame_write(struct ask *ask);
/* message_answer.c: seals the JSON message in ask->out for the caller and makes it the answer. */
bool ask_seal(struct ask *ask, struct err *err);
/* message_answer.c: a kind that only asks. Writes the answer sealed. */
bool api_answer_message(struct ask *ask, struct intake_case *c, struct err *err);

/* ---- whitelist.c: firms asked about by a message. Writes the body of the answer; the questions are then kept in the
 * access log with the digest of the body that was signed, before it leaves. */
struct questions;
bool api_ask_firms(struct ask *ask, const struct message_node *body, struct questions **out, struct err *err);
bool api_told_firms(struct ask *ask, const struct questions *questions, struct bytes body, struct err *err);
/* mailbox.c: what waits for the caller, as the body of a mailbox.pull. */
bool api_ask_mailbox(struct ask *ask, const struct message_node *body, struct questions **asked_out, struct err *err);

/* ---- whitelist.c: the access log. No answer leaves before its line is kept */
struct api_line {
    const char *route, *uscc, *outcome;    /* uscc: or what else was asked about */
    int status;
    uint64_t sequence;
    const uint8_t *digest;
};
bool api_keep(struct ask *ask, const struct api_line *line, struct err *err);    /* store.full */
/* Keeps the refusal `err` about a code; when that is impossible err becomes store.full. Returns false. */
bool api_keep_refusal(struct ask *ask, const char *route, const char *uscc, struct err *err);

/* ---- firm.c: a firm as people see it */
bool api_firm(struct ask *ask, struct store_txn *txn, const char *uscc, struct firm *out, struct err *err);
void api_firm_row(struct json_out *json, const struct firm *firm);
bool api_firm_full(struct ask *ask, struct store_txn *txn, const struct firm *firm, struct err *err);

/* ---- checks.c: is the gateway well */
#define CHECKS_MAX 96
struct check {
    const char *name;
    bool ok, needed;                   /* needed: readyz fails without it */
    const char *detail, *detail_zh, *next;
};
struct checks {
    size_t n;
    struct check items[CHECKS_MAX];
};
void checks_ready(struct ask *ask, struct checks *out);
void checks_doctor(struct ask *ask, struct checks *out);
void checks_add(struct checks *checks, const char *name, bool ok, bool needed, const char *detail,
                const char *detail_zh);

/* ---- status.c */
void api_head_write(struct json_out *json, const struct journal_head *head);   /* members size, root, time */
void api_counts_write(struct json_out *json, struct store_txn *txn);           /* member counts: firms by state */
void api_sources_write(struct ask *ask);                           /* array; no read transaction may be open */

/* ---- whoami.c */
void api_roles_write(struct json_out *json, unsigned roles);

/* ---- api.c */
uint64_t api_generation(struct api *api);

/* ---- keys.c: the gateway's own signing keys by purpose: active, staged, and retired ones (newest first) when asked */
struct own_key {
    enum crypto_purpose purpose;
    const char *kid, *state;
    struct crypto_key *key;
    uint64_t seq;
};
struct own_keys {
    struct own_key *items;
    size_t n;
};
bool own_keys_read(struct ask *ask, bool retired, struct own_keys *out, struct err *err);
void own_keys_free(struct own_keys *keys);
#define AUTO_OWN_KEYS __attribute__((cleanup(own_keys_free))) struct own_keys
void api_signing_keys(struct json_out *json, const struct jws_expect *signing, int64_t now_ms);
int64_t api_days_left(int64_t not_after_ms, int64_t now_ms);

#endif
