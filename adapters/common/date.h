/* date: dates as bureaus write them. Pure functions; thread-safe. */
#ifndef COMMON_DATE_H
#define COMMON_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define DATE_SIZE 11                     /* YYYY-MM-DD and its NUL */

enum date_kind { DATE_GOOD, DATE_OPEN, DATE_BAD };
/* 2026-03-01, 2026/3/1, 2026.3.1, 2026年3月1日, 20260301, the marked forms with a time behind, milliseconds since
 * 1970. DATE_OPEN: words for no end (长期), and out is not written. */
enum date_kind date_read(const char *in, char out[DATE_SIZE]);
/* A spreadsheet's day number, counted from 1900 or, in some files, from 1904. False before 1970 or after 9999. */
bool date_of_serial(int64_t serial, bool from_1904, char out[DATE_SIZE]);

#endif
