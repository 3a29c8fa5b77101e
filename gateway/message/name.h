/* message, private: JSON names and XML names of one member. */
#ifndef MESSAGE_NAME_H
#define MESSAGE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_SIZE 64

/* a_b and AB; a list drops its plural s, which ends the last word that is not zh, where it has one. */
bool name_matches(const char *json, const char *xml, bool list);
/* The JSON name of an XML name by the rule: rate_bp of RateBp, reasons_zh of a list ReasonZh. False when the name is
 * not of the form Aa1Bb or does not fit. */
bool name_to_json(const char *xml, bool list, char out[NAME_SIZE]);

#endif
