/* idempotency: the answers to POSTs that carried an Idempotency-Key. The same person, key, address and body get the
 * same answer again within a day; memory is bounded by entries and by the size of an answer. Thread-safe.
 */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include "base/base.h"

#define IDEMPOTENCY_ENTRIES 1024
#define IDEMPOTENCY_BODY_MAX (16u << 10)   /* a larger answer is not kept */
#define IDEMPOTENCY_KEEP_MS (24 * 3600 * 1000LL)
#define IDEMPOTENCY_KEY_MAX 64             /* characters, visible ASCII */

struct idempotency;
struct idempotency *idempotency_new(void);
void idempotency_free(struct idempotency **table);
bool idempotency_key_good(struct bytes key);

enum idempotency_found {
    IDEMPOTENCY_NEW,                       /* do it, then idempotency_end with *ticket_out */
    IDEMPOTENCY_AGAIN,                     /* *status_out and *body_out hold the answer given then */
    IDEMPOTENCY_REFUSED                    /* err says why: idempotency.reused, idempotency.running, busy.queue */
};
/* `name` is the digest of person and key, `content` that of method, address and body. */
enum idempotency_found idempotency_begin(struct idempotency *table, const uint8_t name[32], const uint8_t content[32],
                                         int64_t now_ms, struct arena *arena, int *ticket_out, int *status_out,
                                         struct bytes *body_out, struct err *err);
/* Keeps the answer, or forgets the key when `keep` is false (the same may be tried again). */
void idempotency_end(struct idempotency *table, int ticket, bool keep, int status, struct bytes body);

#endif
