/* text: writing into a room of fixed size, and lists of words. Pure functions; thread-safe. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "adapters/adapter.h"

/* A text with an end: what does not fit sets full, which sticks. */
struct text {
    char *p;
    size_t n, size;
    bool full;
};
void text_init(struct text *text, char *p, size_t size);
void text_add(struct text *text, const char *s);
void text_add_bytes(struct text *text, struct gwa_bytes b);
/* Whether value is one of the words, which are separated by commas. */
bool text_is_one_of(struct gwa_bytes value, const char *list);      /* "0,0000,200" */

#endif
