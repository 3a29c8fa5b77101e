/* The adapter's entry: its settings, and the columns of its files. */
#include "registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct gwa_setting settings[] = {
    {"directory", GWA_TEXT, false, NULL, "folder that files are dropped into, an absolute path; or else url"},
    FILES_SETTINGS,
    {"url", GWA_TEXT, false, NULL, "where registrations are asked for page by page, https://host[:port]/path"},
    {"page_size", GWA_INTEGER, false, "200", "registrations in one page, 1 to 1000"},
    {"timeout", GWA_DURATION, false, "30s", "for one page"},
    {"success", GWA_TEXT, false, "0,0000,200", "codes of a page that is one, separated by commas"},
    {"fields", GWA_MAP, false,
     "registration_no event date right_kind pledgor pledgor_uscc pledgee pledgee_uscc secured_amount debt_from "
     "debt_until valid_until number patent trademark class title",
     "further names of a column, separated by commas: fields.registration_no: 合同登记号"},
    {"events", GWA_MAP, false, "filed correction_requested accepted registered changed cancelled refused withdrawn",
     "further words of the event column, separated by commas"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

/* ---- columns -------------------------------------------------------------------------------------------------- */

const char *const column_names[COLUMN_COUNT] = {
    "registration_no", "event",        "date",           "right_kind", "pledgor",    "pledgor_uscc",
    "pledgee",         "pledgee_uscc", "secured_amount", "debt_from",  "debt_until", "valid_until",
    "number",          "patent",       "trademark",      "class",      "title",
};

static const struct column_name known[] = {
#define COLUMN(field, name) {COLUMN_##field, name},
#include "adapters/registry/columns.def"
#undef COLUMN
};

static bool has_digit(struct gwa_bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] >= '0' && text.p[i] <= '9')
            return true;
    return false;
}

/* Totals, notes and names of columns have no number of a right. */
static bool is_row(const struct cell *cells)
{
    static const enum column numbers[] = {COLUMN_NUMBER, COLUMN_PATENT, COLUMN_TRADEMARK};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (cells[numbers[i]].no_value || has_digit(cells[numbers[i]].text))
            return true;
    return false;
}

static const struct columns columns = {
    .names = column_names,
    .count = COLUMN_COUNT,
    .known = known,
    .known_n = sizeof(known) / sizeof(*known),
    .no_header = "list.header: no row names a column for the registration number and one for the event (登记号, 状态)",
    .no_header_sheet =
        "list.header: no row of the first visible sheet names a column for the registration number and one "
        "for the event (登记号, 状态)",
    .gathers = true,
    .is_row = is_row,
    .take = gather_take,
    .end = gather_end,
};

/* ---- entry ------------------------------------------------------------------------------------------------------ */

static bool refuse(struct gwa_job *job, const char *why)
{
    job->host->why(job, why);
    return false;
}

static void take_words(struct gwa_job *job, struct registry *registry)
{
    for (int i = 0; i < EVENT_COUNT; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "events.%s", event_names[i]);
        registry->words[i] = job->host->setting(job, name);
    }
}

static bool take_url(struct gwa_job *job, struct registry *registry)
{
    registry->url = job->host->setting(job, "url");
    registry->page_size = strtoll(job->host->setting(job, "page_size"), NULL, 10);
    registry->timeout_ms = strtoll(job->host->setting(job, "timeout"), NULL, 10);
    registry->success = job->host->setting(job, "success");
    if ((registry->url == NULL) == (registry->files.directory == NULL))
        return refuse(job, "either directory or url must be set");
    if (registry->page_size < 1 || registry->page_size > 1000)
        return refuse(job, "page_size must be 1 to 1000");
    if (registry->url == NULL)
        return true;
    if (strncmp(registry->url, "https://", 8) != 0 || strpbrk(registry->url, "?# ") != NULL)
        return refuse(job, "url must be https://host[:port]/path without a query");
    return strlen(registry->url) < URL_MAX - 128 || refuse(job, "url is too long");
}

static bool open_registry(struct gwa_job *job, void **instance_out)
{
    struct registry *registry = calloc(1, sizeof(*registry));

    if (registry == NULL)
        return refuse(job, "no memory");
    if (!files_open(job, &columns, &registry->files) || !take_url(job, registry)) {
        free(registry);
        return false;
    }
    take_words(job, registry);
    *instance_out = registry;
    return true;
}

static void close_registry(void *instance)
{
    free(instance);
}

static enum gwa_verdict fetch(struct gwa_job *job)
{
    const struct registry *registry = job->instance;

    return job->file == NULL && registry->url != NULL ? pull_fetch(job) : files_fetch(job);
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "registry",
    .settings = settings,
    .open = open_registry,
    .fetch = fetch,
    .send = answer_send,
    .resolve = answer_resolve,
    .close = close_registry,
};
