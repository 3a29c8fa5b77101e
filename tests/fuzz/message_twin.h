/* What both message fuzzers do with a message that could be read. */
#ifndef FUZZ_MESSAGE_TWIN_H
#define FUZZ_MESSAGE_TWIN_H

#include <stdlib.h>
#include <string.h>

#include "message/message.h"

#define FAULTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct catalog *the_catalog(void)
{
    static struct catalog *catalog;
    struct err err = {0};

    if (catalog == NULL && !catalog_load(SCHEMAS, &catalog, &err))
        abort();
    return catalog;
}

/* Its JSON form, from itself or from its twin in the other form. */
static void write_json(const struct message *message, struct buf *out)
{
    struct err err = {0};

    buf_init(out, 8u << 20);
    if (!message_convert(the_catalog(), message, MESSAGE_JSON, out, &err))
        abort();
}

static void check_twin(const struct message *message, enum message_form form)
{
    struct message *twin = NULL;
    struct err err = {0};
    struct buf written, mine, its;
    size_t n;

    buf_init(&written, 8u << 20);
    if (!message_convert(the_catalog(), message, form, &written, &err))
        abort();
    if (written.n <= MESSAGE_MAX) {
        if (!(form == MESSAGE_XML ? message_read_xml : message_read_json)(buf_bytes(&written), &twin, &err) ||
            !message_validate(the_catalog(), twin, &err, 1, &n))
            abort();
        write_json(message, &mine);
        write_json(twin, &its);
        if (!bytes_equal(buf_bytes(&mine), buf_bytes(&its)))
            abort();
        buf_free(&mine);
        buf_free(&its);
        message_free(&twin);
    }
    buf_free(&written);
}

static void walk(const struct message_node *body)
{
    static const char *const lists[] = {"rows", "codes", "statements", "changes", "rights"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (size_t n = message_count(body, lists[i]); n > 0; n--)
            if (message_at(body, lists[i], n - 1) == NULL)
                abort();
    (void)strlen(message_text(message_member(body, "text")));
    (void)message_integer(message_member(body, "after"), 0);
}

static void judge_message(const struct message *message)
{
    struct err errors[FAULTS];
    size_t n = 0;
    bool good = message_validate(the_catalog(), message, errors, FAULTS, &n);

    if (good != (n == 0) || n > FAULTS)
        abort();
    for (size_t i = 0; i < n; i++)
        if (err_info(errors[i].code)->kind != ERR_KIND_INPUT)
            abort();
    if (!good)
        return;
    walk(message_body(message));
    check_twin(message, MESSAGE_JSON);
    check_twin(message, MESSAGE_XML);
}

#endif
