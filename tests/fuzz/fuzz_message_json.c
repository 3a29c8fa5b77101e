/* Any bytes as a message in JSON: what is read and found good must say the same in XML. */
#include "message_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message *message = NULL;
    struct err err = {0};

    if (message_read_json(bytes_of(data, size), &message, &err))
        judge_message(message);
    else if (err.code == ERR_NONE || err_info(err.code)->kind != ERR_KIND_INPUT)
        abort();
    message_free(&message);
    return 0;
}
