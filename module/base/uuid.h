/* Random uuids. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

/* A new one of version 4 (RFC 9562), from the system's random numbers. Any thread. */
void uuid_random(char ret_text[37]);
#endif
