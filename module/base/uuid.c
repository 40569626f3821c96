#include "module/base/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void uuid_random(char ret_text[37]) {
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) !=
        (ssize_t)sizeof b) /* 16 bytes are never cut short once the system is up */
        abort();
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    char *out = ret_text;
    for (int i = 0; i < 16; i++)
        out += sprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
}
