/* passed: messages that the gateway keeps and passes on: questions to the registry and their answers, documents. Whom
 * they go to stands in the message's record; delivery does the rest. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

#define QUESTION "guidance.request"

/* ---- whom -------------------------------------------------------------------------------------------------------- */

/* Who lists the kind gets it; who lists none gets what is for its role. */
static bool takes(const struct partner *partner, const char *kind, unsigned roles)
{
    if (partner->person)
        return false;
    if (partner->receives == NULL)
        return (partner->roles & roles) != 0;
    for (const char *const *name = partner->receives; *name != NULL; name++)
        if (strcmp(*name, kind) == 0)
            return true;
    return false;
}

void case_pass_on(struct intake_case *c, unsigned roles)
{
    struct buf to;

    if (c->looking)
        return;
    buf_init(&to, RECORD_TO_MAX);
    for (size_t i = 0; i < directory_partners(c->directory); i++) {
        const struct partner *partner = directory_partner(c->directory, i);
        if (strcmp(partner->id, c->in.sender->id) != 0 && takes(partner, c->envelope.kind, roles))
            buf_printf(&to, "%s%s", to.n > 0 ? " " : "", partner->id);
    }
    if (to.overflow)
        log_event(LOG_ERROR, "message.pass_on", "id=%s more partners than fit", c->envelope.id);
    else if (to.n > 0)
        c->to = arena_strndup(c->arena, (const char *)to.p, to.n);
    buf_free(&to);
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

bool document_whole(struct ledger_tx *tx, struct intake_case *c, const struct message_node *body,
                    struct row_verdict *out, struct err *err)
{
    (void)tx;
    (void)body;
    (void)out;
    (void)err;
    case_pass_on(c, ROLE_PLATFORM);
    return true;
}

/* ---- a question, and its answer ---------------------------------------------------------------------------------- */

static bool good_number(const struct message_node *body, struct row_verdict *out)
{
    const char *text = message_text(message_member(body, "number"));
    char number[IDENT_NORMAL_SIZE];
    enum right_kind kind;
    enum err_code cause;

    if (message_member(body, "number") == NULL ||
        !right_kind_parse(message_text(message_member(body, "right_kind")), &kind) ||
        right_number(kind, text, number, &cause))
        return true;
    return !reject(out, cause, "number");
}

bool question_whole(struct ledger_tx *tx, struct intake_case *c, const struct message_node *body,
                    struct row_verdict *out, struct err *err)
{
    char uscc[USCC_SIZE];
    bool doubtful, other_province;

    (void)tx;
    (void)err;
    if (!row_uscc(body, out, uscc, &doubtful, &other_province) || !good_number(body, out))
        return true;
    case_pass_on(c, ROLE_REGISTRY);
    return c->to[0] != '\0' || reject(out, ERR_MESSAGE_NO_RECEIVER, "");
}

/* The record is a question that was passed on to this registry: who asked, or NULL. */
static bool asker_of(struct ledger_tx *tx, const struct intake_case *c, uint64_t seq, const char **asker,
                     struct err *err)
{
    struct record record;
    struct err gone = {0};

    *asker = NULL;
    if (seq == 0 || seq >= ledger_next_sequence(tx))
        return true;
    if (!ledger_read_record(c->intake->options.journal, ledger_txn(tx), c->arena, seq, &record, &gone)) {
        if (gone.code == ERR_JOURNAL_UNKNOWN)
            return true;
        *err = gone;
        return false;
    }
    if (record.kind == RECORD_MESSAGE && strcmp(record.message.kind, QUESTION) == 0 &&
        word_in(record.to, c->in.sender->id))
        *asker = record.message.sender;
    return true;
}

/* By the id under which it was passed on, "f-<sequence>". */
static uint64_t passed_as(const char *of)
{
    char *end;
    unsigned long long seq = strncmp(of, "f-", 2) == 0 ? strtoull(of + 2, &end, 10) : 0;

    return seq > 0 && *end == '\0' ? (uint64_t)seq : 0;
}

/* By the asker's own id, which what was passed on names as in_reply_to. */
static bool find_question(struct ledger_tx *tx, const struct intake_case *c, const char *of, const char **asker,
                          struct err *err)
{
    CHECK(asker_of(tx, c, passed_as(of), asker, err));
    for (size_t i = 0; i < directory_partners(c->directory) && *asker == NULL; i++) {
        struct message_state state;
        bool found;
        CHECK(message_find(ledger_txn(tx), directory_partner(c->directory, i)->id, of, &state, &found, err));
        if (found)
            CHECK(asker_of(tx, c, state.seq, asker, err));
    }
    return true;
}

bool answer_whole(struct ledger_tx *tx, struct intake_case *c, const struct message_node *body, struct row_verdict *out,
                  struct err *err)
{
    const char *of = "", *asker = NULL;

    if (!row_text(c, body, "of", MESSAGE_ID_MAX, &of, out))
        return true;
    CHECK(find_question(tx, c, of, &asker, err));
    if (asker == NULL)
        return reject(out, ERR_GUIDANCE_UNKNOWN, "of");
    c->to = asker;
    return true;
}
