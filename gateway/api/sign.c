/* sign: signatures over answers that the api makes itself. */
#include "api/internal.h"
#include "jws/jws.h"

#define SIGNATURE_TEXT_MAX 2048

struct statement_context ask_context(const struct ask *ask)
{
    const struct api_state *state = &ask->held->state;
    const struct partner *who = ask->who;
    struct statement_context context = {.policy = state->policy, .directory = state->directory, .ring = state->ring,
                                        .generation = state->generation, .catalog = state->catalog};

    if (who)
        context.profile = intake_profile(who);
    return context;
}

enum crypto_alg ask_alg(const struct ask *ask)
{
    return ask->who ? ask->who->answer_alg : CRYPTO_ES256;
}

bool ask_slow(const struct ask *ask)
{
    return ask_alg(ask) != CRYPTO_ES256;
}

bool ask_sign(struct ask *ask, const char *typ, struct err *err)
{
    struct buf signature;
    bool ok;

    buf_init(&signature, SIGNATURE_TEXT_MAX);
    ok = jws_sign_detached(ask->held->state.ring, ask_alg(ask), typ, ask->now_ms, buf_bytes(&ask->out), &signature,
                           err);
    if (ok)
        ask_header(ask, "x-jws-signature", (const char *)bytes_dup(ask->arena, buf_bytes(&signature)).p);
    buf_free(&signature);
    return ok;
}
