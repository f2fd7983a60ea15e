"""The sync door: browsers and other clients that edit drafts together over `/api/v1/sync`."""
