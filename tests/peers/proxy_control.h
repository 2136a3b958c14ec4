// Tells the fault proxy (fault_proxy.py) what to do; KEJUE_TEST_MONGODB_CONTROL is its port.
#ifndef KJ_TEST_PROXY_CONTROL_H
#define KJ_TEST_PROXY_CONTROL_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void proxy_tell(const char *words)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char line[80], answer[8] = "";
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((uint16_t)atoi(getenv("KEJUE_TEST_MONGODB_CONTROL")));
    snprintf(line, sizeof line, "%s\n", words);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        write(fd, line, strlen(line)) < 0 || read(fd, answer, sizeof answer - 1) < 0 ||
        strcmp(answer, "ok\n") != 0)
        fail_msg("the fault proxy does not do \"%s\"", words);
    close(fd);
}

#endif
