/* Headers that are negotiated about, of any bytes: a choice is always one of what was offered. */
#include <stdlib.h>

#include "api/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum api_media offered[] = {API_MEDIA_JSON, API_MEDIA_JOSE};
    enum api_media media = API_MEDIA_COUNT;

    if (api_accept(bytes_of(data, size), offered, 2, &media) && media != API_MEDIA_JSON && media != API_MEDIA_JOSE)
        abort();
    api_is_media(bytes_of(data, size), "application/json");
    api_accepts_coding(bytes_of(data, size), "gzip");
    api_names_tag(bytes_of(data, size), "\"a\"");
    return 0;
}
