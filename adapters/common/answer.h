/* answer: what a peer's HTTP answer says about a message. Pure functions over foreign bytes; thread-safe. */
#ifndef COMMON_ANSWER_H
#define COMMON_ANSWER_H

#include "adapters/adapter.h"

#define ANSWER_CODE_SIZE 65              /* a problem's code and its NUL */
#define ANSWER_MEDIA_SIZE 128
#define ANSWER_SIGNATURE_MAX 8192
#define ANSWER_RETRY_MAX_MS (24 * INT64_C(3600000))    /* who asks for longer is asked again then */

/* How many headers of this name the raw block holds; *value_out is the first one's, without the blanks around it. */
size_t answer_header(const char *block, const char *name, struct gwa_bytes *value_out);
/* Retry-After, seconds or one of the three HTTP dates, from now on; 0 when absent, unreadable or past. */
int64_t answer_retry_after(const char *block, int64_t now_ms);
/* The member `code` of a JSON answer when it is a short machine word (letters, digits, "._-", from a letter on, no long
 * run of digits): nothing else of a peer's words goes on to people. False: out is "". */
bool answer_code(const char *block, struct gwa_bytes body, char out[ANSWER_CODE_SIZE]);

enum answer_form {
    ANSWER_NOTHING,                      /* blank, or plain text: people's words, no receipt */
    ANSWER_JSON, ANSWER_XML,
    ANSWER_GARBAGE                       /* a web page, or bytes that are not what their media type says */
};
/* By media type and first byte. `media` is the bare type in small letters, that of the form when none was said. */
enum answer_form answer_form(const char *block, struct gwa_bytes body, char media[ANSWER_MEDIA_SIZE]);
/* The form that a message's media type means. */
enum answer_form answer_form_of(const char *media);

/* x-jws-signature: there at most once, and made of what a JWS is made of. *value_out is empty when absent. */
bool answer_signature(const char *block, struct gwa_bytes *value_out);

#endif
