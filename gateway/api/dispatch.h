/* dispatch: what net calls, and where the longer part of a request runs. */
#ifndef API_DISPATCH_H
#define API_DISPATCH_H

#include "net/net.h"

void dispatch_request(struct net_request *request, void *api);
void dispatch_refused(enum err_code code, const char *detail, const char *request_id, struct buf *out, void *api);
void dispatch_closed(uint64_t mark, void *api);

/* Runs work(ask) on a worker in the caller's queue; for a large body on those for long work. */
struct ask;
bool ask_work(struct ask *ask, void (*work)(void *ask), struct err *err);

#endif
