/* members: what each kind of journal record is made of. README.md shows the outcome. */
#include "record/members.h"

/* one member a line, in the order written */
/* clang-format off */

#define AT(field) offsetof(struct record, field)
#define TEXT(field, bound) .type = MEMBER_TEXT, .offset = AT(field), .max = (bound)
#define DATE(field) .type = MEMBER_DATE, .offset = AT(field)
#define TIME(field) .type = MEMBER_TIME, .offset = AT(field)
#define FLAG(field) .type = MEMBER_FLAG, .offset = AT(field)
#define JSON(field, bound) .type = MEMBER_JSON, .offset = AT(field), .max = (bound)
#define AMOUNT(field) .type = MEMBER_AMOUNT, .offset = AT(field)
#define COUNTED(field) .type = MEMBER_COUNT, .offset = AT(field)
#define WORD(field, set) .type = MEMBER_WORD, .offset = AT(field), .words = &words_##set
#define OBJECT(table) .type = MEMBER_OBJECT, .members = (table)

static const struct member actor_members[] = {
    {"kind", WORD(actor.kind, actor)},
    {"id", TEXT(actor.id, RECORD_ID_MAX)},
    {0},
};

const struct member members_common[] = {
    {"time", TIME(time_ms)},
    {"due", TIME(due_ms)},
    {"actor", OBJECT(actor_members)},
    {"origin", TEXT(origin, RECORD_TEXT_MAX)},
    {"uscc", TEXT(uscc, USCC_SIZE - 1)},
    {"rules", TEXT(rules, RECORD_ID_MAX)},
    {"note", TEXT(note, RECORD_REASON_MAX)},
    {0},
};

static const struct member row_members[] = {
    {"name", TEXT(row.name, RECORD_NAME_MAX)},
    {"region_code", TEXT(row.region_code, RECORD_ID_MAX)},
    {"industry_code", TEXT(row.industry_code, RECORD_ID_MAX)},
    {"scale", TEXT(row.scale, RECORD_ID_MAX)},
    {"ownership", TEXT(row.ownership, RECORD_ID_MAX)},
    {"level", TEXT(row.level, RECORD_TEXT_MAX)},
    {"batch", TEXT(row.batch, RECORD_TEXT_MAX)},
    {"document_no", TEXT(row.document_no, RECORD_TEXT_MAX)},
    {"valid_from", DATE(row.valid_from)},
    {"valid_until", DATE(row.valid_until)},
    {"reason", TEXT(row.reason, RECORD_REASON_MAX)},
    {"withdrawn", FLAG(row.withdrawn)},
    {"doubtful", FLAG(row.doubtful)},
    {0},
};

static const struct member exclusion_members[] = {
    {"ground", WORD(exclusion.ground, ground)},
    {"imposed_by", TEXT(exclusion.imposed_by, RECORD_ID_MAX)},
    {"document_no", TEXT(exclusion.document_no, RECORD_TEXT_MAX)},
    {"effective", DATE(exclusion.effective)},
    {"until", DATE(exclusion.until)},
    {0},
};

static const struct member listing_members[] = {
    {"status", WORD(listing.status, listing)},
    {"lane", WORD(listing.lane, lane)},
    {"reasons", .type = MEMBER_REASONS, .offset = AT(listing)},
    {"since", DATE(listing.since)},
    {"listed_since", DATE(listing.listed_since)},
    {"valid_until", DATE(listing.valid_until)},
    {"disputed", FLAG(listing.disputed)},
    {0},
};

static const struct member counts_members[] = {
    {"received", COUNTED(counts.received)},
    {"added", COUNTED(counts.added)},
    {"renewed", COUNTED(counts.renewed)},
    {"amended", COUNTED(counts.amended)},
    {"withdrawn", COUNTED(counts.withdrawn)},
    {"absent", COUNTED(counts.absent)},
    {"unchanged", COUNTED(counts.unchanged)},
    {"rejected", COUNTED(counts.rejected)},
    {"doubtful", COUNTED(counts.doubtful)},
    {0},
};

/* What the three deciding kinds end with. */
#define DECISION                                                                                                       \
    {"from", WORD(from, listing)}, {"listing", OBJECT(listing_members)}, {"corrects", FLAG(corrects)}, {0}

static const struct member certification_members[] = {
    {"action", WORD(action, action)},
    {"source", TEXT(source, RECORD_ID_MAX)},
    {"list_version", TEXT(list_version, RECORD_TEXT_MAX)},
    {"row", OBJECT(row_members)},
    {"row_digest", .type = MEMBER_DIGEST, .offset = AT(row_digest)},
    {"name_waits", FLAG(name_waits)},
    {"unconfirmed", FLAG(unconfirmed)},
    {"begins_later", FLAG(begins_later)},
    {"reverted", WORD(reverted, cert)},
    DECISION,
};

static const struct member exclusion_record_members[] = {
    {"lift", FLAG(lift)},
    {"exclusion", OBJECT(exclusion_members)},
    {"approval", TEXT(approval_id, RECORD_ID_MAX)},
    DECISION,
};

static const struct member listing_record_members[] = {
    {"act", TEXT(act, RECORD_ID_MAX)},
    {"approval", TEXT(approval_id, RECORD_ID_MAX)},
    {"row", OBJECT(row_members)},
    {"name_waits", FLAG(name_waits)},
    DECISION,
};

/* Proposals and approvals share one shape. */
static const struct member approval_members[] = {
    {"approval", TEXT(approval_id, RECORD_ID_MAX)},
    {"what", TEXT(what, RECORD_ID_MAX)},
    {"object", TEXT(object, RECORD_TEXT_MAX)},
    {"object_digest", TEXT(object_digest, RECORD_TEXT_MAX)},
    {"payload", TEXT(payload, RECORD_PAYLOAD_MAX)},
    {0},
};

static const struct member run_members[] = {
    {"source", TEXT(source, RECORD_ID_MAX)},
    {"state", TEXT(run_state, RECORD_ID_MAX)},
    {"list_version", TEXT(list_version, RECORD_TEXT_MAX)},
    {"full", FLAG(full)},
    {"started", TIME(started_ms)},
    {"completed", TIME(completed_ms)},
    {"counts", OBJECT(counts_members)},
    {"pages", TEXT(pages, RECORD_TEXT_MAX)},
    {0},
};

/* A digest of a file or log segment seen. */
static const struct member object_members[] = {
    {"object", TEXT(object, RECORD_TEXT_MAX)},
    {"object_digest", TEXT(object_digest, RECORD_TEXT_MAX)},
    {0},
};

static const struct member key_members[] = {
    {"kid", TEXT(kid, RECORD_ID_MAX)},
    {"alg", TEXT(alg, RECORD_ID_MAX)},
    {"state", TEXT(key_state, RECORD_ID_MAX)},
    {"certificate", TEXT(certificate, RECORD_CERTIFICATE_MAX)},
    {0},
};

static const struct member note_members[] = {
    {"id", TEXT(message.id, RECORD_ID_MAX)},
    {"kind", TEXT(message.kind, RECORD_ID_MAX)},
    {"sender", TEXT(message.sender, RECORD_ID_MAX)},
    {"in_reply_to", TEXT(message.in_reply_to, RECORD_ID_MAX)},
    {"created", TIME(message.created_ms)},
    {"form", TEXT(message.form, RECORD_ID_MAX)},
    {"bytes", COUNTED(message.bytes)},
    {"digest", .type = MEMBER_DIGEST, .offset = AT(message.digest)},
    {"signature", TEXT(message.signature, RECORD_SIGNATURE_MAX)},
    {"kid", TEXT(message.kid, RECORD_ID_MAX)},
    {"trace_id", TEXT(message.trace_id, RECORD_ID_MAX)},
    {0},
};

/* Messages and the receipts that follow later share one shape. */
static const struct member message_members[] = {
    {"message", OBJECT(note_members)},
    {"result", TEXT(result, RECORD_ID_MAX)},
    {"code", TEXT(code, RECORD_ID_MAX)},
    {"first", COUNTED(first)},
    {"to", TEXT(to, RECORD_TO_MAX)},
    {"approval", TEXT(approval_id, RECORD_ID_MAX)},
    {"rows", JSON(rows, RECORD_ROWS_MAX)},
    {0},
};

static const struct member credit_members[] = {
    {"event", WORD(credit.event, credit)},
    {"credit_no", TEXT(credit.credit_no, RECORD_TEXT_MAX)},
    {"loan_no", TEXT(credit.loan_no, RECORD_TEXT_MAX)},
    {"amount_fen", AMOUNT(credit.amount_fen)},
    {"rate_bp", AMOUNT(credit.rate_bp)},
    {"date", DATE(credit.date)},
    {"due_date", DATE(credit.due)},
    {"pledge_registration_no", TEXT(credit.pledge_no, RECORD_TEXT_MAX)},
    {"consent_no", TEXT(credit.consent_no, RECORD_TEXT_MAX)},
    {"reason", TEXT(credit.reason, RECORD_REASON_MAX)},
    {"row", COUNTED(credit.row)},
    {"corrects", TEXT(credit.corrects, RECORD_TEXT_MAX)},
    {"code", TEXT(code, RECORD_ID_MAX)},
    {0},
};

static const struct member pledgee_members[] = {
    {"uscc", TEXT(pledge.pledgee_uscc, USCC_SIZE - 1)},
    {"name", TEXT(pledge.pledgee_name, RECORD_NAME_MAX)},
    {0},
};

static const struct member pledge_members[] = {
    {"registration_no", TEXT(pledge.registration_no, RECORD_TEXT_MAX)},
    {"event", WORD(pledge.event, pledge_event)},
    {"state", WORD(pledge.state, pledge_state)},
    {"date", DATE(pledge.date)},
    {"right_kind", WORD(pledge.right_kind, right_kind)},
    {"pledgee", OBJECT(pledgee_members)},
    {"secured_amount_fen", AMOUNT(pledge.secured_fen)},
    {"debt_from", DATE(pledge.debt_from)},
    {"debt_until", DATE(pledge.debt_until)},
    {"valid_until", DATE(pledge.valid_until)},
    {"superseded_by", TEXT(pledge.superseded_by, RECORD_TEXT_MAX)},
    {"approval", TEXT(approval_id, RECORD_ID_MAX)},
    {"pledgors", JSON(pledge.pledgors, RECORD_LIST_MAX)},
    {"rights", JSON(pledge.rights, RECORD_LIST_MAX)},
    {0},
};

static const struct member right_members[] = {
    {"right_kind", WORD(right.kind, right_kind)},
    {"number", TEXT(right.number, RECORD_ID_MAX)},
    {"status", WORD(right.status, right_status)},
    {"since", DATE(right.since)},
    {0},
};

static const struct member enterprise_members[] = {
    {"row", OBJECT(row_members)},
    {"name_waits", FLAG(name_waits)},
    {"unconfirmed", FLAG(unconfirmed)},
    DECISION,
};

static const struct member objection_members[] = {
    {"act", TEXT(act, RECORD_ID_MAX)},
    {"against", TEXT(object, RECORD_TEXT_MAX)},
    {"answer_by", DATE(answer_by)},
    {"answers", COUNTED(answers)},
    {"approval", TEXT(approval_id, RECORD_ID_MAX)},
    DECISION,
};

const struct member *const members_of_kind[RECORD_KIND_COUNT] = {
    [RECORD_CERTIFICATION] = certification_members, [RECORD_EXCLUSION] = exclusion_record_members,
    [RECORD_LISTING] = listing_record_members,      [RECORD_PROPOSAL] = approval_members,
    [RECORD_APPROVAL] = approval_members,           [RECORD_RUN] = run_members,
    [RECORD_CONFIG] = object_members,               [RECORD_ACCESS] = object_members,
    [RECORD_KEY] = key_members,                     [RECORD_PURGE] = object_members,
    [RECORD_MESSAGE] = message_members,             [RECORD_RECEIPT] = message_members,
    [RECORD_CREDIT] = credit_members,               [RECORD_PLEDGE] = pledge_members,
    [RECORD_RIGHT] = right_members,                 [RECORD_ENTERPRISE] = enterprise_members,
    [RECORD_OBJECTION] = objection_members,
};
