/* fetch: one outgoing exchange on libcurl, whoever drives it. Private to net. */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include <curl/curl.h>

#include "net/net.h"

struct fetch {
    CURL *easy;
    struct curl_slist *headers;
    struct buf head, body;
    struct buf out;                        /* a body that goes out once, and how much of it went */
    size_t out_at;
    char text[CURL_ERROR_SIZE];
};

/* Everything of the request is copied. On failure nothing is left to free. */
bool fetch_init(struct fetch *fetch, const struct net_fetch_request *request, const char *unix_socket,
                struct err *err);
void fetch_free(struct fetch *fetch);
/* What came of it; body and headers are borrowed from fetch. */
void fetch_result(const struct fetch *fetch, CURLcode code, struct net_fetch_result *result_out);
/* It was ended before it came to anything. */
void fetch_stopped(const struct fetch *fetch, struct net_fetch_result *result_out);

#endif
