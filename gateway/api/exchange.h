/* exchange: messages as people see them: one item of the list, and what one message says by itself. */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "api/internal.h"

/* Text is "" when not known. */
struct exchange {
    const char *id, *kind, *direction, *partner, *form, *state, *result, *code;
    int64_t received_ms, created_ms; /* one of them: it came, or it was made to be sent */
    uint64_t sequence;               /* of its record, or of the record that caused it; 0: it has none */
    uint64_t number;                 /* in the log of refused messages; 0: it is not there */
};
/* Its members, without the object around them. */
void exchange_write(struct json_out *json, const struct exchange *item);
/* From its record and the latest that followed; false when the record was erased or is damaged. */
bool exchange_of_record(struct ask *ask, struct store_txn *txn, uint64_t seq, struct record *first_out,
                        struct record *latest_out, struct exchange *out, struct err *err);
/* From a line of the log of refused messages; text in the arena. */
void exchange_of_refused(struct arena *arena, const json_value *line, struct exchange *out);

/* From what delivery says of one message to the partner. */
void exchange_of_letter(struct ask *ask, struct store_txn *txn, const struct partner *partner, const json_value *letter,
                        struct exchange *out);

/* exchange_out.c: messages sent, newest first, of one partner or of all. Those with number n < `below`, and of n ==
 * below those to partners behind `behind`. */
struct outgoing;
struct outgoing *outgoing_new(struct ask *ask, struct store_txn *txn, const char *partner, uint64_t below,
                              const char *behind);
/* The next one; false at the end. Text in the arena. */
bool outgoing_next(struct outgoing *outgoing, struct exchange *out, struct err *err);
/* The message n to the partner; *found_out false: there is none. */
bool outgoing_item(struct ask *ask, struct store_txn *txn, const struct partner *partner, uint64_t n,
                   struct exchange *out, bool *found_out, struct err *err);
/* Its attempts, as elements of an array under way: {"partner","id","time","outcome","code"?,"receipt"?}. */
bool outgoing_attempts(struct ask *ask, struct store_txn *txn, const char *partner, uint64_t n, struct err *err);

/* exchange_keys.c: {"uscc":["…"],…}, the members by which a business finds the message, as the catalogue names them.
 * Writes nothing when its bytes are gone or its kind is not in the catalogue any more. */
void exchange_keys_write(struct ask *ask, struct store_txn *txn, const struct record *record);

#endif
