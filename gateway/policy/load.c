/* load: the rules file. Every version is complete in itself and every ground is named in it, so that what
 * happens to a firm can be read off one version without knowing defaults. */
#include "policy/internal.h"

#include <string.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define GUARD_FLOOR_MAX 1000
#define REGION_PREFIX_MAX 6

struct policy {
    size_t n;
    struct rules *versions; /* by valid_from, strictly rising */
};

static bool read_review(const struct yaml_node *version, struct rules *rules, struct err *err)
{
    static const char *const names[] = {"body", "date", NULL};
    const struct yaml_node *review = yaml_get(version, "review");

    if (review == NULL || yaml_type_of(review) != YAML_MAP)
        return yaml_fail(review != NULL ? review : version, err, ERR_RULES_INVALID,
                         "review: body and date of the fair-competition review are required");
    return yaml_only(review, names, err) && yaml_read_text(review, "body", true, &rules->review_body, err) &&
           yaml_read_date(review, "date", true, &rules->review_date, err);
}

static bool read_grounds(const struct yaml_node *version, struct rules *rules, struct err *err)
{
    static const char *const effects[] = {"suspend", "remove", NULL};
    const struct yaml_node *grounds = yaml_get(version, "grounds");
    const char *names[GROUND_COUNT + 1] = {0};

    if (grounds == NULL || yaml_type_of(grounds) != YAML_MAP)
        return yaml_fail(grounds != NULL ? grounds : version, err, ERR_RULES_INVALID,
                         "grounds: a map of every ground to suspend or remove is required");
    for (unsigned i = 0; i < GROUND_COUNT; i++)
        names[i] = ground_name((enum ground)i);
    CHECK(yaml_only(grounds, names, err));
    for (unsigned i = 0; i < GROUND_COUNT; i++) {
        int effect = POLICY_SUSPEND;
        CHECK(yaml_read_choice(grounds, names[i], true, effects, &effect, err));
        rules->effect[i] = (enum policy_effect)effect;
    }
    return true;
}

static bool read_guard(const struct yaml_node *version, struct rules *rules, struct err *err)
{
    static const char *const names[] = {"floor", "percent", NULL};
    const struct yaml_node *guard = yaml_get(version, "guard");
    int64_t floor = rules->guard_floor, percent = rules->guard_percent;

    if (guard == NULL)
        return true;
    if (yaml_type_of(guard) != YAML_MAP)
        return yaml_fail(guard, err, ERR_RULES_INVALID, "guard: a map of floor and percent");
    CHECK(yaml_only(guard, names, err));
    CHECK(yaml_read_integer(guard, "floor", false, 0, GUARD_FLOOR_MAX, &floor, err));
    CHECK(yaml_read_integer(guard, "percent", false, 0, 100, &percent, err));
    rules->guard_floor = (int)floor;
    rules->guard_percent = (int)percent;
    return true;
}

/* `section: {key: 365d}`; absent means open. */
static bool read_term(const struct yaml_node *version, const char *section, const char *key, int64_t *days,
                      struct err *err)
{
    const char *const names[] = {key, NULL};
    const struct yaml_node *map = yaml_get(version, section);
    int64_t ms = 0;

    if (map == NULL)
        return true;
    if (yaml_type_of(map) != YAML_MAP)
        return yaml_fail(map, err, ERR_RULES_INVALID, "%s: a map with %s", section, key);
    CHECK(yaml_only(map, names, err));
    CHECK(yaml_read_duration(map, key, true, &ms, err));
    if (ms <= 0 || ms % DAY_MS != 0 || ms / DAY_MS > POLICY_TERM_MAX)
        return yaml_fail(yaml_get(map, key), err, ERR_RULES_INVALID, "%s: whole days between 1d and %dd", key,
                         POLICY_TERM_MAX);
    *days = ms / DAY_MS;
    return true;
}

static bool read_choices(const struct yaml_node *version, struct rules *rules, struct err *err)
{
    static const char *const admissions[] = {"approval", "automatic", NULL};
    static const char *const absences[] = {"twice", "confirm", NULL};
    static const char *const disclosures[] = {"none", "category", "full", NULL};
    static const char *const mismatches[] = {"check", "accept", NULL};
    int admission = (int)rules->admission, absence = POLICY_ABSENCE_TWICE;
    int disclose = POLICY_DISCLOSE_CATEGORY, mismatch = 0;

    CHECK(yaml_read_choice(version, "admission", false, admissions, &admission, err));
    CHECK(yaml_read_choice(version, "absence", false, absences, &absence, err));
    CHECK(yaml_read_choice(version, "disclose_grounds", false, disclosures, &disclose, err));
    CHECK(yaml_read_choice(version, "name_mismatch", false, mismatches, &mismatch, err));
    rules->admission = (enum policy_admission)admission;
    rules->absence = (enum policy_absence)absence;
    rules->disclose = (enum policy_disclosure)disclose;
    rules->name_mismatch_checks = mismatch == 0;
    return true;
}

static bool read_texts(const struct yaml_node *version, struct rules *rules, struct err *err)
{
    CHECK(yaml_read_text(version, "version", true, &rules->version, err));
    CHECK(yaml_read_text(version, "document_no", true, &rules->document_no, err));
    CHECK(yaml_read_text(version, "decided_by", true, &rules->decided_by, err));
    CHECK(yaml_read_date(version, "valid_from", true, &rules->valid_from, err));
    return yaml_read_text(version, "home_region", false, &rules->home_region, err);
}

static bool within(const struct yaml_node *version, const char *key, const char *text, size_t max, struct err *err)
{
    if (text[0] != '\0' && strlen(text) <= max)
        return true;
    return yaml_fail(yaml_get(version, key), err, ERR_RULES_INVALID, "%s: between 1 and %zu bytes", key, max);
}

static bool check_region(const struct yaml_node *version, const char *region, struct err *err)
{
    CHECK(within(version, "home_region", region, REGION_PREFIX_MAX, err));
    if (region[strspn(region, "0123456789")] != '\0')
        return yaml_fail(yaml_get(version, "home_region"), err, ERR_RULES_INVALID,
                         "home_region: leading digits of codes");
    return true;
}

static bool check_texts(const struct yaml_node *version, const struct rules *rules, struct err *err)
{
    return within(version, "version", rules->version, RECORD_ID_MAX, err) &&
           within(version, "document_no", rules->document_no, POLICY_TEXT_MAX, err) &&
           within(version, "decided_by", rules->decided_by, POLICY_TEXT_MAX, err) &&
           within(yaml_get(version, "review"), "body", rules->review_body, POLICY_TEXT_MAX, err) &&
           check_region(version, rules->home_region, err);
}

static bool read_version(const struct yaml_node *version, enum policy_admission admission, struct rules *rules,
                         struct err *err)
{
    static const char *const names[] = {
        "version", "document_no",      "decided_by",    "review",   "valid_from",    "admission",   "grounds", "guard",
        "absence", "disclose_grounds", "certification", "ordinary", "name_mismatch", "home_region", NULL};

    if (yaml_type_of(version) != YAML_MAP)
        return yaml_fail(version, err, ERR_RULES_INVALID, "a version is a map");
    *rules = (struct rules){.admission = admission, .guard_floor = 2, .guard_percent = 5, .home_region = "14"};
    return yaml_only(version, names, err) && read_texts(version, rules, err) && read_review(version, rules, err) &&
           read_choices(version, rules, err) && read_grounds(version, rules, err) && read_guard(version, rules, err) &&
           read_term(version, "certification", "default_term", &rules->default_term_days, err) &&
           read_term(version, "ordinary", "term", &rules->ordinary_term_days, err) && check_texts(version, rules, err);
}

/* Later versions begin later and have names of their own: a statement names its version. */
static bool check_order(const struct policy *policy, size_t i, const struct yaml_node *version, struct err *err)
{
    const struct rules *rules = &policy->versions[i];

    if (i > 0 && rules->valid_from <= policy->versions[i - 1].valid_from)
        return yaml_fail(yaml_get(version, "valid_from"), err, ERR_RULES_INVALID,
                         "versions are listed by valid_from, each later than the one before");
    for (size_t k = 0; k < i; k++) {
        if (strcmp(policy->versions[k].version, rules->version) == 0)
            return yaml_fail(yaml_get(version, "version"), err, ERR_RULES_INVALID, "two versions have this name");
    }
    return true;
}

bool policy_load(struct arena *arena, const struct yaml_node *root, enum policy_admission admission,
                 const struct policy **policy_out, struct err *err)
{
    static const char *const names[] = {"versions", NULL};
    const struct yaml_node *versions = yaml_get(root, "versions");
    struct policy *policy = arena_alloc(arena, sizeof(*policy));

    if (yaml_type_of(root) != YAML_MAP || versions == NULL || yaml_type_of(versions) != YAML_LIST)
        return yaml_fail(versions != NULL ? versions : root, err, ERR_RULES_INVALID, "a list of versions is required");
    CHECK(yaml_only(root, names, err));
    policy->n = yaml_count(versions);
    if (policy->n == 0 || policy->n > POLICY_VERSIONS_MAX)
        return yaml_fail(versions, err, ERR_RULES_INVALID, "between 1 and %d versions", POLICY_VERSIONS_MAX);
    policy->versions = arena_alloc(arena, policy->n * sizeof(policy->versions[0]));
    for (size_t i = 0; i < policy->n; i++) {
        const struct yaml_node *version = yaml_at(versions, i);
        CHECK(read_version(version, admission, &policy->versions[i], err));
        CHECK(check_order(policy, i, version, err));
    }
    *policy_out = policy;
    return true;
}

const struct rules *policy_in_force(const struct policy *policy, date_day day)
{
    size_t n = policy->n;

    while (n > 0 && policy->versions[n - 1].valid_from > day)
        n--;
    return n > 0 ? &policy->versions[n - 1] : NULL;
}

size_t policy_versions(const struct policy *policy)
{
    return policy->n;
}

const struct rules *policy_version(const struct policy *policy, size_t i)
{
    return i < policy->n ? &policy->versions[i] : NULL;
}
