/* Private to journal. */
#ifndef JOURNAL_INTERNAL_H
#define JOURNAL_INTERNAL_H

#include "journal/journal.h"

/* The peaks of the tree of the first `size` leaves as stored: one node per set bit of size. */
bool journal_frontier(struct journal_nodes *nodes, uint64_t size, struct merkle_frontier *out, struct err *err);

#endif
