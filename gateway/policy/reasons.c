/* reasons: the words of a statement, for a bank or for those who see everything. */
#include "policy/internal.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *en, *zh;
} categories[] = {
    {"credit", "excluded for reasons of credit standing", "因信用情况被排除"},
    {"operation", "excluded for reasons of its operation", "因经营情况被排除"},
    {"ip", "excluded for reasons of its intellectual property", "因知识产权情况被排除"},
    {"material", "excluded for the material submitted", "因申报材料被排除"},
    {"region", "excluded for reasons of region", "因地域情况被排除"},
    {"own_request", "excluded at the firm's own request", "因企业自愿退出被排除"},
};

static void put(struct policy_reason *out, const char *kind, const char *what, const char *en, const char *zh)
{
    snprintf(out->word, sizeof(out->word), "%s%s%s", kind, what[0] != '\0' ? "." : "", what);
    out->en = en;
    out->zh = zh;
}

static void put_plain(struct policy_reason *out, enum reason reason)
{
    put(out, reason_name(reason), "", reason_text(reason, false), reason_text(reason, true));
}

static void put_category(struct policy_reason *out, enum ground ground)
{
    const char *name = ground_category(ground);

    put_plain(out, REASON_EXCLUSION);
    for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++) {
        if (strcmp(categories[i].name, name) == 0)
            put(out, "exclusion", name, categories[i].en, categories[i].zh);
    }
}

static bool known(const struct policy_reason *out, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(out[i].word, word) == 0)
            return true;
    }
    return false;
}

/* Each live exclusion once, as far as the view may know; returns how many words there are now. */
static size_t put_exclusions(const struct firm *firm, enum policy_disclosure disclose, struct policy_reason *out,
                             size_t n)
{
    if (firm->exclusion_n == 0)
        put_plain(&out[n++], REASON_EXCLUSION);
    for (size_t i = 0; i < firm->exclusion_n; i++) {
        enum ground ground = firm->exclusions[i].ground;

        if (disclose == POLICY_DISCLOSE_FULL)
            put(&out[n], "exclusion", ground_name(ground), ground_text(ground, false), ground_text(ground, true));
        else if (disclose == POLICY_DISCLOSE_CATEGORY)
            put_category(&out[n], ground);
        else
            put_plain(&out[n], REASON_EXCLUSION);
        n += !known(out, n, out[n].word);
    }
    return n;
}

size_t policy_reasons(const struct rules *rules, const struct firm *firm, enum policy_view view,
                      struct policy_reason out[FIRM_REASONS_MAX + FIRM_EXCLUSIONS_MAX])
{
    const struct listing *listing = &firm->listing;
    enum policy_disclosure disclose = view == POLICY_VIEW_FULL ? POLICY_DISCLOSE_FULL : rules->disclose;
    size_t n = 0;

    /* what a firm in checking had been before is nobody's business here */
    if (listing->status == LISTING_CHECKING || (listing->status == LISTING_NONE && listing->reason_n == 0)) {
        put_plain(&out[0], listing->status == LISTING_CHECKING ? REASON_UNDER_REVIEW : REASON_NEVER_LISTED);
        return 1;
    }
    for (size_t i = 0; i < listing->reason_n; i++) {
        if (listing->reasons[i] == REASON_EXCLUSION)
            n = put_exclusions(firm, disclose, out, n);
        else
            put_plain(&out[n++], listing->reasons[i]);
    }
    return n;
}
