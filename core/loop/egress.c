// The ranges that are inside: IANA's special-purpose registries for IPv4 and IPv6.
#include "loop/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range4 {
    uint8_t start[4];
    int bits;
};

static const struct range4 k_inside4[] = {
    {{0, 0, 0, 0}, 8},       // this network
    {{10, 0, 0, 0}, 8},      // private
    {{100, 64, 0, 0}, 10},   // shared by carriers; some clouds' metadata
    {{127, 0, 0, 0}, 8},     // loopback
    {{169, 254, 0, 0}, 16},  // link-local; metadata of most clouds
    {{172, 16, 0, 0}, 12},   // private
    {{192, 0, 0, 0}, 24},    // protocol assignments
    {{192, 0, 2, 0}, 24},    // documentation
    {{192, 88, 99, 0}, 24},  // 6to4 relays
    {{192, 168, 0, 0}, 16},  // private
    {{198, 18, 0, 0}, 15},   // benchmarks
    {{198, 51, 100, 0}, 24}, // documentation
    {{203, 0, 113, 0}, 24},  // documentation
    {{224, 0, 0, 0}, 4},     // multicast
    {{240, 0, 0, 0}, 4},     // reserved, broadcast
};

struct range6 {
    uint8_t start[16];
    int bits;
};

static const struct range6 k_inside6[] = {
    {{0x01}, 8},                          // discard-only 0100::/64 and its reserved neighbours
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48}, // NAT64, local use
    {{0x20, 0x01, 0x00, 0x00}, 23},       // protocol assignments, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       // documentation
    {{0x3f, 0xff, 0x00}, 20},             // documentation
    {{0x5f, 0x00}, 16},                   // segment routing
    {{0xfc}, 7},                          // unique local
    {{0xfe, 0x80}, 10},                   // link-local
    {{0xfe, 0xc0}, 10},                   // site-local, old
    {{0xff}, 8},                          // multicast
};

static bool in_range(const uint8_t *address, const uint8_t *start, int bits)
{
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(address, start, (size_t)whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return rest == 0 || ((address[whole] ^ start[whole]) & mask) == 0;
}

static bool inside4(const uint8_t address[4])
{
    for (size_t i = 0; i < sizeof k_inside4 / sizeof *k_inside4; i++) {
        if (in_range(address, k_inside4[i].start, k_inside4[i].bits))
            return true;
    }
    return false;
}

static bool inside6(const uint8_t address[16])
{
    static const uint8_t zeros[12], mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b}, six_to_four[2] = {0x20, 0x02};
    // ::/96 holds ::, ::1 and the IPv4-compatible form that nothing speaks any more.
    if (memcmp(address, zeros, 12) == 0)
        return true;
    if (memcmp(address, mapped, 12) == 0 || memcmp(address, nat64, 12) == 0)
        return inside4(address + 12);
    if (memcmp(address, six_to_four, 2) == 0)
        return inside4(address + 2);
    for (size_t i = 0; i < sizeof k_inside6 / sizeof *k_inside6; i++) {
        if (in_range(address, k_inside6[i].start, k_inside6[i].bits))
            return true;
    }
    return false;
}

bool kj_egress_is_inside(const struct sockaddr *address)
{
    uint8_t bytes[16];
    if (address->sa_family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)address)->sin_addr, 4);
        return inside4(bytes);
    }
    if (address->sa_family != AF_INET6)
        return true;
    memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
    return inside6(bytes);
}

bool kj_egress_text_is_inside(const char *address)
{
    uint8_t bytes[16];
    char plain[INET6_ADDRSTRLEN];
    size_t length = strcspn(address, "%"); // an IPv6 zone behind it
    if (length >= sizeof plain)
        return true;
    memcpy(plain, address, length);
    plain[length] = 0;
    if (inet_pton(AF_INET, plain, bytes) == 1)
        return inside4(bytes);
    return inet_pton(AF_INET6, plain, bytes) == 1 ? inside6(bytes) : true;
}
