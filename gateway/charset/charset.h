/* charset: XML in a partner's charset. The gateway's face of adapters/common/charset, which says what is written how.
 *
 * Inside, XML is UTF-8: what a partner sends in another charset is read with charset_read before anything else looks at
 * it, what goes to it is written with charset_write as the last thing. Signatures hold for the canonical form, which is
 * the same in each charset. CHARSET_UTF_8 leaves everything as it is. Any thread.
 */
#ifndef CHARSET_CHARSET_H
#define CHARSET_CHARSET_H

#include "adapters/common/charset.h"
#include "base/base.h"

/* A partner's document in UTF-8, without its declaration; appended to out. schema.encoding when it is not text in
 * GB18030 (which holds GBK and GB2312), message.too_large when out is too small. */
bool charset_read(enum charset from, struct bytes xml, struct buf *out, struct err *err);
/* A document in UTF-8 as the partner wants it, appended to out. schema.unmappable when a character has no place in the
 * charset: with `references` only outside of text and attribute values. */
bool charset_write(enum charset to, bool references, struct bytes xml, struct buf *out, struct err *err);

#endif
