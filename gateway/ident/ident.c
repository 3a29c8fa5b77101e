/* Kinds and verdicts by name, and the parts of a result. */
#include "ident/ident.h"

#include <string.h>

#include "ident/internal.h"

static const struct {
    const char *name;
    void (*check)(struct bytes input, struct ident_result *out);
} kinds[] = {
    [IDENT_USCC] = {"uscc", ident_uscc},
    [IDENT_PATENT] = {"patent", ident_patent},
    [IDENT_TRADEMARK] = {"trademark", ident_trademark},
    [IDENT_REGION] = {"region", ident_region},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

void ident_check(enum ident_kind kind, struct bytes input, struct ident_result *out)
{
    kinds[kind].check(input, out);
}

bool ident_kind_parse(const char *name, enum ident_kind *out)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *out = (enum ident_kind)i;
            return true;
        }
    }
    return false;
}

const char *ident_kind_name(enum ident_kind kind)
{
    return kinds[kind].name;
}

const char *ident_verdict_name(enum ident_verdict verdict)
{
    static const char *const names[] = {"valid", "doubtful", "invalid"};
    return names[verdict];
}

bool ident_has(const struct ident_result *result, enum err_code finding)
{
    for (size_t i = 0; i < result->finding_n; i++) {
        if (result->findings[i] == finding)
            return true;
    }
    return false;
}

void result_add(struct ident_result *out, enum err_code finding, enum ident_verdict verdict)
{
    if (verdict > out->verdict) {
        out->verdict = verdict;
        out->cause = finding;
    }
    if (out->finding_n < IDENT_FINDINGS_MAX)
        out->findings[out->finding_n++] = finding;
}

void result_normal(struct ident_result *out, const char *text, size_t n)
{
    memcpy(out->normal, text, n);
    out->normal[n] = '\0';
}
