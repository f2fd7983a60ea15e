// A connector that does what its config says, to test the host: "<verb> <argument>".
// Freestanding C, the canonical ABI of hakiri:connector written by hand.
typedef unsigned char u8;
typedef unsigned u32;
typedef unsigned long long u64;

#define SOURCE "cm32p2|hakiri:connector/source@1|"
#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) __attribute__((import_module("cm32p2|hakiri:connector/" module "@1"), import_name(name)))

IMPORT("http", "send") void http_send(const char *, u32, const char *, u32, const void *, u32, u32, const char *, u32, u32, void *);
IMPORT("http", "read-text") void http_read_text(u32, u32, void *);
IMPORT("http", "read-bytes") void http_read_bytes(u32, u32, void *);
IMPORT("http", "close") void http_close(u32);
IMPORT("files", "find") void files_find(const char *, u32, void *);
IMPORT("files", "read-text") void files_read_text(const char *, u32, u64, u32, void *);
IMPORT("files", "row-groups") void files_row_groups(const char *, u32, void *);
IMPORT("log", "log") void host_log(u32, const char *, u32);
__attribute__((import_module("cm32p2|_ex_hakiri:connector/source@1"), import_name("read-handle_new"))) u32 handle_new(void *);

extern u8 __heap_base;
static u32 heap, config_length, table_length, page, pages;
static char *config, *table;
static u64 answer_[8];
static u32 *const answer = (u32 *)answer_;
static u64 host_[8];
static u32 *const host = (u32 *)host_;
static char page_text[16];

static u8 *take(u32 size) {
  if (!heap) heap = (u32)&__heap_base;
  u32 at = (heap + 15) & ~15u, end = at + size, have = __builtin_wasm_memory_size(0) << 16;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) >> 16) == (unsigned long)-1) __builtin_trap();
  heap = end;
  return (u8 *)at;
}
void *memset(void *to, int byte, unsigned long size) { for (u8 *p = to; size--;) *p++ = (u8)byte; return to; }
void *memcpy(void *to, const void *from, unsigned long size) {
  u8 *t = to; const u8 *f = from;
  while (size--) *t++ = *f++;
  return to;
}
static u32 length(const char *text) { u32 n = 0; while (text[n]) n++; return n; }
static int is(const char *verb) {
  u32 n = length(verb);
  if (config_length < n) return 0;
  for (u32 i = 0; i < n; i++) if (config[i] != verb[i]) return 0;
  return config_length == n || config[n] == ' ';
}
static const char *argument(u32 *size) {
  u32 i = 0;
  while (i < config_length && config[i] != ' ') i++;
  if (i < config_length) i++;
  *size = config_length - i;
  return config + i;
}
static u32 number(void) {
  u32 size, value = 0;
  const char *text = argument(&size);
  for (u32 i = 0; i < size && text[i] >= '0' && text[i] <= '9'; i++) value = value * 10 + (u32)(text[i] - '0');
  return value;
}
static u32 decimal(char *to, u32 value) {
  char back[10]; u32 n = 0, i = 0;
  do back[n++] = (char)('0' + value % 10); while (value /= 10);
  while (n) to[i++] = back[--n];
  return i;
}
static void *fail(u32 which, const char *text, u32 size) {
  answer[0] = 1; answer[1] = which; answer[2] = (u32)text; answer[3] = size;
  return answer;
}
static void *none(void) { answer[0] = 0; answer[1] = 0; return answer; }
static void *batch(u32 which, const void *at, u32 size) {
  answer[0] = 0; answer[1] = 1; answer[2] = which; answer[3] = (u32)at; answer[4] = size;
  return answer;
}
static void *quoted(const char *key, const char *text, u32 size) {
  char *out = (char *)take(length(key) + size + 16), *p = out;
  *p++ = '{'; *p++ = '"'; memcpy(p, key, length(key)); p += length(key); *p++ = '"'; *p++ = ':'; *p++ = '"';
  for (u32 i = 0; i < size; i++) *p++ = text[i] == '"' || text[i] == '\\' || (u8)text[i] < 32 ? '?' : text[i];
  *p++ = '"'; *p++ = '}'; *p++ = '\n';
  return batch(0, out, (u32)(p - out));
}
// A request with one header that may hold a secret; the body becomes a page as it is.
static void *fetch(void) {
  static const char *header[] = {"x-key", 0, "${secret:KEY}", 0};
  u32 pair[4] = {(u32)header[0], 5, (u32)header[2], 13}, size;
  const char *url = argument(&size);
  http_send("GET", 3, url, size, pair, is("fetch-key") ? 1 : 0, 0, 0, 0, 2000, host);
  if (*(u8 *)host) {
    u32 which = *(u8 *)(host + 2);
    static const char *names[] = {"denied", "timeout", "connect", "too-large", "other"};
    if (which == 0 || which == 2 || which == 4) return fail(which == 2 ? 0 : 1, (char *)host[4], host[5]);
    return fail(0, names[which], length(names[which]));
  }
  u32 status = *(unsigned short *)(host + 2), handle = host[5], used = 0;
  if (status == 429) { answer[0] = 1; answer[1] = 3; answer[2] = 17; return answer; }
  char *out = (char *)take(1 << 20);
  for (;;) {
    http_read_text(handle, 65536, host);
    if (*(u8 *)host) return fail(0, "reading the body failed", 23);
    if (!*(u8 *)(host + 2)) break;
    if (used + host[4] > 1 << 20) return fail(1, "body too long for this guest", 28);
    memcpy(out + used, (void *)host[3], host[4]);
    used += host[4];
  }
  http_close(handle);
  return is("fetch-csv") ? batch(1, out, used) : quoted("body", out, used);
}
static void *list(void) {
  u32 size;
  const char *glob = argument(&size);
  files_find(glob, size, host);
  if (*(u8 *)host) return fail(1, (char *)host[2], host[3]);
  u32 count = host[2], *entry = (u32 *)host[1], used = 0;
  char *out = (char *)take(1 << 16);
  for (u32 i = 0; i < count; i++, entry += 6) {
    memcpy(out + used, (void *)entry[0], entry[1]); used += entry[1]; out[used++] = ' ';
  }
  return quoted("paths", out, used);
}
static void *read_file(void) {
  u32 size;
  const char *path = argument(&size);
  files_read_text(path, size, 0, 4096, host);
  if (*(u8 *)host) return fail(1, (char *)host[2], host[3]);
  return *(u8 *)(host + 1) ? quoted("text", (char *)host[2], host[3]) : none();
}
static void *parquet(void) {
  u32 size;
  const char *path = argument(&size);
  files_row_groups(path, size, host);
  if (*(u8 *)host) return fail(1, (char *)host[2], host[3]);
  answer[0] = 0; answer[1] = 1; answer[2] = 3; answer[3] = (u32)path; answer[4] = size; answer[5] = 0; answer[6] = host[1];
  return answer;
}
static u8 nibble(char c) { return (u8)(c <= '9' ? c - '0' : c - 'a' + 10); }
static void *unhex(const char *text, u32 size) {
  u8 *out = take(size / 2);
  for (u32 i = 0; i < size / 2; i++) out[i] = (u8)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
  return batch(2, out, size / 2);
}
static void *counted(void) {
  char *out = (char *)take(64);
  memcpy(out, "n,half\n", 7);
  u32 used = 7 + decimal(out + 7, page);
  out[used++] = ','; used += decimal(out + used, page); memcpy(out + used, ".5\n", 3);
  return batch(1, out, used + 3);
}

EXPORT("cm32p2_realloc") void *realloc_(void *old, u32 old_size, u32 align, u32 size) { (void)old; (void)old_size; (void)align; return take(size); }
EXPORT("cm32p2_initialize") void initialize(void) {}

EXPORT(SOURCE "discover") void *discover(const char *text, u32 size) {
  static u32 fields[2][6], tables[6];
  config = (char *)text; config_length = size;
  if (is("refuse")) return fail(1, "no such config", 14);
  fields[0][0] = (u32) "when"; fields[0][1] = 4; fields[0][2] = 5 | 1 << 8;
  fields[1][0] = (u32) "what"; fields[1][1] = 4; fields[1][2] = 6;
  tables[0] = (u32) "events"; tables[1] = 6; tables[2] = (u32)fields; tables[3] = 2; tables[4] = 0; tables[5] = 0;
  // A field is name (8 bytes), type and nullable (2 bytes), padded to 12.
  static u8 packed[24];
  memcpy(packed, fields[0], 12); memcpy(packed + 12, fields[1], 12);
  tables[2] = (u32)packed;
  answer[0] = 0; answer[1] = (u32)tables; answer[2] = 1;
  return answer;
}
EXPORT(SOURCE "discover_post") void discover_post(void *at) { (void)at; }

EXPORT(SOURCE "open") void *open_(const char *text, u32 size, const char *name, u32 name_size, u32 has_cursor, const char *cursor, u32 cursor_size) {
  config = (char *)text; config_length = size; table = (char *)name; table_length = name_size;
  page = 0;
  for (u32 i = 0; has_cursor && i < cursor_size; i++) page = page * 10 + (u32)(cursor[i] - '0');
  pages = number();
  if (is("expired")) return fail(2, "log in again", 12);
  if (is("limited")) { answer[0] = 1; answer[1] = 3; answer[2] = 17; return answer; }
  host_log(1, "open", 4);
  answer[0] = 0; answer[1] = handle_new(&page);
  return answer;
}
EXPORT(SOURCE "open_post") void open_post(void *at) { (void)at; }

EXPORT(SOURCE "[method]read-handle.next") void *next(void *self) {
  (void)self;
  if (is("count")) return page < pages ? (page++, counted()) : none();
  if (is("spin")) for (volatile u32 n = 0;;) n++;
  if (is("grow")) for (;;) *take(1 << 20) = 1;
  if (is("trap")) __builtin_trap();
  if (is("wild")) return batch(1, (void *)0xfffffff0u, 4096);
  if (is("far")) return (void *)0xfffffff0u;
  if (is("odd")) return (void *)1;
  if (is("case")) { answer[0] = 0; answer[1] = 1; answer[2] = 200; return answer; }
  if (is("chatter")) { for (u32 i = 0; i < 400; i++) host_log(1, config, config_length); return none(); }
  if (is("badlog")) { host_log(1, (char *)0xfffffff0u, 64); for (volatile u32 n = 0;;) n++; }
  if (page++) return none();
  if (is("fetch") || is("fetch-key") || is("fetch-csv")) return fetch();
  if (is("list")) return list();
  if (is("read")) return read_file();
  if (is("parquet")) return parquet();
  if (is("huge")) return batch(1, take(number()), number());
  u32 size;
  const char *rest = argument(&size);
  if (is("csv")) return batch(1, rest, size);
  if (is("ndjson")) return batch(0, rest, size);
  if (is("ipc")) return unhex(rest, size);
  if (is("fail")) return fail(0, rest, size);
  return none();
}
EXPORT(SOURCE "[method]read-handle.next_post") void next_post(void *at) { (void)at; }
EXPORT(SOURCE "[method]read-handle.cursor") void *cursor_(void *self) {
  (void)self;
  answer[0] = (u32)page_text; answer[1] = decimal(page_text, page);
  if (is("longcursor")) { answer[0] = (u32)take(70000); answer[1] = 70000; }
  return answer;
}
EXPORT(SOURCE "[method]read-handle.cursor_post") void cursor_post(void *at) { (void)at; }
EXPORT(SOURCE "read-handle_dtor") void dtor(void *self) { (void)self; }
