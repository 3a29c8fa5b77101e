/* phrase: the Chinese of what an error says besides its sentence. */
#ifndef BASE_PHRASE_H
#define BASE_PHRASE_H

#include "base/base.h"

/* The Chinese of one format or sentence of phrase.def, or NULL. */
const char *phrase_find(const char *en);
/* As vsnprintf with the Chinese of `format` (or `format` itself), where each %s argument that is a sentence of
 * phrase.def or the detail of `own` is put in Chinese, too. False when a conversion of the format is not known here. */
bool phrase_render(const struct err *own, char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

#endif
