/* Notes, heads and proofs from strangers: any bytes are read without harm, and what is read is what was written. */
#include "head/head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a note says begins the note, word for word. */
static void try_note(struct bytes note)
{
    struct head head;
    struct err err = {0};
    struct buf text;
    char time[TIME_TEXT_SIZE];

    if (!head_parse(note, &head, &err))
        return;
    buf_init(&text, HEAD_NOTE_MAX);
    buf_printf(&text, "%s\n%llu\n", head.origin, (unsigned long long)head.size);
    base64_encode(&text, bytes_of(head.root.b, MERKLE_HASH), false);
    buf_printf(&text, "\n%s\n", time_format(head.time_ms, time));
    if (!head_origin_good(head.origin) || text.n >= note.n || memcmp(text.p, note.p, text.n) != 0)
        abort();
    buf_free(&text);
}

static void try_proof(const json_value *root)
{
    struct head_proof *proof = calloc(2, sizeof(*proof));
    struct json_doc *again = NULL;
    struct json_out json;
    struct buf text;
    struct err err = {0};

    if (head_proof_read(root, &proof[0], &err)) {
        struct head head = {.size = proof->size};
        (void)head_proves(&proof[0], &head, &err);
        (void)head_proves_growth(&proof[0], &head, &head, &err);
        buf_init(&text, 64u << 10);
        json_out_init(&json, &text);
        json_begin_object(&json);
        head_proof_write(&json, &proof[0]);
        json_end_object(&json);
        err = (struct err){0};
        if (!json_parse(buf_bytes(&text), &again, &err) || !head_proof_read(json_root(again), &proof[1], &err) ||
            memcmp(&proof[0], &proof[1], sizeof(*proof)) != 0)
            abort();
        json_free(&again);
        buf_free(&text);
    }
    free(proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc = NULL;
    struct bytes note;
    struct err err = {0};

    try_note(bytes_of(data, size));
    if (!json_parse(bytes_of(data, size), &doc, &err))
        return 0;
    if (head_read(json_root(doc), &note, &err))
        try_note(note);
    try_proof(json_root(doc));
    json_free(&doc);
    return 0;
}
