/* words: sets of names by enum value, for the tables that encode and decode records. */
#ifndef RECORD_WORDS_H
#define RECORD_WORDS_H

#include "base/base.h"

struct words {
    const char *const *names;
    unsigned n;
};
extern const struct words words_kind, words_listing, words_lane, words_action, words_cert, words_actor, words_ground,
    words_reason, words_right_kind, words_right_status, words_pledge_event, words_pledge_state, words_credit;

const char *words_name(const struct words *words, unsigned value);       /* "" beyond the set */
bool words_find(const struct words *words, const char *name, unsigned *out);

#endif
