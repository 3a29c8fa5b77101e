/* post: a signed message carried over HTTPS, and asked about. What bank, onestop and ippublic share.
 *
 * send is POST {url} with the message's bytes as they are, Content-Type, x-jws-signature and X-Message-Id; resolve is
 * GET {url}/{id}. Verdicts:
 *
 *   answer                              send         resolve
 *   2xx with a receipt or nothing       DONE         DONE        reply, reply_media_type, reply_signature are set
 *   404                                 REJECTED     RETRY       it was not received
 *   429, 503                            RETRY        UNCERTAIN   with retry_after_ms
 *   other 5xx, 408                      UNCERTAIN    UNCERTAIN
 *   other 4xx                           REJECTED     UNCERTAIN   with the peer's code; asking refuses no message
 *   anything else, a web page           BROKEN       BROKEN
 *   no connection                       RETRY        UNCERTAIN
 *   too late, cut off                   UNCERTAIN    UNCERTAIN
 */
#ifndef COMMON_POST_H
#define COMMON_POST_H

#include "adapters/adapter.h"
#include "adapters/common/answer.h"
#include "adapters/common/header.h"

/* For an adapter's table. */
/* clang-format off */
#define POST_SETTINGS                                                                                                  \
    {"url", GWA_TEXT, true, NULL, "where messages go, https://host[:port]/path; receipts are asked for at url/id"},    \
    {"timeout", GWA_DURATION, false, "30s", "for one exchange"}
/* clang-format on */

struct post {
    const char *url;                     /* the host's */
    int64_t timeout_ms;
    bool json, xml;                      /* forms that messages and receipts may have */
};
/* Further headers of one request; false when they cannot be written. */
typedef bool post_headers(struct gwa_job *job, struct headers *headers);

/* Takes the settings of POST_SETTINGS; false: refused, with why. The caller sets the forms. */
bool post_open(struct gwa_job *job, struct post *out);
/* Steps; `more` may be NULL. */
enum gwa_verdict post_send(struct gwa_job *job, const struct post *post, post_headers *more);
enum gwa_verdict post_resolve(struct gwa_job *job, const struct post *post, post_headers *more);

#endif
