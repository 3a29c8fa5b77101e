/* Lines to registrations. Lines of one registration number, event and date belong together wherever they stand; what
 * one of them leaves blank is what the others say. A registration of which a line cannot be read is handed over not at
 * all: half of its rights would be worse than none. All of it lives in the job's memory until the file has ended. */
#include "registry.h"

#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE (256u << 10)
#define BUCKETS 4096u

/* A registration number and all that the file says about it. */
struct number {
    struct number *next; /* in its bucket */
    struct gwa_bytes text;
    struct registration *first;
    uint64_t bad_line; /* a line of it of which not even event and date can be read; 0: none */
};
struct gathered {
    struct number *buckets[BUCKETS];
    struct registration *first, **end; /* in order of their first lines */
    uint8_t *block;
    size_t left;
    bool full; /* what did not fit makes the whole file one that is not taken */
};

static const char too_many[] = "list.file: more lines than can be gathered at once; divide the file";

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void *room(struct gwa_job *job, struct gathered *gathered, size_t n)
{
    const size_t size = (n + 15) & ~(size_t)15;
    uint8_t *p;

    if (size > gathered->left) {
        gathered->block = job->host->alloc(job, BLOCK_SIZE);
        gathered->left = gathered->block == NULL ? 0 : BLOCK_SIZE;
    }
    if (size > gathered->left)
        return NULL;
    p = gathered->block;
    gathered->block += size;
    gathered->left -= size;
    return p;
}

static bool copy(struct gwa_job *job, struct gathered *gathered, struct gwa_bytes text, struct gwa_bytes *out)
{
    uint8_t *p = text.n == 0 ? NULL : room(job, gathered, text.n);

    if (text.n > 0 && p == NULL)
        return false;
    if (text.n > 0)
        memcpy(p, text.p, text.n);
    *out = (struct gwa_bytes){p, text.n};
    return true;
}

static struct gathered *gathered_of(struct gwa_job *job)
{
    struct gathered *gathered = *files_own(job);

    if (gathered != NULL)
        return gathered;
    gathered = job->host->alloc(job, sizeof(*gathered));
    if (gathered != NULL)
        gathered->end = &gathered->first;
    *files_own(job) = gathered;
    return gathered;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static bool same(struct gwa_bytes a, struct gwa_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* FNV-1a. */
static struct number **bucket_of(struct gathered *gathered, struct gwa_bytes text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ text.p[i]) * 16777619u;
    return &gathered->buckets[hash % BUCKETS];
}

/* NULL: no memory. */
static struct number *number_of(struct gwa_job *job, struct gathered *gathered, struct gwa_bytes text)
{
    struct number **bucket = bucket_of(gathered, text), *number;

    for (number = *bucket; number != NULL; number = number->next)
        if (same(number->text, text))
            return number;
    number = room(job, gathered, sizeof(*number));
    if (number == NULL || !copy(job, gathered, text, &number->text))
        return NULL;
    number->next = *bucket;
    *bucket = number;
    return number;
}

static struct registration *add_registration(struct gwa_job *job, struct gathered *gathered, struct number *number,
                                             const struct line *line, uint64_t at)
{
    struct registration *fresh = room(job, gathered, sizeof(*fresh));

    if (fresh == NULL || !copy(job, gathered, line->event, &fresh->event) ||
        !copy(job, gathered, line->date, &fresh->date))
        return NULL;
    fresh->number = number->text;
    fresh->line = at;
    fresh->pledgor_end = &fresh->pledgors;
    fresh->right_end = &fresh->rights;
    fresh->next = number->first;
    number->first = fresh;
    *gathered->end = fresh;
    gathered->end = &fresh->order;
    return fresh;
}

static struct registration *registration_of(struct gwa_job *job, struct gathered *gathered, struct number *number,
                                            const struct line *line, uint64_t at)
{
    for (struct registration *known = number->first; known != NULL; known = known->next)
        if (same(known->event, line->event) && same(known->date, line->date))
            return known;
    return add_registration(job, gathered, number, line, at);
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

static const char differs[] = "differs from what another line of this registration says";

static void spoil(struct registration *to, uint64_t line, enum column column, const char *why)
{
    if (to->bad_line != 0)
        return;
    to->bad_line = line;
    to->bad = column;
    to->why = why;
}

/* False here and below: no memory. Takes what the line says into *known, which is blank or says the same. */
static bool agree(struct gwa_job *job, struct gathered *gathered, struct registration *to, uint64_t at,
                  enum column column, struct gwa_bytes told, struct gwa_bytes *known)
{
    if (told.n > 0 && known->n == 0)
        return copy(job, gathered, told, known);
    if (told.n > 0 && !same(told, *known))
        spoil(to, at, column, differs);
    return true;
}

static struct party *party_of(const struct registration *of, const struct line *line)
{
    struct party *party;

    for (party = of->pledgors; party != NULL; party = party->next)
        if (same(party->name, line->pledgor) || (party->code.n > 0 && same(party->code, line->pledgor_code)))
            break;
    return party;
}

static bool add_pledgor(struct gwa_job *job, struct gathered *gathered, struct registration *to, uint64_t at,
                        const struct line *line)
{
    struct party *party = line->pledgor.n == 0 ? NULL : party_of(to, line);

    if (line->pledgor.n == 0)
        return true;
    if (party == NULL) {
        party = room(job, gathered, sizeof(*party));
        if (party == NULL)
            return false;
        *to->pledgor_end = party;
        to->pledgor_end = &party->next;
    }
    return agree(job, gathered, to, at, COLUMN_PLEDGOR, line->pledgor, &party->name) &&
           agree(job, gathered, to, at, COLUMN_PLEDGOR_CODE, line->pledgor_code, &party->code);
}

static bool add_right(struct gwa_job *job, struct gathered *gathered, struct registration *to, uint64_t at,
                      const struct line *line)
{
    struct right *right;

    for (right = to->rights; right != NULL; right = right->next)
        if (same(right->number, line->number) && same(right->class, line->class))
            return agree(job, gathered, to, at, COLUMN_TITLE, line->title, &right->title);
    right = room(job, gathered, sizeof(*right));
    if (right == NULL)
        return false;
    *to->right_end = right;
    to->right_end = &right->next;
    return copy(job, gathered, line->number, &right->number) && copy(job, gathered, line->class, &right->class) &&
           copy(job, gathered, line->title, &right->title);
}

static bool add_line(struct gwa_job *job, struct gathered *gathered, struct registration *to, uint64_t at,
                     const struct line *line)
{
    for (int i = 0; i < SCALAR_COUNT; i++)
        if (!agree(job, gathered, to, at, scalar_columns[i], line->scalars[i], &to->scalars[i]))
            return false;
    return add_pledgor(job, gathered, to, at, line) && add_right(job, gathered, to, at, line);
}

static bool is_key(enum column column)
{
    return column == COLUMN_REGISTRATION || column == COLUMN_EVENT || column == COLUMN_DATE;
}

/* A line of which not even number, event and date can be read: told at once, alone. */
static bool refuse_line(struct gwa_job *job, const struct row *row, struct gwa_bytes number, enum column bad,
                        const char *why)
{
    enum gwa_row_answer answer = job->host->row(job, row->line, number, row->raw);

    if (answer == GWA_ROW_PARSE)
        job->host->row_bad(job, column_names[bad], why);
    return answer != GWA_ROW_STOP;
}

/* Told at the end: what comes before it is only gathered. */
static bool out_of_memory(struct gathered *gathered)
{
    gathered->full = true;
    return true;
}

/* The registration that the line belongs to; NULL: none, or no memory for it. */
static struct registration *belongs_to(struct gwa_job *job, struct gathered *gathered, const struct row *row,
                                       const struct line *line, bool key_is_bad, struct number **number_out)
{
    bool known = line->registration.n > 0 && line->registration.n <= NUMBER_MAX;
    struct number *number = known ? number_of(job, gathered, line->registration) : NULL;
    struct registration *to = NULL;

    *number_out = number;
    if (number != NULL && !key_is_bad)
        to = registration_of(job, gathered, number, line, row->line);
    if (known && (number == NULL || (to == NULL && !key_is_bad)))
        (void)out_of_memory(gathered);
    return to;
}

bool gather_take(struct gwa_job *job, const struct row *row)
{
    struct gathered *gathered = gathered_of(job);
    struct number *number;
    struct line line;
    enum column bad;
    const char *why;
    bool good = line_read(job->instance, row, &line, &bad, &why), key_is_bad = !good && is_key(bad);

    if (gathered == NULL || gathered->full)
        return gathered != NULL;
    struct registration *to = belongs_to(job, gathered, row, &line, key_is_bad, &number);
    if (key_is_bad && number != NULL && number->bad_line == 0)
        number->bad_line = row->line;
    if (key_is_bad)
        return refuse_line(job, row, line.registration, bad, why);
    if (to != NULL && !good)
        spoil(to, row->line, bad, why);
    if (to != NULL && good && !add_line(job, gathered, to, row->line, &line))
        return out_of_memory(gathered);
    return true;
}

/* ---- handing over ------------------------------------------------------------------------------------------------ */

/* What no line said. */
static void judge(struct registration *registration)
{
    if (registration->scalars[SCALAR_KIND].n == 0)
        spoil(registration, registration->line, COLUMN_KIND, "missing");
    if (registration->pledgors == NULL)
        spoil(registration, registration->line, COLUMN_PLEDGOR, "missing");
    if (registration->scalars[SCALAR_PLEDGEE].n == 0)
        spoil(registration, registration->line, COLUMN_PLEDGEE, "missing");
}

static bool refuse(struct gwa_job *job, const struct registration *registration, uint64_t line, const char *field,
                   const char *why)
{
    enum gwa_row_answer answer = job->host->row(job, line, registration->number, registration->number);

    if (answer == GWA_ROW_PARSE)
        job->host->row_bad(job, field, why);
    return answer != GWA_ROW_STOP;
}

static bool give(struct gwa_job *job, struct registration *registration, uint64_t number_bad)
{
    char why[96];
    json_t *body;
    bool go_on;

    judge(registration);
    if (registration->bad_line != 0)
        return refuse(job, registration, registration->bad_line, column_names[registration->bad], registration->why);
    if (number_bad != 0) {
        (void)snprintf(why, sizeof(why), "line %llu of this number cannot be read", (unsigned long long)number_bad);
        return refuse(job, registration, registration->line, column_names[COLUMN_REGISTRATION], why);
    }
    body = body_of_registration(registration);
    if (body == NULL)
        return refuse(job, registration, registration->line, "row", "no memory");
    go_on = body_give(job, registration->line, registration->number, body);
    json_decref(body);
    return go_on;
}

enum gwa_verdict gather_end(struct gwa_job *job)
{
    struct gathered *gathered = *files_own(job);
    struct registration *at = gathered == NULL ? NULL : gathered->first;

    if (gathered != NULL && gathered->full)
        return run_fail(job, GWA_REJECTED, too_many);
    for (; at != NULL; at = at->order)
        if (!give(job, at, number_of(job, gathered, at->number)->bad_line))
            return run_fail(job, GWA_RETRY, "the run was stopped");
    return GWA_DONE;
}
