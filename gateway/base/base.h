/* base: what every module stands on.
 *
 * Errors from one table, memory in arenas, bytes with bounds, a log without secrets, a clock that a test
 * can set, counters. Nothing here knows what the gateway is for. Everything is safe to call from any
 * thread; an object (arena, buf, err) belongs to one thread at a time.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* ---- errors --------------------------------------------------------------------------------------- */

/* The kind drives behaviour; texts only inform. */
enum err_kind {
    ERR_KIND_NONE,
    ERR_KIND_INPUT,     /* the caller's bytes are wrong; the same bytes will fail again */
    ERR_KIND_DENIED,    /* known caller, not allowed */
    ERR_KIND_CONFLICT,  /* the world moved on, or another person must act */
    ERR_KIND_MISSING,   /* no such thing */
    ERR_KIND_BUSY,      /* a bound was reached; try later */
    ERR_KIND_TRANSIENT, /* the other side or the machine; try later */
    ERR_KIND_UNCERTAIN, /* it may or may not have happened; ask before doing it again */
    ERR_KIND_BROKEN     /* a defect or damaged data; a person must look */
};

enum err_code {
#define ERR(id, code, kind, http, exit_code, en, zh) ERR_##id,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

struct err_info {
    const char *code;   /* stable name, "uscc.check_char" */
    enum err_kind kind;
    int http;           /* status of an HTTP answer that carries it */
    int exit_code;      /* of pledgectl */
    const char *en;     /* one sentence without a full stop */
    const char *zh;
};

/* An error value. `place` says where (file:line:column, JSON Pointer, XPath, row 17); `detail` holds the specifics (a
 * value seen, a limit, errno text), `detail_zh` the same in Chinese. None may hold keys, personal data or message bodies.
 * Zero-initialise before use; err parameters come last and may not be NULL. */
#define ERR_DETAIL_SIZE 320
struct err {
    enum err_code code;
    char place[192];
    char detail[ERR_DETAIL_SIZE];
    char detail_zh[ERR_DETAIL_SIZE];    /* read it with err_detail */
};

/* Fills *err and returns false, so that `return err_set(...)` reads as a sentence. `place` may be NULL. The Chinese
 * comes from base/phrase.def by `format`; a %s argument that is a sentence of that table is put in Chinese, too, and so is
 * err->detail itself. Without an entry both languages say the same. tests/lint/phrases.py looks for what is missing. */
bool err_set(struct err *err, enum err_code code, const char *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* For functions that take a format themselves: what is printed before it comes here has lost its Chinese. */
bool err_set_v(struct err *err, enum err_code code, const char *place, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
/* With both texts as they are, such as those of another error: err_detail(&other, false), err_detail(&other, true). */
bool err_set_both(struct err *err, enum err_code code, const char *place, const char *detail, const char *detail_zh);
/* Puts `context: ` before the detail on the way up; returns false. */
bool err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As err_set with strerror(errno) appended to the detail. */
bool err_errno(struct err *err, enum err_code code, const char *place, const char *what);
/* The specifics in one language, "" when there are none. */
const char *err_detail(const struct err *err, bool zh);
/* The Chinese of a whole sentence of phrase.def, or the sentence itself. */
const char *err_phrase(const char *en);
const struct err_info *err_info(enum err_code code);
/* The code whose name is `name`, or ERR_COUNT. */
enum err_code err_by_name(const char *name);
/* "en sentence: detail (place)" into out, always terminated; returns out. `zh` picks the language. */
const char *err_text(const struct err *err, bool zh, char *out, size_t size);

/* Returns false from the calling function when `call` does; the callee has filled err. */
#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            return false;                                                                                              \
    } while (0)

/* ---- memory --------------------------------------------------------------------------------------- */

/* Memory in three sentences. What a function makes lives in the arena of its unit of work and is never
 * freed by hand. What LMDB shows is const and dies with the transaction. Long-lived things have x_new and
 * x_free(struct x **), and secrets are wiped. Running out of memory ends the process (journal and store
 * survive kill -9, so this is safe and far simpler than pretending to go on). */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena **arena);       /* sets NULL; NULL is fine */
void arena_reset(struct arena *arena);       /* forgets everything, keeps one block */
void *arena_alloc(struct arena *arena, size_t size);             /* zeroed, aligned for any type */
char *arena_strdup(struct arena *arena, const char *s);          /* NULL stays NULL */
char *arena_strndup(struct arena *arena, const char *s, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_cleanup(struct arena **arena);    /* for AUTO_ARENA */
#define AUTO_ARENA __attribute__((cleanup(arena_cleanup))) struct arena *

void *xcalloc(size_t n, size_t size);        /* as calloc, never NULL */
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
void wipe(void *p, size_t n);                /* clears secrets; not optimised away */

/* ---- bytes ---------------------------------------------------------------------------------------- */

struct bytes {
    const uint8_t *p;   /* borrowed; may be NULL when n is 0 */
    size_t n;
};
#define BYTES_LIT(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
static inline struct bytes bytes_of(const void *p, size_t n)
{
    return (struct bytes){p, n};
}
/* Without the NUL; NULL gives empty. */
static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}
bool bytes_equal(struct bytes a, struct bytes b);
/* Words divided by spaces: *list moves behind the word; false at the end. for (at = list; word_next(&at, &word);) … */
bool word_next(const char **list, struct bytes *word_out);
bool word_in(const char *list, const char *word);
struct bytes bytes_dup(struct arena *arena, struct bytes b);     /* copy, NUL-terminated behind n */

/* A growing buffer that names its maximum at birth. What does not fit sets `overflow`, which sticks; check
 * it once before using what was written; nothing is added behind an overflow. The data is always NUL-terminated
 * behind n. */
struct buf {
    uint8_t *p;
    size_t n;
    size_t room;
    size_t max;
    bool overflow;
};
void buf_init(struct buf *buf, size_t max);
void buf_free(struct buf *buf);
void buf_reset(struct buf *buf);                                 /* n = 0, no overflow, keeps the room */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct bytes buf_bytes(const struct buf *buf);
uint8_t *buf_make_room(struct buf *buf, size_t n);               /* buf_reserve where there may be none yet */

/* Room for n bytes, NULL on overflow. Write all n of them and add n to buf->n, or put a NUL behind the fewer you keep.
 * Here and not in buf.c, as are the three below: most of what is written is a few bytes long. */
static inline uint8_t *buf_reserve(struct buf *buf, size_t n)
{
    if (buf->overflow || n >= buf->room - buf->n)
        return buf_make_room(buf, n);
    /* the caller advances n afterwards, so the terminator must already stand where n will be */
    buf->p[buf->n + n] = 0;
    return buf->p + buf->n;
}

static inline void buf_put(struct buf *buf, const void *p, size_t n)
{
    uint8_t *to = buf_reserve(buf, n);
    if (!to || n == 0)
        return;
    memcpy(to, p, n);
    buf->n += n;
}

static inline void buf_str(struct buf *buf, const char *s)
{
    buf_put(buf, s, strlen(s));
}

static inline void buf_byte(struct buf *buf, uint8_t b)
{
    uint8_t *to = buf_reserve(buf, 1);
    if (!to)
        return;
    *to = b;
    buf->n++;
}

void put_be32(uint8_t *p, uint32_t v);
void put_be64(uint8_t *p, uint64_t v);
uint32_t get_be32(const uint8_t *p);
uint64_t get_be64(const uint8_t *p);
/* Lower-case hex of n bytes into out (2n+1). */
char *hex_encode(const uint8_t *p, size_t n, char *out);
bool hex_decode(const char *hex, uint8_t *out, size_t n);        /* exactly 2n digits */

/* RFC 4648 base64, appended to out. `url` picks the alphabet of section 5 without padding. */
void base64_encode(struct buf *out, struct bytes in, bool url);
/* Strict: right alphabet, right padding, no white space, unused bits zero. Appends nothing when it fails; false with
 * out->overflow when the bytes do not fit. */
bool base64_decode(struct buf *out, struct bytes in, bool url);

/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing over-long). */
bool utf8_valid(struct bytes in);
/* The first character of `in`; returns its length in bytes, 0 at the end or where the bytes are malformed. */
size_t utf8_next(struct bytes in, uint32_t *char_out);

/* ---- time ----------------------------------------------------------------------------------------- */

/* Wall time is milliseconds since 1970 UTC and may step; monotonic time is for deadlines and never does.
 * Text is written with the fixed offset +08:00, never from TZ. A date is days since 1970-01-01 in +08:00. What four
 * digits of a year cannot say is written as the first or last moment that they can. */
typedef int32_t date_day;
#define DATE_NONE INT32_MIN
#define TIME_TEXT_SIZE 26      /* 2026-11-24T10:00:00+08:00 and NUL */
#define DATE_TEXT_SIZE 11

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
/* So many ms from now, for a wait on a condition whose clock is CLOCK_MONOTONIC. The machine's own clock, also in tests. */
struct timespec clock_deadline(int64_t ms);
void clock_test_set(int64_t wall_ms, int64_t mono_ms);           /* both from now on stand still; 0,0 ends that */
char *time_format(int64_t ms, char out[TIME_TEXT_SIZE]);
bool time_parse(struct bytes text, int64_t *ms_out);             /* RFC 3339, any offset, fractions allowed */
char *date_format(date_day day, char out[DATE_TEXT_SIZE]);
bool date_parse(struct bytes text, date_day *day_out);           /* YYYY-MM-DD that exists */
date_day date_of_ms(int64_t ms);                                 /* the day in +08:00 */
int64_t date_start_ms(date_day day);                             /* 00:00:00+08:00 */
bool duration_parse(const char *text, int64_t *ms_out);          /* "90s" "10min" "6h" "7d" "500ms" */

/* ---- log ------------------------------------------------------------------------------------------ */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARN, LOG_ERROR };
/* One line to standard error: time, level, event, then `format`. The event is a stable dotted name; the
 * rest is key=value. Control characters are escaped. Never keys, personal data or message bodies. */
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
void log_err(enum log_level level, const char *event, const struct err *err);
void log_set_level(enum log_level level);
bool log_level_parse(const char *name, enum log_level *out);

/* ---- counters ------------------------------------------------------------------------------------- */

enum metric {
#define METRIC(id, name, type, help) METRIC_##id,
#include "base/metric.def"
#undef METRIC
    METRIC_COUNT
};
void metric_add(enum metric metric, int64_t n);
void metric_set(enum metric metric, int64_t value);
int64_t metric_get(enum metric metric);
/* The whole table in the Prometheus text format 0.0.4. */
void metric_dump(struct buf *out);

#endif
