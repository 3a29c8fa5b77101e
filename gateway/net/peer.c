/* peer: what a handler may ask about the other end of its connection. */
#include "net/conn.h"

const char *net_remote(const struct net_request *request)
{
    return request->conn ? request->conn->remote : "";
}

int net_listener_tag(const struct net_request *request)
{
    return request->conn ? request->conn->door->listener->tag : 0;
}

const uint8_t *net_peer_digest(const struct net_request *request)
{
    return request->conn && request->conn->has_peer ? request->conn->peer : NULL;
}

int64_t net_peer_not_after(const struct net_request *request)
{
    return request->conn ? request->conn->peer_not_after : 0;
}

bool net_peer_uid(const struct net_request *request, uint32_t *uid_out)
{
    if (!request->conn || !request->conn->has_uid)
        return false;
    *uid_out = request->conn->uid;
    return true;
}

uint64_t net_connection_mark(const struct net_request *request)
{
    return request->conn ? request->conn->mark : 0;
}

void net_connection_set_mark(struct net_request *request, uint64_t mark)
{
    if (request->conn)
        request->conn->mark = mark;
}
