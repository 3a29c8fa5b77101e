/* The adapter's entry: its settings, and the columns of its lists. */
#include "filedrop.h"

#include <stdlib.h>

static const struct gwa_setting settings[] = {
    {"directory", GWA_TEXT, true, NULL, "folder that the lists are dropped into, an absolute path"},
    FILES_SETTINGS,
    {"fields", GWA_MAP, false,
     "uscc name region_code industry_code scale ownership level batch document_no valid_from valid_until status reason "
     "city",
     "further names of a column, separated by commas: fields.uscc: 主体代码"},
    {"status", GWA_MAP, false, "certified withdrawn", "further words of the status column, separated by commas"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

/* ---- columns -------------------------------------------------------------------------------------------------- */

const char *const column_names[COLUMN_COUNT] = {
    "uscc",  "name",        "region_code", "industry_code", "scale",  "ownership", "level",
    "batch", "document_no", "valid_from",  "valid_until",   "status", "reason",    "city",
};

static const struct column_name known[] = {
#define COLUMN(field, name) {COLUMN_##field, name},
#include "adapters/filedrop/columns.def"
#undef COLUMN
};

/* A firm called 合计… has a code. */
static bool is_row(const struct cell *cells)
{
    return cells[COLUMN_USCC].no_value || cells[COLUMN_USCC].text.n == 18;
}

static const struct columns columns = {
    .names = column_names,
    .count = COLUMN_COUNT,
    .known = known,
    .known_n = sizeof(known) / sizeof(*known),
    .no_header =
        "list.header: no row names a column for the code and one for the name (统一社会信用代码, 企业名称)",
    .no_header_sheet = "list.header: no row of the first visible sheet names a column for the code and one for the name "
                       "(统一社会信用代码, 企业名称)",
    .is_row = is_row,
    .take = map_row,
};

/* ---- entry ------------------------------------------------------------------------------------------------------ */

static bool open_filedrop(struct gwa_job *job, void **instance_out)
{
    struct filedrop *filedrop = calloc(1, sizeof(*filedrop));

    if (filedrop == NULL) {
        job->host->why(job, "no memory");
        return false;
    }
    if (!files_open(job, &columns, &filedrop->files)) {
        free(filedrop);
        return false;
    }
    filedrop->certified = job->host->setting(job, "status.certified");
    filedrop->withdrawn = job->host->setting(job, "status.withdrawn");
    *instance_out = filedrop;
    return true;
}

static void close_filedrop(void *instance)
{
    free(instance);
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "filedrop",
    .settings = settings,
    .open = open_filedrop,
    .fetch = files_fetch,
    .send = answer_send,
    .resolve = answer_resolve,
    .close = close_filedrop,
};
