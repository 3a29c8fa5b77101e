/* framed: a request that is one frame, for the handlers that know requests. */
#include "net/request.h"

void request_make_framed(struct net_request *request)
{
    request->framed = true;
    request->method = "FRAME";
    request->path = "/";
    request->frame = (struct frame){
        .digits = NET_FRAME_DIGITS,
        .least = 1,
        .most = (uint64_t)request->service->body_max,
    };
}

enum read_event request_frame(struct net_request *request, struct bytes in, size_t *used_out, struct err *err)
{
    switch (frame_read(&request->frame, in, &request->body, used_out, err)) {
    case FRAME_WHOLE:
        request->state = READ_WHOLE;
        return READ_REQUEST;
    case FRAME_REFUSED:
        return READ_REFUSED;
    case FRAME_MORE:
        break;
    }
    if (request->frame.digit_n == request->frame.digits)
        request->state = READ_LENGTH;
    return READ_MORE;
}
