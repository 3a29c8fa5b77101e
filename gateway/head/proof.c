/* proof: heads and proofs as JSON, made from the stored tree and judged without it. */
#include "head/internal.h"

#define ORIGIN_MEMBER "origin"
#define SIZE_MAX_JSON INT64_C(999999999999999999)

/* ---- heads as JSON ------------------------------------------------------------------------------------------- */

static void add_base64(struct json_out *json, const char *name, struct bytes raw)
{
    struct buf text;

    buf_init(&text, 4 * RECORD_LEAF_MAX);
    base64_encode(&text, raw, false);
    if (name)
        json_key(json, name);
    json_put_bytes(json, buf_bytes(&text));
    buf_free(&text);
}

void head_write(struct json_out *json, const struct head *head, struct bytes note)
{
    char time[TIME_TEXT_SIZE];

    json_begin_object(json);
    json_add_string(json, ORIGIN_MEMBER, head->origin);
    json_add_integer(json, "size", (int64_t)head->size);
    add_base64(json, "root", bytes_of(head->root.b, MERKLE_HASH));
    json_add_string(json, "time", time_format(head->time_ms, time));
    json_key(json, "note");
    json_put_bytes(json, note);
    json_end_object(json);
}

/* Whoever reads the members must read what was signed. */
static bool says_the_same(const json_value *object, const struct head *head)
{
    const char *origin = json_string(json_member(object, ORIGIN_MEMBER));
    const char *root = json_string(json_member(object, "root")), *time = json_string(json_member(object, "time"));
    char text[TIME_TEXT_SIZE];
    struct merkle_hash hash;
    int64_t size;

    return origin && root && time && strcmp(origin, head->origin) == 0 &&
           json_integer(json_member(object, "size"), &size) && (uint64_t)size == head->size &&
           read_hash(bytes_str(root), &hash) && memcmp(hash.b, head->root.b, MERKLE_HASH) == 0 &&
           strcmp(time, time_format(head->time_ms, text)) == 0;
}

bool head_read(const json_value *object, struct bytes *note_out, struct err *err)
{
    static const char *const members[] = {ORIGIN_MEMBER, "size", "root", "time", "note", NULL};
    const char *note = json_string(json_member(object, "note"));
    struct err why = {0};
    struct head head;

    if (!note || !json_only(object, "", members, &why))
        return malformed(err, "head", "origin, size, root, time and note are its members");
    *note_out = bytes_str(note);
    CHECK(head_parse(*note_out, &head, err));
    return says_the_same(object, &head) || malformed(err, "head", "the members do not say what the note says");
}

/* ---- making proofs ------------------------------------------------------------------------------------------- */

static bool long_enough(const struct journal_nodes *nodes, uint64_t size, struct err *err)
{
    uint64_t now = journal_size(nodes->journal, nodes->txn);

    return size <= now || err_set(err, ERR_PROOF_NOT_YET, NULL, "size %llu of %llu", (unsigned long long)size,
                                  (unsigned long long)now);
}

bool head_prove(const struct journal_nodes *nodes, uint64_t seq, uint64_t size, struct head_proof *out, struct err *err)
{
    struct journal_nodes arg = *nodes;
    struct bytes leaf;

    *out = (struct head_proof){.seq = seq, .size = size};
    CHECK(long_enough(nodes, size, err));
    CHECK(merkle_inclusion(seq - 1, size, journal_node, &arg, &out->path, err));
    CHECK(journal_read_leaf(nodes->journal, nodes->txn, seq, &leaf, err));
    if (leaf.n > sizeof(out->leaf))
        return err_set(err, ERR_STORE_CORRUPT, "leaf", "%llu", (unsigned long long)seq);
    memcpy(out->leaf, leaf.p, leaf.n);
    out->leaf_n = leaf.n;
    merkle_leaf_hash(leaf, &out->leaf_hash);
    return true;
}

bool head_prove_growth(const struct journal_nodes *nodes, uint64_t from, uint64_t to, struct head_proof *out,
                       struct err *err)
{
    struct journal_nodes arg = *nodes;

    *out = (struct head_proof){.from = from, .size = to};
    CHECK(long_enough(nodes, to, err));
    return merkle_consistency(from, to, journal_node, &arg, &out->path, err);
}

/* ---- proofs as JSON ------------------------------------------------------------------------------------------ */

void head_proof_write(struct json_out *json, const struct head_proof *proof)
{
    json_add_integer(json, proof->seq ? "seq" : "from", (int64_t)(proof->seq ? proof->seq : proof->from));
    json_add_integer(json, proof->seq ? "size" : "to", (int64_t)proof->size);
    if (proof->seq) {
        if (proof->leaf_n > 0)
            add_base64(json, "leaf", bytes_of(proof->leaf, proof->leaf_n));
        add_base64(json, "leaf_hash", bytes_of(proof->leaf_hash.b, MERKLE_HASH));
    }
    json_key(json, "hashes");
    json_begin_array(json);
    for (size_t i = 0; i < proof->path.n; i++)
        add_base64(json, NULL, bytes_of(proof->path.hash[i].b, MERKLE_HASH));
    json_end_array(json);
}

static bool read_hashes(const json_value *array, struct merkle_proof *out, struct err *err)
{
    if (!array || json_type_of(array) != JSON_TYPE_ARRAY || json_count(array) > 2 * MERKLE_LEVELS)
        return malformed(err, "hashes", "an array of at most 128 hashes is expected");
    out->n = json_count(array);
    for (size_t i = 0; i < out->n; i++) {
        const char *text = json_string(json_at(array, i));
        if (!text || !read_hash(bytes_str(text), &out->hash[i]))
            return malformed(err, "hashes", "32 bytes in base64 are expected");
    }
    return true;
}

/* version(1) seq(8) time(8) len(1) kind commitment(32). */
static bool leaf_is_of(const struct head_proof *proof)
{
    struct merkle_hash hash;
    const uint8_t *p = proof->leaf;

    merkle_leaf_hash(bytes_of(p, proof->leaf_n), &hash);
    return proof->leaf_n >= 18 + 32 && p[0] == 1 && get_be64(p + 1) == proof->seq &&
           proof->leaf_n == 18u + p[17] + 32u && memcmp(hash.b, proof->leaf_hash.b, MERKLE_HASH) == 0;
}

static bool read_leaf(const json_value *object, struct head_proof *out, struct err *err)
{
    const char *hash = json_string(json_member(object, "leaf_hash")), *leaf = json_string(json_member(object, "leaf"));
    struct buf raw;

    if (!hash || !read_hash(bytes_str(hash), &out->leaf_hash))
        return malformed(err, "leaf_hash", "32 bytes in base64 are expected");
    if (!json_member(object, "leaf"))
        return true;
    buf_init(&raw, sizeof(out->leaf));
    bool ok = leaf && base64_decode(&raw, bytes_str(leaf), false);
    if (ok)
        memcpy(out->leaf, raw.p, out->leaf_n = raw.n);
    buf_free(&raw);
    return (ok && leaf_is_of(out)) || malformed(err, "leaf", "it is not the leaf of that sequence and hash");
}

static bool read_number(const json_value *object, const char *name, uint64_t *out, struct err *err)
{
    int64_t n;

    if (!json_integer(json_member(object, name), &n) || n < 1 || n > SIZE_MAX_JSON)
        return malformed(err, name, "a number from 1 is expected");
    *out = (uint64_t)n;
    return true;
}

bool head_proof_read(const json_value *object, struct head_proof *out, struct err *err)
{
    static const char *const inclusion[] = {"seq", "size", "leaf", "leaf_hash", "hashes", "head", NULL};
    static const char *const growth[] = {"from", "to", "hashes", NULL};
    bool grown = json_member(object, "from") != NULL;
    struct err why = {0};

    *out = (struct head_proof){0};
    if (json_type_of(object) != JSON_TYPE_OBJECT || !json_only(object, "", grown ? growth : inclusion, &why))
        return malformed(err, "proof", "a member is not known");
    CHECK(read_hashes(json_member(object, "hashes"), &out->path, err));
    CHECK(read_number(object, grown ? "to" : "size", &out->size, err));
    if (grown)
        return read_number(object, "from", &out->from, err);
    return read_number(object, "seq", &out->seq, err) && read_leaf(object, out, err);
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

static bool of_size(const struct head_proof *proof, const struct head *head, struct err *err)
{
    return proof->size == head->size ||
           err_set(err, ERR_PROOF_INVALID, NULL, "the proof is for size %llu, the head for %llu",
                   (unsigned long long)proof->size, (unsigned long long)head->size);
}

bool head_proves(const struct head_proof *proof, const struct head *head, struct err *err)
{
    if (proof->seq == 0)
        return err_set(err, ERR_PROOF_INVALID, NULL, "%s", "it is a proof of consistency");
    CHECK(of_size(proof, head, err));
    return merkle_verify_inclusion(&proof->leaf_hash, proof->seq - 1, proof->size, &proof->path, &head->root) ||
           err_set(err, ERR_PROOF_INVALID, NULL, "%s", "its hashes do not lead from the leaf to the root");
}

bool head_proves_growth(const struct head_proof *proof, const struct head *older, const struct head *newer,
                        struct err *err)
{
    if (proof->seq != 0)
        return err_set(err, ERR_PROOF_INVALID, NULL, "%s", "it is a proof of inclusion");
    if (strcmp(older->origin, newer->origin) != 0)
        return err_set(err, ERR_PROOF_INVALID, NULL, "the heads are of two logs, %s and %s", older->origin,
                       newer->origin);
    CHECK(of_size(proof, newer, err));
    if (proof->from != older->size)
        return err_set(err, ERR_PROOF_INVALID, NULL, "the proof is from size %llu, the older head for %llu",
                       (unsigned long long)proof->from, (unsigned long long)older->size);
    return merkle_verify_consistency(proof->from, proof->size, &proof->path, &older->root, &newer->root) ||
           err_set(err, ERR_PROOF_INVALID, NULL, "%s", "the newer root does not grow out of the older one");
}
