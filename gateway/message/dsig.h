/* message, private: one XML signature, taken apart and judged.
 *
 * A signature covers the whole document but itself, so that nothing outside it needs an id, and an element can
 * stand for another nowhere. Three steps that never mix: dsig_read says what stands there (shape), dsig_judge
 * whether that was agreed (terms), dsig_verify.c whether it is true (digest and signature).
 */
#ifndef MESSAGE_DSIG_H
#define MESSAGE_DSIG_H

#include "message/internal.h"

#define DSIG_NAMESPACE MESSAGE_XMLDSIG
#define DSIG11_NAMESPACE "http://www.w3.org/2009/xmldsig11#"
#define DSIG_ENVELOPED DSIG_NAMESPACE "enveloped-signature"
#define DSIG_EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define DSIG_INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

#define DSIG_INFO_MAX 8192                /* bytes of a canonical SignedInfo */
#define DSIG_TEXT_MAX 16384               /* characters of a base64 value, with its white space */
#define DSIG_TRANSFORMS 2
#define DSIG_IDS 5                        /* elements of a signature that may bear an Id */

/* What was agreed with a partner (profile.c). */
struct dsig_terms {
    const char *c14n_uri, *signature_uri, *digest_uri;
    enum crypto_digest digest;
    bool inclusive, der;
};
/* signature.alg when no XML signature is made with this algorithm. `profile` may be NULL. */
bool dsig_terms(const struct message_profile *profile, enum crypto_alg alg, struct dsig_terms *out, struct err *err);
/* The digest that an URI names: as far as that can be told without knowing the algorithm of the key. */
enum crypto_digest dsig_digest_named(const char *digest_uri);

/* What stands there; borrowed from the document. What was not reached is NULL. */
struct dsig {
    xmlNode *signature, *info, *digest_value, *value, *key_info;   /* key_info: NULL when there is none */
    const char *c14n_uri, *signature_uri, *digest_uri, *reference_uri;
    const char *transform_uris[DSIG_TRANSFORMS];
    size_t transform_n;
    const char *ids[DSIG_IDS];
    size_t id_n;
};
/* Looks at every node of the document. *signature_out is the first signature, NULL when there is none, whatever is
 * returned. More than one, one elsewhere than last in the root, and anything that a signature does not cover or that
 * makes one name of two (comments, CDATA, attributes) is signature.profile. */
bool dsig_find(xmlDoc *doc, xmlNode **signature_out, struct err *err);
/* The one signature of the document. signature.missing, malformed, profile. */
bool dsig_read(xmlDoc *doc, struct dsig *out, struct err *err);
/* signature.profile, alg. */
bool dsig_judge(const struct dsig *dsig, const struct dsig_terms *terms, struct err *err);
/* Which of the expected keys KeyInfo leaves (dsig_key.c). signature.key_unknown, profile, malformed. */
bool dsig_keys(xmlNode *key_info, const struct jws_expect *expect, bool usable_out[JWS_KEYS_MAX], struct err *err);

/* Small things that the parts share. */
bool dsig_fault(struct err *err, enum err_code code, const xmlNode *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
xmlNode *dsig_skip(xmlNode *node);        /* the first of node and its siblings behind that is not white space */
const char *dsig_text(const xmlNode *node);   /* of an element that holds text only, "" when empty; NULL otherwise */
/* The base64 text of an element; white space is allowed anywhere in it, everything else is strict. */
bool dsig_base64(xmlNode *node, struct buf *out, struct err *err);

/* Canonical forms (dsig_c14n.c): of the document without the signature (NULL: of all of it), into a digest or a
 * buffer, whichever is given; and of SignedInfo where it stands. The document is as before when they return. */
struct dsig_sink {
    struct crypto_hash *hash;
    struct buf *buf;
};
bool dsig_canonical(xmlDoc *doc, xmlNode *signature, bool inclusive, struct dsig_sink *sink, struct err *err);
bool dsig_canonical_info(const struct dsig *dsig, bool inclusive, struct buf *out, struct err *err);

#endif
