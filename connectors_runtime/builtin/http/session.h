// What one read of one table remembers between calls.
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H
#include "settings.h"

// A list of (name, value) as the ABI has it.
typedef struct {
    text name, value;
} header;

typedef struct {
    u32 status;
    const header *headers;
    u32 header_count;
    u32 body;
} response;

// Where the next page begins. Only one of page, offset, token and url is in use, by the kind of pagination.
typedef struct {
    u64 number;    // page or offset
    buf token;     // raw JSON of the next cursor; empty: the first page
    buf url;       // of the next page; empty: the first
    u64 skip;      // records of that page that were handed over already
    bool end;      // the last page was handed over
} position;

// A streamed file: what must still be the same when it is resumed.
typedef struct {
    bool active;   // the cursor holds a place in it
    text etag, modified;
    u64 length;
    u64 bytes, line;
    text header;
} download;

// A JSON answer being handed over.
typedef struct {
    bool loaded;
    buf text;
    json_walk records;
    bool single;   // the answer itself is the one record
    text one;
    u64 count;     // records met so far in this answer
    text next, more; // what the settings' paths found in it
    buf link;      // the Link header's next page
} answer_page;

typedef struct {
    pool pool;
    text table;
    request_settings request;
    progress progress;
    position position;
    download download;
    stream stream;
    answer_page page;
    buf out, url, cursor;
    u64 last_hash; // of the answer before this one
    u32 format;
    u32 body;      // the open body of the host
    bool body_open, guessed, warned, rows, done;
} session;

#endif
