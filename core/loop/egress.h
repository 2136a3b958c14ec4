// Which addresses are inside: where a request on behalf of a script or plugin must not go unless
// its instance was allowed to (SSRF). Judged on the resolved address, never on the name.
#ifndef KJ_EGRESS_H
#define KJ_EGRESS_H

#include <stdbool.h>
#include <sys/socket.h>

// Loopback, private, link-local, shared, multicast, reserved and "this network" ranges, also when
// an IPv4 address is wrapped into an IPv6 one (mapped, compatible, 6to4, NAT64, Teredo). Whatever
// is not IPv4 or IPv6 counts as inside.
bool kj_egress_is_inside(const struct sockaddr *address);
// The same for an address in text form; unreadable text counts as inside.
bool kj_egress_text_is_inside(const char *address);

#endif
