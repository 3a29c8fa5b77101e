/* dispatch: what net calls. */
#ifndef API_DISPATCH_H
#define API_DISPATCH_H

#include "net/net.h"

void dispatch_request(struct net_request *request, void *api);
void dispatch_refused(enum err_code code, const char *detail, const char *request_id, struct buf *out, void *api);
void dispatch_closed(uint64_t mark, void *api);

#endif
