/* Stored bytes: whatever is damaged is refused, and what is accepted can be written again. */
#include "record/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void firm(struct bytes in)
{
    struct firm firm, again;
    struct err err = {0};
    struct buf buf;

    if (!firm_decode(in, "91140100MA0KQ8UR0T", &firm, &err))
        return;
    buf_init(&buf, RECORD_BYTES_MAX);
    firm_encode(&firm, &buf);
    if (!bytes_equal(buf_bytes(&buf), in) || !firm_decode(buf_bytes(&buf), firm.uscc, &again, &err))
        abort();
    firm_due(&firm);
    buf_free(&buf);
}

static void record(struct bytes in)
{
    AUTO_ARENA arena = arena_new();
    struct record record, again;
    struct firm subject;
    struct err err = {0};
    struct buf buf;

    if (!record_decode(arena, 1, in, &record, &err))
        return;
    buf_init(&buf, RECORD_BYTES_MAX);
    record_encode(&record, &buf);
    if (!buf.overflow && !record_decode(arena, 1, buf_bytes(&buf), &again, &err))
        abort();
    firm_init(&subject, record.uscc);
    firm_apply(&subject, &record);
    buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* exact copies, so that reading one byte too many is seen */
    uint8_t *copy = malloc(size + 1);

    for (size_t i = 0; i < size; i++)
        copy[i] = data[i];
    firm(bytes_of(copy, size));
    record(bytes_of(copy, size));
    free(copy);
    return 0;
}
