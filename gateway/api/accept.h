/* accept: which of the forms offered a client wants (RFC 9110 section 12.5), and which it has already. Pure. */
#ifndef API_ACCEPT_H
#define API_ACCEPT_H

#include "base/base.h"

#define ACCEPT_RANGES_MAX 64           /* further ranges of one header are not looked at */

enum api_media {
    API_MEDIA_JSON, API_MEDIA_JOSE, API_MEDIA_XML, API_MEDIA_TEXT, API_MEDIA_LINES, API_MEDIA_HTML, API_MEDIA_CSV,
    API_MEDIA_COUNT
};
const char *api_media_name(enum api_media media);
/* The best of offered[0…n-1]; between equals the earlier one. An empty header accepts everything, so the first. */
bool api_accept(struct bytes header, const enum api_media *offered, size_t n, enum api_media *out);
/* The header (Accept-Encoding) wants the coding: by name, or by * when it is not named. */
bool api_accepts_coding(struct bytes header, const char *coding);
/* The header (If-None-Match) names this entity tag (weak comparison); `*` names no body and so promises nothing. */
bool api_names_tag(struct bytes header, const char *etag);
/* The media type of a header value is `name`, whatever its parameters. */
bool api_is_media(struct bytes header, const char *name);
/* No parameter of a header value (Content-Type) names a character set other than UTF-8. */
bool api_is_utf8(struct bytes header);

#endif
