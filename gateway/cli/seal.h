/* What was signed and how, read from files: a body with its detached JWS, a compact or flattened JWS, or XML. Nothing
 * of it is believed but for choosing among keys that are trusted already, and for telling. */
#ifndef CLI_SEAL_H
#define CLI_SEAL_H

#include "cli/signer.h"
#include "message/message.h"

enum seal_form { SEAL_DETACHED, SEAL_COMPACT, SEAL_FLATTENED, SEAL_XML };
const char *seal_form_name(enum seal_form form);

struct seal {
    enum seal_form form;
    const char *file;
    struct bytes body;              /* the file as it is */
    struct bytes jws;               /* not of XML; a flattened one as compact */
    struct message *message;        /* XML */
    struct message_profile profile; /* XML: what is agreed on */
    struct message_explain xml;     /* XML: what its signature claims */
    struct err claims;              /* XML: why that cannot be read; ERR_NONE */
    char alg[16];                   /* what it says; "" when unreadable */
    const char *kid;                /* NULL: none */
    int64_t signed_ms;              /* iat, or the document's own time; 0: not said */
};
/* Words of --profile: inclusive, der, signature=URI, digest=URI, divided by commas. CLI_USAGE is told. */
int seal_profile(struct cli *cli, struct message_profile *out);
/* Reads the file, unless its body is there already, and what signs it, and looks at what that says of itself. signature.missing, malformed are verdicts;
 * other errors are files that cannot be read. Free it in either case. */
bool seal_read(struct cli *cli, struct seal *seal, struct err *err);
void seal_free(struct seal *seal);
/* What the signature is over: the body, the payload, or the canonical form without the signature. In the arena. */
bool seal_covers(struct cli *cli, const struct seal *seal, struct bytes *out, struct err *err);

/* Which of the trusted keys it may be signed with. signature.alg, key_unknown. */
bool seal_pick(struct cli *cli, const struct signers *signers, const struct seal *seal, struct jws_expect *expect,
               struct err *err);
/* Whether it holds with these keys, over `body` where it is detached; `profile` for XML. */
bool seal_holds(const struct jws_expect *expect, const struct seal *seal, struct bytes body,
                const struct message_profile *profile, struct jws_seen *seen, struct err *err);
/* All of it: key, signature, and that the key was in force when it signed. */
bool seal_judge(struct cli *cli, const struct signers *signers, const struct seal *seal, struct err *err);

#endif
