/* The parts of the interface, each in a file of that name. */
#ifndef API_PARTS_H
#define API_PARTS_H
#include "module/api/api.h"

extern const struct api_part api_part_page;   /* the dashboard's files */
extern const struct api_part api_part_server; /* version, openapi.json, me */
#endif
