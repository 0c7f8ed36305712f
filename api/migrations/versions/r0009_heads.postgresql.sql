-- Migration 0009 on postgresql: an index with random keys. Frozen: a change is a new migration.
-- One statement a paragraph.

ALTER TABLE holder_heads DROP CONSTRAINT holder_heads_head_once;
