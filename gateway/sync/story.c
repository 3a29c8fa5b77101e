/* A run's story: the JSON kept in the table `run`, which is also what people are shown. */
#include "sync/internal.h"

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
                        {"gateway", "the gateway tries again by itself; if it repeats, ask the source why its list breaks off",
                         "网关将自动重试；若反复出现，请联系名单来源核查名单为何中断"}},
    [RUN_FAILED] = {"failed",
                    {"gateway", "the gateway tries again by itself; read the error and, if it repeats, ask the source or mend the settings",
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

const char *run_state_name(enum run_state state)
{
    return states[state].name;
}

static void add_counts(struct json_out *out, const struct run_counts *c)
{
    json_key(out, "counts");
    json_begin_object(out);
    json_add_integer(out, "received", c->received);
    json_add_integer(out, "added", c->added);
    json_add_integer(out, "renewed", c->renewed);
    json_add_integer(out, "amended", c->amended);
    json_add_integer(out, "withdrawn", c->withdrawn);
    json_add_integer(out, "absent", c->absent);
    json_add_integer(out, "unchanged", c->unchanged);
    json_add_integer(out, "rejected", c->rejected);
    json_add_integer(out, "doubtful", c->doubtful);
    json_end_object(out);
}

static void add_error(struct json_out *out, const struct story *story)
{
    if (story->error[0] == '\0')
        return;
    const struct err_info *info = err_info(err_by_name(story->error));
    json_key(out, "error");
    json_begin_object(out);
    json_add_string(out, "code", story->error);
    json_add_string(out, "detail", story->error_text);
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
    json_add_integer(out, "listed", story->guard_listed);
    json_add_integer(out, "limit", story->guard_limit);
    json_add_integer(out, "taken", story->guard_taken);
    json_add_integer(out, "wanted", story->guard_wanted);
    json_end_object(out);
}

void story_encode(const struct story *story, struct buf *buf)
{
    struct json_out out;
    json_out_init(&out, buf);
    json_begin_object(&out);
    json_add_string(&out, "id", story->id);
    json_add_string(&out, "source", story->source);
    json_add_string(&out, "state", states[story->state].name);
    json_add_string(&out, "phase", phases[story->phase]);
    add_next(&out, story);
    json_key(&out, "actor");
    json_begin_object(&out);
    json_add_string(&out, "kind", actor_kind_name(story->actor_kind));
    json_add_string_opt(&out, "id", story->actor);
    json_end_object(&out);
    json_add_integer(&out, "actor_kind", story->actor_kind);
    json_add_time(&out, "started", story->started_ms);
    json_add_time(&out, "fetched", story->fetched_ms);
    json_add_time(&out, "ended", story->ended_ms);
    json_add_integer(&out, "started_ms", story->started_ms);
    json_add_integer(&out, "fetched_ms", story->fetched_ms);
    json_add_integer(&out, "ended_ms", story->ended_ms);
    if (story->ended_ms > 0)
        json_add_integer(&out, "duration_ms", story->ended_ms - story->started_ms);
    json_add_string_opt(&out, "list_version", story->list_version);
    json_add_integer(&out, "total", story->total);
    add_counts(&out, &story->counts);
    json_add_integer(&out, "awaiting", story->awaiting);
    json_add_integer(&out, "attempts", story->attempts);
    json_add_integer(&out, "restarts", story->restarts);
    json_add_boolean(&out, "full", story->full);
    json_add_boolean(&out, "dry_run", story->dry_run);
    json_add_boolean(&out, "initial", story->initial);
    json_add_boolean(&out, "absence_counts", story->absence_counts);
    json_add_string_opt(&out, "pages", story->pages);
    json_add_string_opt(&out, "origin", story->origin);
    add_error(&out, story);
    add_guard(&out, story);
    json_add_string_opt(&out, "hold_why", story->hold_why);
    json_add_string_opt(&out, "approval", story->approval);
    json_add_string_opt(&out, "superseded_by", story->superseded_by);
    json_add_integer(&out, "first_seq", (int64_t)story->first_seq);
    json_add_integer(&out, "last_seq", (int64_t)story->last_seq);
    json_end_object(&out);
}

/* ---- reading it back ---- */

static void copy(const json_value *object, const char *name, char *out, size_t size)
{
    const char *s = json_string(json_member(object, name));
    snprintf(out, size, "%s", s == NULL ? "" : s);
}

static int64_t number(const json_value *object, const char *name)
{
    int64_t v = 0;
    json_integer(json_member(object, name), &v);
    return v;
}

static bool flag(const json_value *object, const char *name)
{
    bool v = false;
    json_boolean(json_member(object, name), &v);
    return v;
}

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

static void read_counts(const json_value *o, struct run_counts *c)
{
    *c = (struct run_counts){
        .received = number(o, "received"), .added = number(o, "added"), .renewed = number(o, "renewed"),
        .amended = number(o, "amended"), .withdrawn = number(o, "withdrawn"), .absent = number(o, "absent"),
        .unchanged = number(o, "unchanged"), .rejected = number(o, "rejected"), .doubtful = number(o, "doubtful"),
    };
}

bool story_decode(struct bytes in, struct story *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    *out = (struct story){0};
    if (!json_parse(in, &doc, err) || !read_state(json_root(doc), out))
        return err_set(err, ERR_STORE_CORRUPT, "run", "story");
    const json_value *o = json_root(doc), *guard = json_member(o, "guard"), *error = json_member(o, "error");
    copy(o, "id", out->id, sizeof out->id);
    copy(o, "source", out->source, sizeof out->source);
    out->actor_kind = (enum actor_kind)number(o, "actor_kind");
    copy(json_member(o, "actor"), "id", out->actor, sizeof out->actor);
    out->full = flag(o, "full");
    out->dry_run = flag(o, "dry_run");
    out->initial = flag(o, "initial");
    out->absence_counts = flag(o, "absence_counts");
    out->started_ms = number(o, "started_ms");
    out->fetched_ms = number(o, "fetched_ms");
    out->ended_ms = number(o, "ended_ms");
    copy(o, "list_version", out->list_version, sizeof out->list_version);
    out->total = number(o, "total");
    read_counts(json_member(o, "counts"), &out->counts);
    out->awaiting = number(o, "awaiting");
    out->attempts = number(o, "attempts");
    out->restarts = number(o, "restarts");
    copy(o, "pages", out->pages, sizeof out->pages);
    copy(o, "origin", out->origin, sizeof out->origin);
    copy(error, "code", out->error, sizeof out->error);
    copy(error, "detail", out->error_text, sizeof out->error_text);
    out->guard_listed = number(guard, "listed");
    out->guard_limit = number(guard, "limit");
    out->guard_taken = number(guard, "taken");
    out->guard_wanted = number(guard, "wanted");
    copy(o, "hold_why", out->hold_why, sizeof out->hold_why);
    copy(o, "approval", out->approval, sizeof out->approval);
    copy(o, "superseded_by", out->superseded_by, sizeof out->superseded_by);
    out->first_seq = (uint64_t)number(o, "first_seq");
    out->last_seq = (uint64_t)number(o, "last_seq");
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

bool story_get(struct store_txn *txn, const char *id, struct story *out, struct err *err)
{
    struct store_key key = key_text(id);
    struct bytes value;
    if (!store_get(txn, TABLE_RUN, &key, &value))
        return err_set(err, ERR_RUN_UNKNOWN, "run", "%.40s", id);
    return story_decode(value, out, err);
}

/* ---- for people ---- */

bool sync_run_read(struct store_txn *txn, struct arena *arena, const char *run_id, struct bytes *json_out, struct err *err)
{
    struct store_key key = key_text(run_id);
    struct bytes value;
    if (!store_get(txn, TABLE_RUN, &key, &value))
        return err_set(err, ERR_RUN_UNKNOWN, "run", "%.40s", run_id);
    *json_out = bytes_dup(arena, value);
    return true;
}

bool sync_runs(struct store_txn *txn, const char *source, size_t max, sync_each *each, void *arg, struct err *err)
{
    struct store_walk walk;
    size_t n = 0;
    for (store_walk_down(&walk, txn, TABLE_RUN, NULL, NULL); n < max && store_next(&walk);) {
        struct bytes raw, inside;
        bool match = source == NULL || (json_scan_member(walk.value, "source", &raw) && json_scan_string(raw, &inside) &&
                                        bytes_equal(inside, bytes_str(source)));
        if (!match)
            continue;
        n++;
        if (!each(arg, walk.value))
            break;
    }
    store_walk_end(&walk);
    return !store_failed(txn, err);
}

bool sync_diff(struct store_txn *txn, const char *run_id, const char *after_uscc, size_t max, sync_each *each, void *arg,
               struct err *err)
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
