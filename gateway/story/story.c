/* A run's story: the JSON kept in the table `run`, which is also what people are shown. */
#include "story/story.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"

/* Who acts and what happens next. */
struct next {
    const char *who, *en, *zh;
};

static const struct {
    const char *name;
    struct next next;
} states[RUN_STATE_COUNT] = {
    [RUN_RUNNING] = {"running", {"gateway", "the gateway is working; nobody needs to act", "网关正在处理，无需操作"}},
    [RUN_DONE] = {"done", {"gateway", "nothing; the next run starts by its period", "无需操作，下次按周期自动同步"}},
    [RUN_INCOMPLETE] = {"incomplete",
                        {"gateway",
                         "the gateway tries again by itself; if it repeats, ask the source why its list breaks off",
                         "网关将自动重试；若反复出现，请联系名单来源核查名单为何中断"}},
    [RUN_FAILED] =
        {"failed",
         {"gateway",
          "the gateway tries again by itself; read the error and, if it repeats, ask the source or mend the settings",
          "网关将自动重试；若反复出现，请按错误信息联系来源或修正设置"}},
    [RUN_HELD] = {"held",
                  {"approver", "an approver must look at the differences and grant or reject; nothing has changed yet",
                   "须由审批人核对差异后批准或驳回；目前未作任何改动"}},
    [RUN_CANCELLED] = {"cancelled", {"nobody", "nothing; start a new run when wanted", "无需操作，需要时可重新同步"}},
};
static const struct next tried = {"operator", "nothing has changed; run it without dry_run to apply this",
                                  "未作任何改动；如需生效请正式同步"};
static const struct next tried_held = {"operator", "nothing has changed; a real run would be held for an approver",
                                       "未作任何改动；正式同步将被暂缓并等待审批"};
static const char *const phases[] = {"fetch", "judge", "apply", "end"};

const char *story_state_name(enum run_state state)
{
    return states[state].name;
}

/* ---- members that are written and read by a table ---- */

/* TIME is for people: the same moment is read as a NUMBER. */
enum member_kind { TEXT, TEXT_OR_NONE, NUMBER, FLAG, TIME };
struct member {
    const char *name;
    enum member_kind kind;
    size_t at, size; /* in struct story */
};
#define MEMBER(label, as, field)                                                                                       \
    {                                                                                                                  \
        .name = label, .kind = as, .at = offsetof(struct story, field), .size = sizeof(((struct story *)NULL)->field)  \
    }
#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct member identity[] = {
    MEMBER("id", TEXT, id),
    MEMBER("source", TEXT, source),
    MEMBER("feeds", TEXT_OR_NONE, feeds),
};
static const struct member times[] = {
    MEMBER("started", TIME, started_ms),      MEMBER("fetched", TIME, fetched_ms),
    MEMBER("ended", TIME, ended_ms),          MEMBER("started_ms", NUMBER, started_ms),
    MEMBER("fetched_ms", NUMBER, fetched_ms), MEMBER("ended_ms", NUMBER, ended_ms),
};
static const struct member list[] = {
    MEMBER("list_version", TEXT_OR_NONE, list_version),
    MEMBER("total", NUMBER, total),
};
static const struct member counts[] = {
    MEMBER("received", NUMBER, counts.received),   MEMBER("added", NUMBER, counts.added),
    MEMBER("renewed", NUMBER, counts.renewed),     MEMBER("amended", NUMBER, counts.amended),
    MEMBER("withdrawn", NUMBER, counts.withdrawn), MEMBER("absent", NUMBER, counts.absent),
    MEMBER("unchanged", NUMBER, counts.unchanged), MEMBER("rejected", NUMBER, counts.rejected),
    MEMBER("doubtful", NUMBER, counts.doubtful),
};
static const struct member course[] = {
    MEMBER("awaiting", NUMBER, awaiting),
    MEMBER("attempts", NUMBER, attempts),
    MEMBER("restarts", NUMBER, restarts),
    MEMBER("full", FLAG, full),
    MEMBER("dry_run", FLAG, dry_run),
    MEMBER("initial", FLAG, initial),
    MEMBER("absence_counts", FLAG, absence_counts),
    MEMBER("pages", TEXT_OR_NONE, pages),
    MEMBER("origin", TEXT_OR_NONE, origin),
};
static const struct member error[] = {
    MEMBER("code", TEXT, error),
    MEMBER("detail", TEXT, error_text),
    MEMBER("detail_zh", TEXT_OR_NONE, error_text_zh),
};
static const struct member guard[] = {
    MEMBER("listed", NUMBER, guard_listed),
    MEMBER("limit", NUMBER, guard_limit),
    MEMBER("taken", NUMBER, guard_taken),
    MEMBER("wanted", NUMBER, guard_wanted),
};
static const struct member outcome[] = {
    MEMBER("hold_why", TEXT_OR_NONE, hold_why),
    MEMBER("approval", TEXT_OR_NONE, approval),
    MEMBER("superseded_by", TEXT_OR_NONE, superseded_by),
    MEMBER("first_seq", NUMBER, first_seq),
    MEMBER("last_seq", NUMBER, last_seq),
};

static void add_member(struct json_out *out, const struct member *member, const void *value)
{
    switch (member->kind) {
    case TEXT:
        json_add_string(out, member->name, value);
        break;
    case TEXT_OR_NONE:
        json_add_string_opt(out, member->name, value);
        break;
    case NUMBER:
        json_add_integer(out, member->name, *(const int64_t *)value);
        break;
    case FLAG:
        json_add_boolean(out, member->name, *(const bool *)value);
        break;
    case TIME:
        json_add_time(out, member->name, *(const int64_t *)value);
        break;
    }
}

static void add_members(struct json_out *out, const struct story *story, const struct member *members, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_member(out, &members[i], (const char *)story + members[i].at);
}

static void read_member(const json_value *value, const struct member *member, void *out)
{
    const char *text = json_string(value);
    switch (member->kind) {
    case TEXT:
    case TEXT_OR_NONE:
        snprintf(out, member->size, "%s", text == NULL ? "" : text);
        break;
    case NUMBER:
        json_integer(value, out);
        break;
    case FLAG:
        json_boolean(value, out);
        break;
    case TIME:
        break;
    }
}

/* What is missing stays as it is. */
static void read_members(const json_value *object, struct story *story, const struct member *members, size_t n)
{
    for (size_t i = 0; i < n; i++)
        read_member(json_member(object, members[i].name), &members[i], (char *)story + members[i].at);
}

/* ---- writing ---- */

static void add_counts(struct json_out *out, const struct story *story)
{
    json_key(out, "counts");
    json_begin_object(out);
    add_members(out, story, counts, COUNT(counts));
    json_end_object(out);
}

static void add_error(struct json_out *out, const struct story *story)
{
    if (story->error[0] == '\0')
        return;
    const struct err_info *info = err_info(err_by_name(story->error));
    json_key(out, "error");
    json_begin_object(out);
    add_members(out, story, error, COUNT(error));
    if (info != NULL) {
        json_add_string(out, "text_en", info->en);
        json_add_string(out, "text_zh", info->zh);
    }
    json_end_object(out);
}

static void add_next(struct json_out *out, const struct story *story)
{
    const struct next *next = &states[story->state].next;
    if (story->dry_run && story->state == RUN_DONE)
        next = story->hold_why[0] == '\0' ? &tried : &tried_held;
    json_key(out, "next");
    json_begin_object(out);
    json_add_string(out, "who", next->who);
    json_add_string(out, "en", next->en);
    json_add_string(out, "zh", next->zh);
    json_end_object(out);
}

static void add_guard(struct json_out *out, const struct story *story)
{
    if (story->guard_limit == 0 && story->guard_wanted == 0)
        return;
    json_key(out, "guard");
    json_begin_object(out);
    add_members(out, story, guard, COUNT(guard));
    json_end_object(out);
}

static void add_actor(struct json_out *out, const struct story *story)
{
    json_key(out, "actor");
    json_begin_object(out);
    json_add_string(out, "kind", actor_kind_name(story->actor_kind));
    json_add_string_opt(out, "id", story->actor);
    json_end_object(out);
}

void story_encode(const struct story *story, struct buf *buf)
{
    struct json_out out;
    json_out_init(&out, buf);
    json_begin_object(&out);
    add_members(&out, story, identity, COUNT(identity));
    json_add_string(&out, "state", states[story->state].name);
    json_add_string(&out, "phase", phases[story->phase]);
    add_next(&out, story);
    add_actor(&out, story);
    add_members(&out, story, times, COUNT(times));
    if (story->ended_ms > 0)
        json_add_integer(&out, "duration_ms", story->ended_ms - story->started_ms);
    add_members(&out, story, list, COUNT(list));
    add_counts(&out, story);
    add_members(&out, story, course, COUNT(course));
    add_error(&out, story);
    add_guard(&out, story);
    add_members(&out, story, outcome, COUNT(outcome));
    json_end_object(&out);
}

/* ---- reading it back ---- */

static int index_of(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; name != NULL && i < n; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

static bool read_state(const json_value *o, struct story *out)
{
    const char *state = json_string(json_member(o, "state"));
    int phase = index_of(phases, sizeof phases / sizeof phases[0], json_string(json_member(o, "phase")));
    for (int s = 0; state != NULL && s < RUN_STATE_COUNT; s++) {
        if (strcmp(states[s].name, state) == 0 && phase >= 0) {
            out->state = (enum run_state)s;
            out->phase = (enum run_phase)phase;
            return true;
        }
    }
    return false;
}

static void read_actor(const json_value *actor, struct story *out)
{
    const char *kind = json_string(json_member(actor, "kind")), *id = json_string(json_member(actor, "id"));
    for (int k = 0; kind != NULL && k < ACTOR_COUNT; k++) {
        if (strcmp(actor_kind_name((enum actor_kind)k), kind) == 0)
            out->actor_kind = (enum actor_kind)k;
    }
    snprintf(out->actor, sizeof out->actor, "%s", id == NULL ? "" : id);
}

bool story_decode(struct bytes in, struct story *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    *out = (struct story){0};
    if (!json_parse(in, &doc, err) || !read_state(json_root(doc), out))
        return err_set(err, ERR_STORE_CORRUPT, "run", "story");
    const json_value *o = json_root(doc);
    read_members(o, out, identity, COUNT(identity));
    read_actor(json_member(o, "actor"), out);
    read_members(o, out, times, COUNT(times));
    read_members(o, out, list, COUNT(list));
    read_members(json_member(o, "counts"), out, counts, COUNT(counts));
    read_members(o, out, course, COUNT(course));
    read_members(json_member(o, "error"), out, error, COUNT(error));
    read_members(json_member(o, "guard"), out, guard, COUNT(guard));
    read_members(o, out, outcome, COUNT(outcome));
    return true;
}

void story_put(struct store_txn *txn, const struct story *story)
{
    struct buf out;
    buf_init(&out, RUN_VALUE_MAX);
    story_encode(story, &out);
    struct store_key key = key_text(story->id);
    store_put(txn, TABLE_RUN, &key, buf_bytes(&out));
    buf_free(&out);
}

static bool stored(struct store_txn *txn, const char *id, struct bytes *value_out, struct err *err)
{
    struct store_key key = key_text(id);
    return store_get(txn, TABLE_RUN, &key, value_out) || err_set(err, ERR_RUN_UNKNOWN, "run", "%.40s", id);
}

bool story_get(struct store_txn *txn, const char *id, struct story *out, struct err *err)
{
    struct bytes value;
    CHECK(stored(txn, id, &value, err));
    return story_decode(value, out, err);
}

/* ---- keeping ---- */

bool story_next(struct store *store, const char *after, struct story *out, bool *found_out, struct err *err)
{
    struct store_txn *txn = store_read(store, err);
    if (txn == NULL)
        return false;
    struct store_key from = key_text(after);
    struct store_walk walk;
    bool ok = true;
    *found_out = false;
    for (store_walk(&walk, txn, TABLE_RUN, &from, NULL); ok && !*found_out && store_next(&walk);) {
        if (walk.key.n == from.n && memcmp(walk.key.p, from.b, from.n) == 0)
            continue;
        ok = story_decode(walk.value, out, err);
        *found_out = ok;
    }
    store_walk_end(&walk);
    store_read_end(&txn);
    return ok;
}

static bool number_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct story story = *(struct story *)arg;
    uint64_t n = store_number(ledger_txn(tx), TABLE_META, "runs") + 1;
    store_set_number(ledger_txn(tx), TABLE_META, "runs", n);
    snprintf(story.id, sizeof story.id, "run-%010llu", (unsigned long long)n);
    story_put(ledger_txn(tx), &story);
    if (store_failed(ledger_txn(tx), err))
        return false;
    *(struct story *)arg = story;
    return true;
}

bool story_begin(struct ledger *ledger, struct story *story, struct err *err)
{
    return ledger_run(ledger, number_job, story, err);
}

static bool put_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    story_put(ledger_txn(tx), arg);
    return !store_failed(ledger_txn(tx), err);
}

bool story_save(struct ledger *ledger, struct story *story, struct err *err)
{
    return ledger_run(ledger, put_job, story, err);
}

void story_blame(struct story *story, const struct err *why)
{
    if (why == NULL || why->code == ERR_NONE)
        return;
    snprintf(story->error, sizeof story->error, "%s", err_info(why->code)->code);
    snprintf(story->error_text, sizeof story->error_text, "%s", err_detail(why, false));
    snprintf(story->error_text_zh, sizeof story->error_text_zh, "%s", err_detail(why, true));
}

void story_record(const struct story *story, struct record *record)
{
    record_init(record, RECORD_RUN);
    record->actor = (struct actor){story->actor_kind, story->actor};
    record->origin = story->id;
    record->source = story->source;
    record->run_state = story_state_name(story->state);
    record->started_ms = story->started_ms;
    record->completed_ms = story->fetched_ms > 0 ? story->fetched_ms : story->ended_ms;
    record->counts = story->counts;
    record->full = story->full;
    record->list_version = story->list_version;
    record->pages = story->pages;
    record->note = story->error[0] != '\0' ? story->error : story->hold_why;
}

/* ---- for people ---- */

bool story_read(struct store_txn *txn, struct arena *arena, const char *run_id, struct bytes *json_out, struct err *err)
{
    struct bytes value;
    CHECK(stored(txn, run_id, &value, err));
    *json_out = bytes_dup(arena, value);
    return true;
}

static bool says(struct bytes json, const char *name, const char *wanted)
{
    struct bytes raw, inside;
    return wanted == NULL || (json_scan_member(json, name, &raw) && json_scan_string(raw, &inside) &&
                              bytes_equal(inside, bytes_str(wanted)));
}

bool story_list(struct store_txn *txn, const struct story_filter *filter, size_t max, story_each *each, void *arg,
                struct err *err)
{
    struct store_key after = key_text(filter->after == NULL ? "" : filter->after);
    struct store_walk walk;
    size_t n = 0;
    for (store_walk_down(&walk, txn, TABLE_RUN, filter->after == NULL ? NULL : &after, NULL);
         n < max && store_next(&walk);) {
        bool itself = filter->after != NULL && bytes_equal(walk.key, bytes_of(after.b, after.n));
        if (itself || !says(walk.value, "source", filter->source) || !says(walk.value, "state", filter->state))
            continue;
        n++;
        if (!each(arg, walk.value))
            break;
    }
    store_walk_end(&walk);
    return !store_failed(txn, err);
}

/* A row without a readable code is kept under its line, before all others. */
const char *story_diff_place(struct arena *arena, struct bytes row)
{
    struct bytes raw, inside;
    if (json_scan_member(row, "uscc", &raw) && json_scan_string(raw, &inside))
        return arena_strndup(arena, (const char *)inside.p, inside.n);
    if (!json_scan_member(row, "line", &raw) || raw.n >= UNREADABLE_DIGITS)
        return NULL;
    return arena_printf(arena, "#%.*s%.*s", (int)(UNREADABLE_DIGITS - raw.n), "0000000000000000", (int)raw.n,
                        (const char *)raw.p);
}

bool story_diff(struct store_txn *txn, const char *run_id, const char *after_uscc, size_t max, story_each *each,
                void *arg, struct err *err)
{
    struct store_key prefix = key_pair(run_id, "");
    struct store_key from = key_pair(run_id, after_uscc == NULL ? "" : after_uscc);
    struct store_walk walk;
    size_t n = 0;
    for (store_walk(&walk, txn, TABLE_DIFF, &from, &prefix); n < max && store_next(&walk);) {
        if (after_uscc != NULL && walk.key.n == from.n && memcmp(walk.key.p, from.b, from.n) == 0)
            continue;
        n++;
        if (!each(arg, walk.value))
            break;
    }
    store_walk_end(&walk);
    return !store_failed(txn, err);
}

/* ---- when runs began ---- */

#define LAST_NAME_SIZE (RECORD_ID_MAX + 16)

static const char *last_name(bool full, const char *source, char out[LAST_NAME_SIZE])
{
    (void)snprintf(out, LAST_NAME_SIZE, "%s:%s", full ? "full" : "delta", source);
    return out;
}

bool story_last(struct store *store, const char *source, struct story_last *out, struct err *err)
{
    char name[LAST_NAME_SIZE];
    struct store_txn *txn = store_read(store, err);

    *out = (struct story_last){0};
    if (txn == NULL)
        return false;
    out->full_ms = (int64_t)store_number(txn, TABLE_META, last_name(true, source, name));
    out->delta_ms = (int64_t)store_number(txn, TABLE_META, last_name(false, source, name));
    store_read_end(&txn);
    return true;
}

int64_t story_since_ms(const struct story_last *last, int64_t overlap_ms)
{
    int64_t latest = last->full_ms > last->delta_ms ? last->full_ms : last->delta_ms;

    return latest > overlap_ms ? latest - overlap_ms : 0;
}

void story_note_last(struct store_txn *txn, const struct story *story)
{
    char name[LAST_NAME_SIZE];

    store_set_number(txn, TABLE_META, last_name(story->full, story->source, name), (uint64_t)story->started_ms);
}
