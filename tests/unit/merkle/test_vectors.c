/* Proofs made by others, good and bad, judged as they are listed. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "merkle/merkle.h"

static int judged, wrong, unread;

static struct bytes load(const char *path)
{
    static char text[1u << 16];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text), f);
    fclose(f);
    return bytes_of(text, n);
}

/* Listed as good, but its roots are not hashes of 32 bytes ("don't care"), which the listing's own README says
 * a hash must be. */
static bool without_hashes(const char *path)
{
    return strstr(path, "/sizes-are-equal-one-and-proof-is-empty.json") != NULL;
}

/* False when it is not a hash of 32 bytes: whoever sends that is refused before any computation. */
static bool hash(const json_value *value, struct merkle_hash *out)
{
    struct buf buf;
    const char *text = json_string(value);
    buf_init(&buf, 1024);
    bool ok = text != NULL && base64_decode(&buf, bytes_str(text), false) && buf.n == MERKLE_HASH;
    if (ok)
        memcpy(out->b, buf.p, MERKLE_HASH);
    buf_free(&buf);
    return ok;
}

static bool proof(const json_value *value, struct merkle_proof *out)
{
    out->n = json_count(value);
    if (out->n > 2 * MERKLE_LEVELS)
        return false;
    for (size_t i = 0; i < out->n; i++)
        CHECK(hash(json_at(value, i), &out->hash[i]));
    return true;
}

static uint64_t number(const json_value *root, const char *name)
{
    int64_t out = 0;
    assert_true(json_integer(json_member(root, name), &out));
    return (uint64_t)out;
}

static bool inclusion(const json_value *root)
{
    struct merkle_hash leaf, want;
    struct merkle_proof path;
    CHECK(hash(json_member(root, "leafHash"), &leaf) && hash(json_member(root, "root"), &want));
    CHECK(proof(json_member(root, "proof"), &path));
    return merkle_verify_inclusion(&leaf, number(root, "leafIdx"), number(root, "treeSize"), &path, &want);
}

static bool consistency(const json_value *root)
{
    struct merkle_hash from, to;
    struct merkle_proof path;
    CHECK(hash(json_member(root, "root1"), &from) && hash(json_member(root, "root2"), &to));
    CHECK(proof(json_member(root, "proof"), &path));
    return merkle_verify_consistency(number(root, "size1"), number(root, "size2"), &path, &from, &to);
}

/* Numbers beyond int64 are refused by the reader already. */
static bool accepted(struct bytes text)
{
    AUTO_JSON doc = NULL;
    struct err err = {0};
    if (!json_parse(text, &doc, &err)) {
        assert_int_equal(err.code, ERR_SCHEMA_INVALID);
        unread++;
        return false;
    }
    const json_value *root = json_root(doc);
    return json_member(root, "leafIdx") != NULL ? inclusion(root) : consistency(root);
}

static int judge(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)ftw;
    if (type != FTW_F || !strstr(path, ".json"))
        return 0;
    struct bytes text = load(path), value;
    assert_true(json_scan_member(text, "wantErr", &value));
    bool bad = bytes_equal(value, BYTES_LIT("true")) || without_hashes(path);
    bool ok = accepted(text);
    judged++;
    if (ok == bad) {
        wrong++;
        print_error("%s: %s, but %s\n", path, bad ? "listed as bad" : "listed as good", ok ? "accepted" : "refused");
    }
    return 0;
}

static void vectors_are_judged_as_listed(void **unused)
{
    (void)unused;
    if (nftw(SHARED_VECTORS "/merkle", judge, 8, 0) != 0) {
        print_message("skipped: no vectors (0 of 196)\n");
        skip();
    }
    print_message("%d vectors judged, of these %d refused by the JSON reader\n", judged, unread);
    assert_int_equal(wrong, 0);
    assert_true(judged > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_are_judged_as_listed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
