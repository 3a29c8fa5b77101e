/* Any bytes as each kind of identifier: what is judged valid stays valid under its normal form, and the normal form
 * folds to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ident/ident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void fold_name(struct bytes name)
{
    char first[512], second[512];
    if (!ident_name_fold(name, first, sizeof(first)))
        return;
    check(ident_name_fold(bytes_str(first), second, sizeof(second)));
    check(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int kind = IDENT_USCC; kind <= IDENT_REGION; kind++) {
        struct ident_result result, again;
        ident_check((enum ident_kind)kind, bytes_of(data, size), &result);
        check((result.verdict == IDENT_VALID) == (result.cause == ERR_NONE));
        check(result.verdict == IDENT_INVALID || result.normal[0]);
        if (!result.normal[0])
            continue;
        ident_check((enum ident_kind)kind, bytes_str(result.normal), &again);
        check(again.verdict == result.verdict && strcmp(again.normal, result.normal) == 0);
    }
    fold_name(bytes_of(data, size));
    return 0;
}
