/* The parts around a sheet: which one is the first visible, the strings that cells share, which formats are dates. */
#include "adapters/common/files/xlsx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRINGS_BYTES_MAX (16u << 20)
#define STRINGS_MAX 1000000u
#define SHEETS_MAX 64
#define ID_SIZE 128

/* ---- relationships -------------------------------------------------------------------------------------------- */

struct relation {
    const char *id, *type;               /* wanted: its id, or how its type ends; NULL any */
    const char *folder;                  /* that targets begin in */
    char target[PART_NAME_MAX];
};

static bool type_ends(const char *type, const char *end)
{
    size_t n = strlen(type), k = strlen(end);

    return n >= k && strcmp(type + n - k, end) == 0;
}

static bool relation_open(void *arg, const char *name, int n, const uint8_t *const *attributes)
{
    struct relation *relation = arg;
    char id[ID_SIZE], type[PART_NAME_MAX], target[PART_NAME_MAX], mode[16];

    if (strcmp(name, "Relationship") != 0)
        return true;
    attribute(n, attributes, "Id", id, sizeof(id));
    attribute(n, attributes, "Type", type, sizeof(type));
    attribute(n, attributes, "Target", target, sizeof(target));
    attribute(n, attributes, "TargetMode", mode, sizeof(mode));
    if ((relation->id != NULL && strcmp(relation->id, id) != 0) || !type_ends(type, relation->type) ||
        strcmp(mode, "External") == 0 || target[0] == '\0')
        return true;
    if (target[0] == '/')
        (void)snprintf(relation->target, sizeof(relation->target), "%s", target + 1);
    else if (strlen(relation->folder) + strlen(target) < PART_NAME_MAX)
        (void)snprintf(relation->target, sizeof(relation->target), "%.*s%.*s", 100, relation->folder, 155, target);
    return false;
}

static bool close_any(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return true;
}

/* Leaves the target empty when there is none. */
static bool relation_find(struct package *package, const char *part, struct relation *relation, const char **why_out)
{
    struct events events = {relation_open, close_any, NULL, relation};

    relation->target[0] = '\0';
    return package_read(package, part, false, &events, NULL, why_out);
}

/* ---- the workbook --------------------------------------------------------------------------------------------- */

struct sheets {
    char visible[SHEETS_MAX][ID_SIZE];   /* relationship ids, in order */
    size_t n;
    bool from_1904;
};

static bool workbook_open(void *arg, const char *name, int n, const uint8_t *const *attributes)
{
    struct sheets *sheets = arg;
    char state[16], flag[8], id[ID_SIZE];

    if (strcmp(name, "workbookPr") == 0) {
        attribute(n, attributes, "date1904", flag, sizeof(flag));
        sheets->from_1904 = strcmp(flag, "1") == 0 || strcmp(flag, "true") == 0;
    } else if (strcmp(name, "sheet") == 0) {
        attribute(n, attributes, "state", state, sizeof(state));
        attribute(n, attributes, "id", id, sizeof(id));
        if ((state[0] == '\0' || strcmp(state, "visible") == 0) && sheets->n < SHEETS_MAX)
            (void)snprintf(sheets->visible[sheets->n++], ID_SIZE, "%s", id);
    }
    return true;
}

/* xl/workbook.xml has its relationships in xl/_rels/workbook.xml.rels. */
static bool rels_of(const char *part, char folder[PART_NAME_MAX], char rels[PART_NAME_MAX])
{
    const char *slash = strrchr(part, '/');
    int before = slash == NULL ? 0 : (int)(slash - part) + 1;

    if (strlen(part) + sizeof("_rels/.rels") > PART_NAME_MAX)
        return false;
    (void)snprintf(folder, PART_NAME_MAX, "%.*s", before, part);
    (void)snprintf(rels, PART_NAME_MAX, "%.*s_rels/%.*s.rels", before, part, PART_NAME_MAX - 16 - before,
                   part + before);
    return true;
}

static bool find_sheet(struct package *package, const struct sheets *sheets, struct relation *relation,
                       const char *rels, const char **why_out)
{
    relation->type = "/worksheet";
    for (size_t i = 0; i < sheets->n; i++) {
        relation->id = sheets->visible[i];
        if (!relation_find(package, rels, relation, why_out))
            return false;
        if (relation->target[0] != '\0')
            return true;
    }
    *why_out = "list.file: the workbook has no visible sheet";
    return false;
}

static bool find_part(struct package *package, struct relation *relation, const char *rels, const char *type, char *out,
                      const char **why_out)
{
    relation->id = NULL;
    relation->type = type;
    if (!relation_find(package, rels, relation, why_out))
        return false;
    memcpy(out, relation->target, PART_NAME_MAX);
    return true;
}

bool workbook_read(struct package *package, struct workbook *out, const char **why_out)
{
    char folder[PART_NAME_MAX], rels[PART_NAME_MAX];
    struct relation relation = {NULL, "/officeDocument", "", ""};
    struct sheets sheets = {.n = 0};
    struct events events = {workbook_open, close_any, NULL, &sheets};

    if (!relation_find(package, "_rels/.rels", &relation, why_out))
        return false;
    if (relation.target[0] == '\0' || !rels_of(relation.target, folder, rels)) {
        *why_out = "list.file: not a workbook (.xlsx)";
        return false;
    }
    if (!package_read(package, relation.target, false, &events, NULL, why_out))
        return false;
    relation.folder = folder;
    out->from_1904 = sheets.from_1904;
    if (!find_sheet(package, &sheets, &relation, rels, why_out))
        return false;
    memcpy(out->sheet, relation.target, PART_NAME_MAX);
    return find_part(package, &relation, rels, "/sharedStrings", out->strings, why_out) &&
           find_part(package, &relation, rels, "/styles", out->styles, why_out);
}

/* ---- shared strings --------------------------------------------------------------------------------------------- */

struct reading {
    struct strings *strings;
    bool in_text, in_phonetic, full;
};

void strings_free(struct strings *strings)
{
    free(strings->p);
    free(strings->ends);
    *strings = (struct strings){0};
}

static bool strings_open(void *arg, const char *name, int n, const uint8_t *const *attributes)
{
    struct reading *reading = arg;

    (void)n;
    (void)attributes;
    reading->in_phonetic = reading->in_phonetic || strcmp(name, "rPh") == 0;
    reading->in_text = strcmp(name, "t") == 0 && !reading->in_phonetic;
    return !reading->full;
}

static void strings_text(void *arg, const uint8_t *p, size_t n)
{
    struct reading *reading = arg;
    struct strings *strings = reading->strings;

    if (!reading->in_text || reading->full)
        return;
    if (strings->size - strings->n < n) {
        size_t size = strings->size + n < 65536 ? 65536 : 2 * (strings->size + n);
        uint8_t *more = size > 2 * STRINGS_BYTES_MAX ? NULL : realloc(strings->p, size);

        reading->full = more == NULL;
        if (reading->full)
            return;
        strings->p = more;
        strings->size = size;
    }
    memcpy(strings->p + strings->n, p, n);
    strings->n += n;
    reading->full = strings->n > STRINGS_BYTES_MAX;
}

static bool strings_end_one(struct strings *strings)
{
    if (strings->count == strings->room) {
        size_t room = strings->room == 0 ? 4096 : 2 * strings->room;
        uint32_t *more = strings->count >= STRINGS_MAX ? NULL : realloc(strings->ends, room * sizeof(*more));

        if (more == NULL)
            return false;
        strings->ends = more;
        strings->room = room;
    }
    strings->ends[strings->count++] = (uint32_t)strings->n;
    return true;
}

static bool strings_close(void *arg, const char *name)
{
    struct reading *reading = arg;

    reading->in_text = false;
    if (strcmp(name, "rPh") == 0)
        reading->in_phonetic = false;
    if (strcmp(name, "si") == 0)
        reading->full = reading->full || !strings_end_one(reading->strings);
    return !reading->full;
}

bool strings_read(struct package *package, const char *name, struct strings *out, const char **why_out)
{
    struct reading reading = {.strings = out};
    struct events events = {strings_open, strings_close, strings_text, &reading};

    if (!package_read(package, name, true, &events, NULL, why_out))
        return false;
    *why_out = "list.file: the workbook holds more text than a list would";
    return !reading.full;
}

bool strings_at(const struct strings *strings, size_t i, struct gwa_bytes *out)
{
    size_t from = i == 0 || i >= strings->count ? 0 : strings->ends[i - 1];

    if (i >= strings->count)
        return false;
    *out = (struct gwa_bytes){NULL, 0};
    if (strings->ends[i] > from) /* a table of empty strings has no text to point into */
        *out = (struct gwa_bytes){strings->p + from, strings->ends[i] - from};
    return true;
}

/* ---- formats ---------------------------------------------------------------------------------------------------- */

static void set_bit(uint8_t *bits, size_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << (i % 8));
}

static bool bit(const uint8_t *bits, size_t i)
{
    return (bits[i / 8] >> (i % 8) & 1) != 0;
}

/* Those that every spreadsheet knows by number; 27 to 36 and 50 to 58 are the dates of East Asia. */
static bool is_known_date(unsigned long id)
{
    return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);
}

/* A format code is a date's when a day, month or year stands in it outside of quotes, brackets and escapes. */
static bool is_date_code(const char *code)
{
    for (; *code != '\0'; code++) {
        if (*code == '"' || *code == '[') {
            code = strchr(code + 1, *code == '"' ? '"' : ']');
            if (code == NULL)
                return false;
        } else if (*code == '\\' || *code == '_' || *code == '*') {
            code += code[1] != '\0';
        } else if (strchr("ymdYMD", *code) != NULL) {
            return true;
        }
    }
    return false;
}

struct formats {
    struct styles *styles;
    bool in_cells;
};

static bool styles_open(void *arg, const char *name, int n, const uint8_t *const *attributes)
{
    struct formats *formats = arg;
    struct styles *styles = formats->styles;
    char id[16], code[PART_NAME_MAX];
    unsigned long number;

    if (strcmp(name, "cellXfs") == 0)
        formats->in_cells = true;
    if (strcmp(name, "numFmt") != 0 && (strcmp(name, "xf") != 0 || !formats->in_cells))
        return true;
    attribute(n, attributes, "numFmtId", id, sizeof(id));
    number = strtoul(id, NULL, 10);
    if (strcmp(name, "numFmt") == 0) {
        attribute(n, attributes, "formatCode", code, sizeof(code));
        if (number < STYLES_MAX && is_date_code(code))
            set_bit(styles->is_date_format, number);
        return true;
    }
    if (styles->count == STYLES_MAX)
        return false;
    if (is_known_date(number) || (number < STYLES_MAX && bit(styles->is_date_format, number)))
        set_bit(styles->is_date, styles->count);
    styles->count++;
    return true;
}

static bool styles_close(void *arg, const char *name)
{
    struct formats *formats = arg;

    if (strcmp(name, "cellXfs") == 0)
        formats->in_cells = false;
    return true;
}

bool styles_read(struct package *package, const char *name, struct styles *out, const char **why_out)
{
    struct formats formats = {.styles = out};
    struct events events = {styles_open, styles_close, NULL, &formats};

    return package_read(package, name, true, &events, NULL, why_out);
}

bool styles_is_date(const struct styles *styles, size_t i)
{
    return i < styles->count && bit(styles->is_date, i);
}
