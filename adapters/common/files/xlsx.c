/* A workbook: read whole in each step, its sheet's rows some thousand at a time. Nothing but a place in the sheet is
 * kept between steps, so a job that ends early leaves nothing behind, and no step is long however long the list. */
#include "adapters/common/files/xlsx.h"

#include <stdlib.h>

void xlsx_ask(struct gwa_job *job)
{
    struct gwa_io io = {
        .size = sizeof(io), .kind = GWA_FILE_READ, .target = run_of(job)->path, .limit = XLSX_BYTES_MAX};

    job->host->io(job, &io);
}

struct parts {
    struct workbook workbook;
    struct strings strings;
    struct styles styles;
};

static enum gwa_verdict read_parts(struct gwa_job *job, struct package *package, struct parts *parts)
{
    const char *why = NULL;

    if (!workbook_read(package, &parts->workbook, &why) ||
        !strings_read(package, parts->workbook.strings, &parts->strings, &why) ||
        !styles_read(package, parts->workbook.styles, &parts->styles, &why))
        return run_fail(job, GWA_REJECTED, why);
    run_of(job)->table.from_1904 = parts->workbook.from_1904;
    return sheet_read(job, package, &parts->workbook, &parts->strings, &parts->styles);
}

static enum gwa_verdict read_rows(struct gwa_job *job)
{
    const char *why = "no memory";
    struct package *package = package_open(job->result.body, &why);
    struct parts *parts = calloc(1, sizeof(*parts));
    enum gwa_verdict verdict;

    if (package == NULL || parts == NULL) {
        verdict = run_fail(job, package == NULL && parts != NULL ? GWA_REJECTED : GWA_RETRY, why);
    } else {
        verdict = read_parts(job, package, parts);
        strings_free(&parts->strings);
    }
    free(parts);
    package_close(&package);
    return verdict;
}

enum gwa_verdict xlsx_take(struct gwa_job *job)
{
    struct run *run = run_of(job);

    if (job->result.state != GWA_IO_OK)
        return run_fail(job, GWA_RETRY, "source.failed: the file cannot be read");
    if (run->xlsx == NULL) {
        run->xlsx = job->host->alloc(job, sizeof(*run->xlsx));
        if (run->xlsx == NULL)
            return run_fail(job, GWA_RETRY, "no memory");
        if (!run_page(job, job->result.body))
            return run_fail(job, GWA_RETRY, "the run was stopped");
    }
    if (!job->result.end)
        return run_fail(job, GWA_REJECTED, "list.file: a workbook of more than 12 MiB; save the list as CSV");
    return read_rows(job);
}
