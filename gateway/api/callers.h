/* callers: counters of those who ask, kept by partner id, so that a reload of the partners file neither refills a
 * bucket nor forgets a connection. The first one is shared by everybody whose key is unknown. Entries live as long
 * as the table. */
#ifndef API_CALLERS_H
#define API_CALLERS_H

#include "api/bucket.h"
#include "partner/partner.h"

#define CALLERS_MAX (4u * PARTNER_MAX)     /* ids ever seen; later ones share the first entry */

struct caller {
    char *id;
    uint64_t mark;                         /* of its connections: index + 1 */
    struct bucket bucket;
    _Atomic int64_t connections;
};
struct callers;
struct callers *callers_new(void);
void callers_free(struct callers **callers);
struct caller *callers_shared(struct callers *callers);
/* Finds or adds; not from two threads at once. */
struct caller *callers_of(struct callers *callers, const char *id);
/* The caller with this mark, NULL when there is none. Safe while callers_of adds. */
struct caller *callers_marked(struct callers *callers, uint64_t mark);

#endif
