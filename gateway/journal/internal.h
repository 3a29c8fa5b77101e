/* Private to journal. */
#ifndef JOURNAL_INTERNAL_H
#define JOURNAL_INTERNAL_H

#include "journal/journal.h"

/* The peaks of the tree of the first `size` leaves as stored: one node per set bit of size. */
bool journal_frontier(struct journal_nodes *nodes, uint64_t size, struct merkle_frontier *out, struct err *err);

/* journal.broken at "record <seq>"; returns false. */
bool journal_broken(struct err *err, uint64_t seq, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
