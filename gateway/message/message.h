/* message: what partners send and receive, in XML and in JSON, as one thing.
 *
 * The catalogue (schemas/catalog.csv) is the one list of kinds; one XSD per kind judges both forms. A message is
 * read within limits, its signature verified over what was read, then validated; what was verified is what is
 * parsed. The only module that sees libxml2. Catalogues are immutable and shared by threads; a document belongs to
 * one thread.
 */
#ifndef MESSAGE_MESSAGE_H
#define MESSAGE_MESSAGE_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include "jws/jws.h"

#define MESSAGE_MAX (4u << 20)            /* bytes of one message */
#define MESSAGE_ROWS_MAX 10000
#define MESSAGE_DEPTH_MAX 32
#define MESSAGE_NODES_MAX 400000u
#define MESSAGE_ID_MAX 64
#define MESSAGE_NAMESPACE "urn:cn:sx:ip-pledge:1"

enum message_form { MESSAGE_JSON, MESSAGE_XML };

/* ---- catalogue (catalog.c) -------------------------------------------------------------------------- */

struct message_kind {
    const char *name;                     /* "certification.batch" */
    int version;
    bool inbound, outbound;
    const char *roles;                    /* who may send it: "bureau platform" */
    const char *xsd;                      /* file in schemas/ */
    bool receipt, ordered, asks;          /* answered by a receipt; delivered in order; only asks (no record) */
    int64_t max_age_ms;
    const char *retention, *visible_to, *keys;   /* as in the file; keys: business keys, "uscc document_no" */
};
struct catalog;
/* Reads schemas/catalog.csv and prepares every XSD. config.* with file:line. */
bool catalog_load(const char *directory, struct catalog **out, struct err *err);
void catalog_free(struct catalog **catalog);
size_t catalog_kinds(const struct catalog *catalog);
const struct message_kind *catalog_kind(const struct catalog *catalog, size_t i);
/* The files it was read from, handed out as they are: catalog.csv, common.xsd, then each XSD once. */
struct catalog_file {
    const char *name;
    struct bytes bytes;
    char digest[2 * CRYPTO_DIGEST_SIZE + 1];  /* SHA-256 in hex */
};
size_t catalog_files(const struct catalog *catalog);
const struct catalog_file *catalog_file(const struct catalog *catalog, size_t i);
/* SHA-256 over names and digests of its files: the same for the same catalogue. */
const char *catalog_digest(const struct catalog *catalog);
/* schema.kind_unknown, schema.version_unknown. */
const struct message_kind *catalog_find(const struct catalog *catalog, const char *name, int version, struct err *err);

/* ---- a document (read.c, xml.c, json.c) --------------------------------------------------------------- */

struct message;                           /* one parsed message */
/* XML: UTF-8 without BOM, no DOCTYPE, no network, no entities but the five, no processing instructions, within the
 * limits. message.malformed, schema.doctype, schema.encoding, message.too_large. */
bool message_read_xml(struct bytes in, struct message **out, struct err *err);
/* {"envelope":{…},"body":{…}}; strict JSON as module json. */
bool message_read_json(struct bytes in, struct message **out, struct err *err);
void message_free(struct message **message);
enum message_form message_form(const struct message *message);

struct message_envelope {                 /* borrowed from the message; "" when absent */
    const char *id, *kind, *sender, *receiver, *in_reply_to, *traceparent;
    int64_t version, created_ms;
};
/* From the raw document, before validation: schema.invalid when a member is missing or malformed. */
bool message_envelope(const struct message *message, struct message_envelope *out, struct err *err);

/* Every fault of the document against its kind's XSD, up to max, each with JSON Pointer or XPath. True: none. The
 * same verdict for both forms. Values are looked at only where the members around them are those of the XSD.
 * schema.invalid, schema.type, schema.kind_unknown, schema.version_unknown, batch.too_many_rows. */
bool message_validate(const struct catalog *catalog, const struct message *message, struct err *errors, size_t max,
                      size_t *n_out);

/* Reading a validated body the same way for both forms. Names are the JSON ones ("uscc", "rows"). */
struct message_node;                      /* borrowed */
const struct message_node *message_body(const struct message *message);
/* Of an XML document, whatever it is: its root, and that one's name ("Message"). */
const struct message_node *message_root(const struct message *message);
const char *message_root_name(const struct message *message);
const struct message_node *message_member(const struct message_node *node, const char *name);      /* NULL: absent */
size_t message_count(const struct message_node *node, const char *list);                             /* of a list member */
const struct message_node *message_at(const struct message_node *node, const char *list, size_t i);
const char *message_text(const struct message_node *node);               /* of a simple value; NULL node gives "" */
int64_t message_integer(const struct message_node *node, int64_t otherwise);
bool message_boolean(const struct message_node *node, bool otherwise);

/* Writes the member "envelope"; version 0 is 1, and what is "" or NULL and optional is left out. */
void message_put_envelope(struct json_out *json, const struct message_envelope *envelope);

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Writes a message of this kind from its JSON form (envelope and body as JSON text), in the order of the XSD, after
 * validating it: for JSON with sorted-by-schema members and no white space, for XML unsigned (sign with
 * message_sign_xml). */
bool message_write(const struct catalog *catalog, struct bytes json, enum message_form form, struct buf *out,
                   struct err *err);
/* The same from a message that message_validate found good, in whichever form it came. */
bool message_convert(const struct catalog *catalog, const struct message *message, enum message_form form,
                     struct buf *out, struct err *err);

/* A document that is no message but described with one: the XML of an element that the kind's XSD declares beside
 * Message, such as Statement with whitelist.statement, from its JSON, after validating it. */
bool message_write_element(const struct catalog *catalog, const struct message_kind *kind, const char *element,
                           struct bytes json, struct buf *out, struct err *err);
/* Takes a signature that ends an XML message out without looking at it: for tools that have no key and say so. */
void message_drop_signature(struct message *message);

/* ---- XML signatures (dsig.c, dsig_sign.c, profile.c) -------------------------------------------------------- */

/* What a partner's file agrees on; zero-initialised means the profile of the contract. */
struct message_profile {
    bool inclusive;                       /* Canonical XML 1.0 instead of exclusive C14N */
    const char *signature_uri, *digest_uri;   /* NULL: those of the contract for the algorithm */
    bool der;                             /* SignatureValue holds DER instead of raw r || s */
};
/* The names that a profile (NULL: the contract's) stands for with an algorithm. signature.alg for PS256. */
struct message_terms {
    const char *c14n_uri, *signature_uri, *digest_uri;
};
bool message_terms(const struct message_profile *profile, enum crypto_alg alg, struct message_terms *out,
                   struct err *err);
/* The one enveloped signature, last child of the root. Verifies over the document as read; afterwards the signature
 * element is taken out of it. KeyInfo may name one of the expected keys (KeyName is its kid) or show one; it never brings
 * one. Comments, CDATA and attributes outside the signature are refused. signature.missing; malformed (no XMLDSig, or a
 * value that cannot be one), profile (XMLDSig, but not as agreed), alg, key_unknown, digest, invalid; `seen_out` may be
 * NULL. */
bool message_verify_xml(struct message *message, const struct jws_expect *expect, const struct message_profile *profile,
                        struct jws_seen *seen_out, struct err *err);
/* Appends the signed document: the canonical form of what is given, the signature last in its root. The root may be any
 * element of our namespace (Message, Statement). signature.alg (PS256), profile (signed already, or what verification
 * refuses), message.too_large, and those of reading. */
bool message_sign_xml(struct bytes unsigned_xml, const struct crypto_keyring *ring, enum crypto_alg alg,
                      const struct message_profile *profile, struct buf *out, struct err *err);
/* The same of a document that we write ourselves, without signature and in its canonical form already: it is not read
 * again. Whoever hands over anything else gets a signature that nobody verifies. */
bool message_sign_canonical(struct bytes canonical, const struct crypto_keyring *ring, enum crypto_alg alg,
                            const struct message_profile *profile, struct buf *out, struct err *err);
/* For tools that say why: what was seen against what is expected, and the canonical form that was digested. Fills what it
 * can, also when it returns false with the fault of the signature's form. */
struct message_explain {
    char signature_uri[128], digest_uri[128], c14n_uri[128];
    char digest_seen[64], digest_computed[64];      /* base64 */
    char key_name[128];                              /* of KeyInfo; "" when it has none */
    struct buf canonical;                            /* of the document without its signature; initialised by the caller */
};
bool message_explain_xml(const struct message *message, const struct message_profile *profile, struct message_explain *out, struct err *err);

#endif
