/* approvals: what waits for a person, told in both languages, and the person's decision. */
#include <string.h>

#include "api/internal.h"
#include "api/items.h"
#include "story/story.h"

#define LIST_MAX 1000

/* The gateway's own note in one language: a reason, a code of the error table or a sentence; a person's is as it was
 * written. */
static const char *note_text(const char *note, bool zh)
{
    enum err_code code = err_by_name(note);

    if (code != ERR_COUNT)
        return zh ? err_info(code)->zh : err_info(code)->en;
    for (int reason = 0; reason < REASON_COUNT && zh; reason++)
        if (strcmp(note, reason_text((enum reason)reason, false)) == 0)
            return reason_text((enum reason)reason, true);
    return zh ? err_phrase(note) : note;
}

/* One sentence about what is proposed. */
static const char *sentence(struct ask *ask, const struct approval *approval, bool zh)
{
    static const struct { const char *what, *en, *zh; } sentences[] = {
        {"run", "run %s is held and waits for a decision", "同步 %s 被暂缓，等待决定"},
        {"admit", "run %s asks to admit its firms to the priority lane", "同步 %s 申请将企业列入优先通道"},
        {"message", "rows of message %s wait for a decision", "报文 %s 的部分行等待决定"},
        {"firm", "firm %s waits for a person's check", "企业 %s 等待人工核查"},
        {"act", "an act on firm %s was proposed", "对企业 %s 提出了处理"},
        {"purge", "erasing from the %s what is older than its term was proposed", "提出从日志（%s）清除已过保存期限的内容"},
    };
    const char *text = zh ? "%s 等待决定" : "%s waits for a decision";

    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (strcmp(sentences[i].what, approval->what) == 0)
            text = zh ? sentences[i].zh : sentences[i].en;
    const char *hole = strstr(text, "%s");
    const char *note = note_text(approval->note, zh);
    return arena_printf(ask->arena, "%.*s%s%s%s%s", (int)(hole - text), text, approval->object, hole + 2,
                        note[0] ? (zh ? "：" : ": ") : "", note);
}

static void write_approval(struct ask *ask, const struct approval *approval)
{
    struct json_out *json = &ask->json;

    json_add_string(json, "id", approval->id);
    json_add_string(json, "what", approval->what);
    json_add_string(json, "object", approval->object);
    json_key(json, "maker");
    json_begin_object(json);
    json_add_string(json, "kind", actor_kind_name(approval->maker.kind));
    json_add_string(json, "id", approval->maker.id);
    json_end_object(json);
    json_add_time(json, "made", approval->made_ms);
    json_add_string(json, "note", approval->note);
    json_key(json, "payload");
    json_put_raw(json, approval->payload[0] ? bytes_str(approval->payload) : BYTES_LIT("{}"));
    json_add_string(json, "state", approval->state);
    json_add_string_opt(json, "decided_by", approval->decided_by);
    json_add_string_opt(json, "comment", approval->comment);
    json_add_time(json, "decided", approval->decided_ms);
    json_add_string(json, "text_en", sentence(ask, approval, false));
    json_add_string(json, "text_zh", sentence(ask, approval, true));
}

static bool add_approval(void *arg, const struct approval *approval)
{
    struct items *items = arg;

    if (!items_room(items))
        return false;
    json_begin_object(&items->ask->json);
    write_approval(items->ask, approval);
    json_end_object(&items->ask->json);
    return true;
}

bool api_do_approvals(struct ask *ask, struct err *err)
{
    struct items items;
    bool all;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(ask_flag(ask, "all", &all, err));
    items_begin(&items, ask, LIST_MAX);
    CHECK(approval_list(txn, ask->arena, !all, add_approval, &items, err));
    items_end(&items);
    return true;
}

static bool about_run(const struct approval *approval)
{
    return strcmp(approval->what, "run") == 0 || strcmp(approval->what, "admit") == 0;
}

/* What the proposal is about, as it stands now; nothing when it is gone. */
static bool write_subject(struct ask *ask, struct store_txn *txn, const struct approval *approval, struct err *err)
{
    struct firm firm;
    struct bytes run;
    struct err gone = {0};

    if (about_run(approval)) {
        if (!story_read(txn, ask->arena, approval->object, &run, &gone))
            return true;
        json_key(&ask->json, "subject");
        json_put_raw(&ask->json, run);
        return true;
    }
    if (!api_firm(ask, txn, approval->object, &firm, &gone))
        return true;
    json_key(&ask->json, "subject");
    return api_firm_full(ask, txn, &firm, err);
}

bool api_do_approval(struct ask *ask, struct err *err)
{
    struct approval approval;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(approval_read(txn, ask->arena, ask->values[0], &approval, err));
    json_begin_object(&ask->json);
    write_approval(ask, &approval);
    CHECK(write_subject(ask, txn, &approval, err));
    json_end_object(&ask->json);
    return true;
}

/* A run may touch any firm of the province, so only a scope that covers it may decide. */
static bool in_scope(struct ask *ask, struct err *err)
{
    const struct rules *rules = policy_in_force(ask->held->state.policy, date_of_ms(ask->now_ms));
    const char *region = rules ? rules->home_region : "";
    struct approval approval;
    struct firm firm;
    struct err unknown = {0};
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(approval_read(txn, ask->arena, ask->values[0], &approval, err));
    if (!about_run(&approval) && api_firm(ask, txn, approval.object, &firm, &unknown))
        region = firm.region_code;
    return ask_scope(ask, region, err);
}

static bool decide(struct ask *ask, bool grant, struct err *err)
{
    static const char *const members[] = {"comment", NULL};
    const struct actor person = ask_actor(ask);
    const char *comment = NULL;
    uint64_t seq = 0;

    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(json_opt_string(ask_object(ask), "", "comment", RECORD_REASON_MAX, &comment, err));
    CHECK(in_scope(ask, err));
    CHECK(ledger_decide_approval(ask->api->options.ledger, ask->values[0], grant, &person, comment ? comment : "", &seq,
                                 err));
    json_begin_object(&ask->json);
    json_add_integer(&ask->json, "sequence", (int64_t)seq);
    json_end_object(&ask->json);
    return true;
}

bool api_do_approval_grant(struct ask *ask, struct err *err)
{
    return decide(ask, true, err);
}

bool api_do_approval_reject(struct ask *ask, struct err *err)
{
    return decide(ask, false, err);
}
