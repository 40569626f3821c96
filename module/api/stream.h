/* Answers without end, as the server sends them. */
#ifndef API_STREAM_H
#define API_STREAM_H
#include "module/api/api.h"

#include <microhttpd.h>

/* The response that reads from the stream; called once. */
struct MHD_Response *stream_response(struct api_stream *stream, struct MHD_Connection *connection);
#endif
