/* value: the texts of a setting's value, read and written. Each kind has one spelling of one meaning. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/base.h"

#define VALUE_TEXT_SIZE 32

/* Decimal digits with an optional minus; no leading zeros, no +, within int64. */
bool value_integer(const char *text, int64_t *out);
/* Exactly true or false. */
bool value_boolean(const char *text, bool *out);
/* Bytes: digits and B, KiB, MiB, GiB or TiB. */
bool value_size(const char *text, int64_t *out);
/* With the largest unit that divides the value. */
const char *value_duration_text(int64_t ms, char out[VALUE_TEXT_SIZE]);
const char *value_size_text(int64_t bytes, char out[VALUE_TEXT_SIZE]);
/* The place of `text` among "a|b|c", or -1. */
int value_choice(const char *choices, const char *text);
/* The i-th of "a|b|c" copied into the arena. */
const char *value_choice_text(struct arena *arena, const char *choices, int i);
/* False when text holds characters that break lines, hide, or may not stand in YAML. */
bool value_printable(const char *text);

#endif
