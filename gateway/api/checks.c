/* checks: is the gateway able to do what it is for. readyz asks the needed ones; doctor asks all and says what to do
 * next. */
#include <string.h>

#include "api/internal.h"

#define HEAD_LATE_MS (20 * 60 * 1000)  /* one is signed each ten minutes */
#define DAYS_WARN 30
#define DAY_MS (24 * 3600 * 1000LL)
#define TEXT_MAX 400

void checks_add(struct checks *checks, const char *name, bool ok, bool needed, const char *detail,
                const char *detail_zh)
{
    if (checks->n < CHECKS_MAX)
        checks->items[checks->n++] =
            (struct check){.name = name, .ok = ok, .needed = needed, .detail = detail, .detail_zh = detail_zh};
}

static void advise(struct checks *checks, const char *next)
{
    if (checks->n > 0 && !checks->items[checks->n - 1].ok)
        checks->items[checks->n - 1].next = next;
}

static void add_err(struct ask *ask, struct checks *checks, const char *name, const struct err *err)
{
    char en[TEXT_MAX], zh[TEXT_MAX];
    checks_add(checks, name, false, true, arena_strdup(ask->arena, err_text(err, false, en, sizeof(en))),
              arena_strdup(ask->arena, err_text(err, true, zh, sizeof(zh))));
}

static void check_started(struct ask *ask, struct checks *checks)
{
    struct api *api = ask->api;

    pthread_mutex_lock(&api->lock);
    const char *why = arena_strdup(ask->arena, api->why);
    pthread_mutex_unlock(&api->lock);
    bool ok = atomic_load(&api->ready);
    checks_add(checks, "started", ok, true, ok ? "ready" : why, ok ? "已就绪" : "正在启动或停止");
}

/* Signs fresh bytes and verifies them with the public half. */
static void check_signature(struct ask *ask, struct checks *checks, const char *name, enum crypto_alg alg)
{
    const struct crypto_keyring *ring = ask->held->state.ring;
    enum crypto_purpose purpose;
    uint8_t signature[CRYPTO_SIGNATURE_MAX], nonce[32];
    size_t n = 0;
    struct err err = {0};

    if (!crypto_keyring_purpose(alg, &purpose) || !crypto_keyring_public(ring, purpose))
        return;
    crypto_random(nonce, sizeof(nonce));
    const struct bytes message = bytes_of(nonce, sizeof(nonce));
    if (!crypto_sign(ring, alg, message, signature, &n, &err) ||
        !crypto_verify(crypto_keyring_public(ring, purpose), alg, crypto_keyring_sm2_id(ring), message,
                       bytes_of(signature, n), &err))
        add_err(ask, checks, name, &err);
    else
        checks_add(checks, name, true, true, "signed and verified", "已签名并验签");
    advise(checks, "check the signing key files and reload");
}

static void check_store(struct ask *ask, struct checks *checks)
{
    struct err err = {0};
    struct journal_head head;
    AUTO_READ txn = store_read(ask->api->options.store, &err);

    if (!txn || !journal_head(ask->api->options.journal, txn, &head, &err)) {
        add_err(ask, checks, "store", &err);
        advise(checks, "run pledgectl journal verify and look at the log");
        return;
    }
    checks_add(checks, "store", true, true, arena_printf(ask->arena, "%llu records", (unsigned long long)head.size),
              arena_printf(ask->arena, "%llu 条记录", (unsigned long long)head.size));
}

/* What was signed of the journal covers it, but for the last seconds. */
static void check_head(struct ask *ask, struct checks *checks)
{
    char time[TIME_TEXT_SIZE];
    struct head head;
    struct bytes note;
    struct err err = {0};

    if (!heads_newest(ask->api->options.heads, ask->arena, &head, &note, &err)) {
        add_err(ask, checks, "head", &err);
        checks->items[checks->n - 1].needed = false;
        advise(checks, "look at the log; run pledgectl journal verify");
        return;
    }
    bool fresh = ask->now_ms - head.time_ms < HEAD_LATE_MS;
    const char *when = time_format(head.time_ms, time);
    checks_add(checks, "head", fresh, false, arena_printf(ask->arena, "%llu records, signed %s", (unsigned long long)head.size, when),
               arena_printf(ask->arena, "%llu 条记录，签署于 %s", (unsigned long long)head.size, when));
    advise(checks, "look at the log for why no head was signed since");
}

static void check_disk(struct ask *ask, struct checks *checks)
{
    int64_t free_bytes = store_free_bytes(ask->api->options.store);
    int64_t least = ask_config(ask)->data_min_free;
    long long mib = (long long)(free_bytes >> 20);

    checks_add(checks, "disk", free_bytes >= least, true, arena_printf(ask->arena, "%lld MiB free", mib),
              arena_printf(ask->arena, "剩余 %lld MiB", mib));
    advise(checks, "free disk space under the data directory");
}

/* A list that is not fresh makes answers stale, not the gateway unready. */
static void check_source(struct ask *ask, struct checks *checks, struct store_txn *txn, const struct source *source)
{
    const struct config *config = ask_config(ask);
    const char *name = arena_printf(ask->arena, "source.%s", source->id);
    struct source_state state = {0};
    struct err err = {0};
    int64_t changes;

    if (!source_state_read(txn, ask->arena, source->id, &state, &err)) {
        add_err(ask, checks, name, &err);
        return;
    }
    if (state.completed_ms == 0) {
        checks_add(checks, name, false, false, "no list was ever applied", "尚未成功应用过名单");
        advise(checks, "run pledgectl sync run and look at the run");
        return;
    }
    enum freshness fresh = freshness_of(state.completed_ms, source->period_ms, config->freshness_stale_after,
                                        config->freshness_refuse_after, ask->now_ms, &changes);
    char time[TIME_TEXT_SIZE];
    time_format(state.completed_ms, time);
    checks_add(checks, name, fresh == FRESH_ON_TIME, false,
              arena_printf(ask->arena, "%s, last good contact %s", freshness_name(fresh), time),
              arena_printf(ask->arena, "最近一次有效更新 %s", time));
    advise(checks, "look at pledgectl sync list: the source may be down or paused");
}

static void check_sources(struct ask *ask, struct checks *checks)
{
    const struct directory *directory = ask->held->state.directory;
    struct err err = {0};
    AUTO_READ txn = store_read(ask->api->options.store, &err);

    if (!txn)
        return;
    for (size_t i = 0; i < directory_sources(directory); i++)
        check_source(ask, checks, txn, directory_source(directory, i));
}

void checks_ready(struct ask *ask, struct checks *out)
{
    check_started(ask, out);
    check_signature(ask, out, "sign.es256", CRYPTO_ES256);
    check_signature(ask, out, "sign.sm2", CRYPTO_SM2);
    check_signature(ask, out, "sign.rsa", CRYPTO_RS256);
    check_store(ask, out);
    check_disk(ask, out);
    check_sources(ask, out);
}

/* ---- what a person wants to know beside that ------------------------------------------------------------- */

/* A clock before the last record would date facts backwards. */
static void check_clock(struct ask *ask, struct checks *checks)
{
    struct err err = {0};
    struct journal_head head = {0};
    char time[TIME_TEXT_SIZE];
    AUTO_READ txn = store_read(ask->api->options.store, &err);

    if (!txn || !journal_head(ask->api->options.journal, txn, &head, &err))
        return;
    const char *text = arena_strdup(ask->arena, time_format(ask->now_ms, time));
    checks_add(checks, "clock", ask->now_ms >= head.time_ms, false, text, text);
    advise(checks, "the clock is behind the last record: check time synchronisation");
}

static void check_days(struct ask *ask, struct checks *checks, const char *name, int64_t not_after)
{
    int64_t days = api_days_left(not_after, ask->now_ms);

    checks_add(checks, name, days >= DAYS_WARN, false, arena_printf(ask->arena, "%lld days left", (long long)days),
              arena_printf(ask->arena, "剩余 %lld 天", (long long)days));
    advise(checks, "renew the certificate before it expires");
}

static void check_own_certificates(struct ask *ask, struct checks *checks)
{
    static const char *const names[CRYPTO_PURPOSE_COUNT] = {"certificate.es256", "certificate.sm2", "certificate.rsa"};
    AUTO_OWN_KEYS keys = {0};
    struct err err = {0};

    if (!own_keys_read(ask, false, &keys, &err))
        add_err(ask, checks, "certificates", &err);
    for (size_t i = 0; i < keys.n; i++) {
        const struct own_key *own = &keys.items[i];
        const char *name = names[own->purpose];
        if (strcmp(own->state, "active") != 0)
            name = arena_printf(ask->arena, "%s.%s", name, own->state);
        check_days(ask, checks, name, crypto_key_not_after(own->key));
    }
}

static void check_partner(struct ask *ask, struct checks *checks, const struct partner *partner)
{
    int64_t latest = 0;

    for (size_t i = 0; i < partner->signing.key_n; i++) {
        int64_t not_after = crypto_key_not_after(partner->signing.keys[i]);
        latest = not_after > latest ? not_after : latest;
    }
    if (latest != 0 && latest - ask->now_ms < DAYS_WARN * DAY_MS)
        check_days(ask, checks, arena_printf(ask->arena, "certificate.%s", partner->id), latest);
}

static void check_partners(struct ask *ask, struct checks *checks)
{
    const struct directory *directory = ask->held->state.directory;

    for (size_t i = 0; i < directory_partners(directory); i++)
        check_partner(ask, checks, directory_partner(directory, i));
}

static void check_adapters(struct ask *ask, struct checks *checks)
{
    const struct host_report *reports[HOST_ADAPTERS_MAX];
    size_t n = host_reports(ask->api->options.host, reports, HOST_ADAPTERS_MAX);

    for (size_t i = 0; i < n && i < HOST_ADAPTERS_MAX; i++) {
        const struct host_report *report = reports[i];
        bool ok = !report->failed_step && !report->quarantined;
        const char *text = report->quarantined   ? "quarantined"
                           : report->failed_step ? arena_printf(ask->arena, "refused at %s", report->failed_step)
                                                 : "loaded";
        const char *zh = report->quarantined ? "已隔离" : report->failed_step ? "加载被拒绝" : "已加载";
        checks_add(checks, arena_printf(ask->arena, "adapter.%s", report->name), ok, false, text, zh);
        advise(checks, "run pledgectl adapter show; a quarantined adapter needs a restart");
    }
}

static void check_queue(struct ask *ask, struct checks *checks)
{
    int64_t waiting = metric_get(METRIC_QUEUE_LEDGER);
    int64_t room = ask_config(ask)->ledger_queue;

    checks_add(checks, "queue", waiting < room - room / 10, false,
              arena_printf(ask->arena, "%lld of %lld jobs wait", (long long)waiting, (long long)room),
              arena_printf(ask->arena, "%lld 个任务等待，上限 %lld", (long long)waiting, (long long)room));
    advise(checks, "the disk may be slow: look at pledged_commits_total");
}

/* A refusal stops a queue until a person looks; who is away is tried again and again. */
static void check_delivery(struct ask *ask, struct checks *checks)
{
    size_t stopped, unreachable;

    delivery_troubles(&stopped, &unreachable);
    checks_add(checks, "delivery", stopped + unreachable == 0, false,
               arena_printf(ask->arena, "%zu queues stopped, %zu partners not reached", stopped, unreachable),
               arena_printf(ask->arena, "%zu 个队列已停止，%zu 个机构不可达", stopped, unreachable));
    advise(checks, stopped > 0 ? "run pledgectl partner show, then pledgectl msg resend ID, with --skip to go past it"
                               : "run pledgectl partner test");
}

struct unanswered {
    date_day today;
    size_t open, late;
};

static bool count_objection(void *arg, const struct objection *objection)
{
    struct unanswered *unanswered = arg;

    unanswered->open++;
    unanswered->late += objection->answer_by != DATE_NONE && objection->answer_by < unanswered->today;
    return true;
}

/* A firm that objected is told within objection.due. */
static void check_objections(struct ask *ask, struct checks *checks)
{
    struct unanswered unanswered = {.today = date_of_ms(ask->now_ms)};
    struct err err = {0};
    AUTO_READ txn = store_read(ask->api->options.store, &err);

    bool read = txn != NULL && objection_list(txn, ask->arena, "", count_objection, &unanswered, &err);
    checks_add(checks, "objections", read && unanswered.late == 0, false,
               arena_printf(ask->arena, "%zu open, %zu late", unanswered.open, unanswered.late),
               arena_printf(ask->arena, "%zu 件待答复，%zu 件逾期", unanswered.open, unanswered.late));
    advise(checks, "run pledgectl approve list");
}

void checks_doctor(struct ask *ask, struct checks *out)
{
    checks_ready(ask, out);
    check_head(ask, out);
    check_clock(ask, out);
    check_own_certificates(ask, out);
    check_partners(ask, out);
    check_adapters(ask, out);
    check_queue(ask, out);
    check_delivery(ask, out);
    check_objections(ask, out);
}
