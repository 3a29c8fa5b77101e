/* Any bytes as a CSV or NDJSON file, packed when they begin so: the first byte picks which. Encodings, quotes, headers,
 * dates and places of whatever stands in it. */
#include <stdio.h>

#include "filedrop_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        read_file((data[0] & 1) != 0 ? "a.ndjson" : "a.csv", data + 1, size - 1);
    return 0;
}
