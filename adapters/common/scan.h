/* scan: where things are in a JSON text, without building a tree. The scanner checks nesting and where strings end;
 * who uses what it found parses that strictly, or knows the exact bytes already. */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

#include "adapters/adapter.h"

#define SCAN_DEPTH_MAX 32
#define SCAN_PATH_MAX 4                  /* names in one path */
#define SCAN_WANTED_MAX 8

/* A member by its way down from the object: "data.rows" is {"data", "rows"}. */
struct scan_path {
    struct gwa_bytes names[SCAN_PATH_MAX];
    size_t n;
};
/* Splits at dots; the names are borrowed from text. False when there are too many, or an empty one. */
bool scan_path_parse(const char *text, struct scan_path *out);

struct scan_wanted {
    const struct scan_path *path;
    struct gwa_bytes value;              /* raw; p NULL: not there */
};
/* Walks the whole object in `in` and finds the wanted members. False when the nesting is broken, something follows
 * the object, or a wanted member is there twice. A name written with escapes is not found. */
bool scan_object(struct gwa_bytes in, struct scan_wanted *wanted, size_t n);
/* As scan_object for one member, but stops at the first one found and does not look at what follows. */
struct gwa_bytes scan_member(struct gwa_bytes object, const struct scan_path *path);

/* Elements of a raw array: *at starts at array.p; false at the end, or with
 * *broken_out where no element can be read. */
bool scan_element(struct gwa_bytes array, const uint8_t **at, struct gwa_bytes *element_out, bool *broken_out);

bool scan_is(struct gwa_bytes value, char first);   /* value begins with this character */

#endif
