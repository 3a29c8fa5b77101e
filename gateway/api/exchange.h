/* exchange: messages as people see them: one item of the list, and what one message says by itself. */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "api/internal.h"

/* Text is "" when not known. */
struct exchange {
    const char *id, *kind, *direction, *partner, *form, *state, *result, *code;
    int64_t received_ms;
    uint64_t sequence;                 /* of its record; 0: it has none */
    uint64_t number;                   /* in the log of refused messages; 0: it is not there */
};
/* Its members, without the object around them. */
void exchange_write(struct json_out *json, const struct exchange *item);
/* From its record and the latest that followed; false when the record was erased or is damaged. */
bool exchange_of_record(struct ask *ask, struct store_txn *txn, uint64_t seq, struct record *first_out,
                        struct record *latest_out, struct exchange *out, struct err *err);
/* From a line of the log of refused messages; text in the arena. */
void exchange_of_refused(struct arena *arena, const json_value *line, struct exchange *out);

/* exchange_keys.c: {"uscc":["…"],…}, the members by which a business finds the message, as the catalogue names them. Writes
 * nothing when its bytes are gone or its kind is not in the catalogue any more. */
void exchange_keys_write(struct ask *ask, struct store_txn *txn, const struct record *record);

#endif
