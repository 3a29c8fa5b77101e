/* keeper: makes heads while the gateway runs. A head is kept, durably and by the committer, before anybody is told; so
 * after a crash the same one is told again, or one of a longer journal, and never another root for the same size. */
#include "head/internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_MS 1000
#define EVERY_MS (10 * 60 * 1000)
#define AGAIN_MS 60000 /* after one could not be made */

struct published {
    struct head head;
    uint8_t note[HEAD_NOTE_MAX];
    size_t note_n; /* 0: none yet */
};
struct heads {
    struct heads_options options;
    char *origin;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stopping, asked; /* asked: records came, or other keys */
    struct crypto_keyring *ring;
    struct published published;
    struct err broken; /* what was published does not fit the journal */
};

static void on_commit(void *arg, const struct ledger_news *news)
{
    struct heads *heads = arg;

    (void)news;
    pthread_mutex_lock(&heads->lock);
    heads->asked = true;
    pthread_cond_broadcast(&heads->changed);
    pthread_mutex_unlock(&heads->lock);
}

struct heads *heads_new(const struct heads_options *options)
{
    struct heads *heads = xcalloc(1, sizeof(*heads));
    pthread_condattr_t attributes;

    heads->options = *options;
    heads->options.pause_ms = options->pause_ms > 0 ? options->pause_ms : PAUSE_MS;
    heads->options.every_ms = options->every_ms > 0 ? options->every_ms : EVERY_MS;
    heads->origin = xstrdup(options->origin);
    pthread_mutex_init(&heads->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&heads->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    ledger_on_commit(options->ledger, on_commit, heads);
    return heads;
}

void heads_free(struct heads **heads)
{
    if (*heads == NULL)
        return;
    heads_stop(*heads);
    crypto_keyring_free(&(*heads)->ring);
    pthread_cond_destroy(&(*heads)->changed);
    pthread_mutex_destroy(&(*heads)->lock);
    free((*heads)->origin);
    free(*heads);
    *heads = NULL;
}

/* ---- what is kept -------------------------------------------------------------------------------------------- */

/* *note_out is borrowed from the transaction; empty when there is none. */
static bool newest_kept(struct store_txn *txn, struct head *out, struct bytes *note_out, struct err *err)
{
    struct store_walk walk;

    *note_out = (struct bytes){0};
    store_walk_down(&walk, txn, TABLE_HEAD, NULL, NULL);
    if (store_next(&walk))
        *note_out = walk.value;
    store_walk_end(&walk);
    if (store_failed(txn, err))
        return false;
    return note_out->n == 0 || head_parse(*note_out, out, err) ||
           err_set(err, ERR_STORE_CORRUPT, "head", "%s", err->detail);
}

struct keeping {
    const struct head *head;
    struct bytes note;
};

/* Of each day the last one stays. */
static bool keep_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct keeping *keeping = arg;
    const struct head *head = keeping->head;
    struct store_txn *txn = ledger_txn(tx);
    struct store_key key = key_seq(head->size);
    struct bytes note;
    struct head last;

    CHECK(newest_kept(txn, &last, &note, err));
    if (note.n > 0 && last.size > head->size)
        return err_set(err, ERR_JOURNAL_CONFLICT, "head", "%llu is kept", (unsigned long long)last.size);
    if (note.n > 0 && last.size == head->size && memcmp(last.root.b, head->root.b, MERKLE_HASH) != 0)
        return err_set(err, ERR_JOURNAL_BROKEN, "head", "another root was signed for size %llu",
                       (unsigned long long)head->size);
    if (note.n > 0 && last.size < head->size && date_of_ms(last.time_ms) == date_of_ms(head->time_ms)) {
        struct store_key old = key_seq(last.size);
        store_delete(txn, TABLE_HEAD, &old);
    }
    store_put(txn, TABLE_HEAD, &key, keeping->note);
    return !store_failed(txn, err);
}

/* ---- making one ---------------------------------------------------------------------------------------------- */

/* What was said stays true: the journal still begins with it. */
static bool grows_out_of(struct heads *heads, struct store_txn *txn, const struct head *last, uint64_t size,
                         struct err *err)
{
    struct journal_nodes nodes = {heads->options.journal, txn};
    struct merkle_hash root;

    if (last->size > size)
        return err_set(err, ERR_JOURNAL_BROKEN, "head", "the journal has %llu records, a head was signed for %llu",
                       (unsigned long long)size, (unsigned long long)last->size);
    CHECK(merkle_root_at(last->size, journal_node, &nodes, &root, err));
    return memcmp(root.b, last->root.b, MERKLE_HASH) == 0 ||
           err_set(err, ERR_JOURNAL_BROKEN, "head", "another root was signed for size %llu",
                   (unsigned long long)last->size);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool look_in(struct heads *heads, struct store_txn *txn, struct head *out, struct err *err)
{
    struct journal_head now;
    struct bytes note;
    struct head last = {0};

    CHECK(journal_head(heads->options.journal, txn, &now, err));
    CHECK(newest_kept(txn, &last, &note, err));
    if (note.n > 0)
        CHECK(grows_out_of(heads, txn, &last, now.size, err));
    *out = (struct head){.size = now.size, .root = now.root};
    memcpy(out->origin, heads->origin, strlen(heads->origin) + 1);
    /* a clock that was set back must not make heads run backwards */
    out->time_ms = later(later(clock_wall_ms(), now.time_ms), last.time_ms);
    out->time_ms -= out->time_ms % 1000;
    return true;
}

static bool look(struct heads *heads, struct head *out, struct err *err)
{
    struct store_txn *txn = store_read(heads->options.store, err);

    if (txn == NULL)
        return false;
    bool ok = look_in(heads, txn, out, err);
    store_read_end(&txn);
    return ok;
}

static void publish(struct heads *heads, const struct head *head, struct bytes note)
{
    pthread_mutex_lock(&heads->lock);
    heads->published.head = *head;
    memcpy(heads->published.note, note.p, note.n);
    heads->published.note_n = note.n;
    pthread_mutex_unlock(&heads->lock);
    metric_set(METRIC_HEAD_SIZE, (int64_t)head->size);
    metric_add(METRIC_HEADS, 1);
}

static bool sign_and_keep(struct heads *heads, const struct crypto_keyring *ring, const struct head *head,
                          struct buf *note, struct err *err)
{
    struct keeping keeping;

    CHECK(head_sign(head, ring, note, err));
    if (note->overflow)
        return err_set(err, ERR_INTERNAL, "head", "the note is too long");
    keeping = (struct keeping){head, buf_bytes(note)};
    return ledger_run(heads->options.ledger, keep_job, &keeping, err);
}

static bool make(struct heads *heads, const struct crypto_keyring *ring, struct err *err)
{
    struct head head;
    struct buf note;

    CHECK(look(heads, &head, err));
    buf_init(&note, HEAD_NOTE_MAX);
    bool ok = sign_and_keep(heads, ring, &head, &note, err);
    if (ok)
        publish(heads, &head, buf_bytes(&note));
    buf_free(&note);
    return ok;
}

/* Makes one with the keys now in force; what goes wrong is told, and remembered when nothing may be said any more. */
static bool make_now(struct heads *heads)
{
    struct err err = {0};

    pthread_mutex_lock(&heads->lock);
    struct crypto_keyring *ring = heads->ring ? crypto_keyring_ref(heads->ring) : NULL;
    heads->asked = false;
    pthread_mutex_unlock(&heads->lock);
    bool ok = ring != NULL && make(heads, ring, &err);
    crypto_keyring_free(&ring);
    if (ok)
        return true;
    log_err(LOG_ERROR, "head.make", &err);
    if (err.code == ERR_JOURNAL_BROKEN) {
        pthread_mutex_lock(&heads->lock);
        heads->broken = err;
        pthread_mutex_unlock(&heads->lock);
    }
    return false;
}

/* ---- going on by itself -------------------------------------------------------------------------------------- */

/* With the lock held: until ms have passed, somebody asked (unless `deaf`) or it is to stop. */
static void wait_a_while(struct heads *heads, int64_t ms, bool deaf)
{
    const struct timespec until = clock_deadline(ms);
    int rc = 0;

    while (rc == 0 && !heads->stopping && (deaf || !heads->asked))
        rc = pthread_cond_timedwait(&heads->changed, &heads->lock, &until);
}

static void *keep_on(void *arg)
{
    struct heads *heads = arg;
    bool ok = true;

    pthread_mutex_lock(&heads->lock);
    while (!heads->stopping && heads->broken.code == ERR_NONE) {
        wait_a_while(heads, ok ? heads->options.pause_ms : AGAIN_MS, true);
        if (ok)
            wait_a_while(heads, heads->options.every_ms - heads->options.pause_ms, false);
        if (heads->stopping)
            break;
        pthread_mutex_unlock(&heads->lock);
        ok = make_now(heads);
        pthread_mutex_lock(&heads->lock);
    }
    pthread_mutex_unlock(&heads->lock);
    return NULL;
}

/* ---- what others call ---------------------------------------------------------------------------------------- */

static bool same_keys(const struct crypto_keyring *a, const struct crypto_keyring *b)
{
    static const enum crypto_purpose purposes[] = {CRYPTO_SIGN_ES256, CRYPTO_SIGN_SM2};

    for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
        const struct crypto_key *x = crypto_keyring_public(a, purposes[i]), *y = crypto_keyring_public(b, purposes[i]);
        if (!x != !y || (x && strcmp(crypto_key_kid(x), crypto_key_kid(y)) != 0))
            return false;
    }
    return true;
}

void heads_set_ring(struct heads *heads, struct crypto_keyring *ring)
{
    struct crypto_keyring *old;

    pthread_mutex_lock(&heads->lock);
    old = heads->ring;
    heads->ring = crypto_keyring_ref(ring);
    if (old == NULL || !same_keys(old, ring)) {
        heads->asked = true;
        pthread_cond_broadcast(&heads->changed);
    }
    pthread_mutex_unlock(&heads->lock);
    crypto_keyring_free(&old);
}

/* What was published last before the gateway stopped, unless it was of a log of another name. */
static bool take_up_kept(struct heads *heads, struct err *err)
{
    struct store_txn *txn = store_read(heads->options.store, err);
    struct bytes note;
    struct head head;

    if (txn == NULL)
        return false;
    bool ok = newest_kept(txn, &head, &note, err);
    if (ok && note.n > 0 && strcmp(head.origin, heads->origin) == 0)
        publish(heads, &head, note);
    store_read_end(&txn);
    return ok;
}

bool heads_start(struct heads *heads, struct err *err)
{
    if (!head_origin_good(heads->origin))
        return err_set(err, ERR_CONFIG_VALUE, "gateway.origin", "no white space, no plus, at most %d bytes",
                       HEAD_ORIGIN_MAX);
    CHECK(take_up_kept(heads, err));
    make_now(heads);
    heads->stopping = false;
    int rc = pthread_create(&heads->thread, NULL, keep_on, heads);
    heads->started = rc == 0;
    return rc == 0 || err_set(err, ERR_INTERNAL, "heads", "thread: %d", rc);
}

void heads_stop(struct heads *heads)
{
    if (!heads->started)
        return;
    pthread_mutex_lock(&heads->lock);
    heads->stopping = true;
    pthread_cond_broadcast(&heads->changed);
    pthread_mutex_unlock(&heads->lock);
    pthread_join(heads->thread, NULL);
    heads->started = false;
}

bool heads_newest(struct heads *heads, struct arena *arena, struct head *out, struct bytes *note_out, struct err *err)
{
    pthread_mutex_lock(&heads->lock);
    struct err broken = heads->broken;
    bool any = heads->published.note_n > 0;
    *out = heads->published.head;
    *note_out = bytes_dup(arena, bytes_of(heads->published.note, heads->published.note_n));
    pthread_mutex_unlock(&heads->lock);
    if (broken.code != ERR_NONE) {
        *err = broken;
        return false;
    }
    return any || err_set(err, ERR_PROOF_NOT_YET, NULL, "no head was signed yet");
}
