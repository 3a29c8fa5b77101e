/* A workbook's parts. All of this lives for one step: what it allocates it frees before the step ends. */
#ifndef COMMON_FILES_XLSX_H
#define COMMON_FILES_XLSX_H

#include "adapters/common/files/internal.h"

#define PART_NAME_MAX 256

struct package;
/* `bytes` must stay as long as the package. NULL: *why_out says why. */
struct package *package_open(struct gwa_bytes bytes, const char **why_out);
void package_close(struct package **package);

/* What a part's XML is told as. Names are local; attributes come in fives as libxml2 gives them. open and close
 * answer false to end the reading. */
struct events {
    bool (*open)(void *arg, const char *name, int attribute_n, const uint8_t *const *attributes);
    bool (*close)(void *arg, const char *name);
    void (*text)(void *arg, const uint8_t *p, size_t n);     /* NULL: none wanted */
    void *arg;
};
/* Where reading may go on in another step: behind a closing tag, with these elements open around it. */
struct resume {
    uint64_t offset;                     /* into the part's XML; 0: its beginning */
    char open[2][64];                    /* names with their prefixes, outermost first */
};
/* Reads a part. A part that is not there is read as empty when `optional`. False: *why_out. */
bool package_read(struct package *package, const char *name, bool optional, const struct events *events,
                  const struct resume *resume, const char **why_out);
/* Within a close event: the offset behind the tag. */
uint64_t package_offset(const struct package *package);
/* Within an open event: the element's name with its prefix. */
const char *package_full_name(const struct package *package);

/* The value of an attribute in out, "" when it is not there or does not fit. */
void attribute(int n, const uint8_t *const *attributes, const char *name, char *out, size_t size);

struct strings {
    uint8_t *p;                          /* the texts, one behind the other */
    size_t n, size;
    uint32_t *ends;
    size_t count, room;
};
void strings_free(struct strings *strings);
bool strings_read(struct package *package, const char *name, struct strings *out, const char **why_out);
/* Text of index i; false: there is no such string. */
bool strings_at(const struct strings *strings, size_t i, struct gwa_bytes *out);

#define STYLES_MAX 65536u
struct styles {
    uint8_t is_date[STYLES_MAX / 8];     /* one bit a cell format */
    uint8_t is_date_format[STYLES_MAX / 8];
    size_t count;
};
bool styles_read(struct package *package, const char *name, struct styles *out, const char **why_out);
bool styles_is_date(const struct styles *styles, size_t i);

/* The workbook's first visible sheet and the parts that go with it. */
struct workbook {
    char sheet[PART_NAME_MAX], strings[PART_NAME_MAX], styles[PART_NAME_MAX];
    bool from_1904;
};
bool workbook_read(struct package *package, struct workbook *out, const char **why_out);

/* Kept from step to step. */
struct xlsx {
    struct resume resume;
    uint64_t row;                        /* the last one */
};
/* Rows from where the last step ended. GWA_WAIT: there are more. */
enum gwa_verdict sheet_read(struct gwa_job *job, struct package *package, const struct workbook *workbook,
                            const struct strings *strings, const struct styles *styles);

#endif
