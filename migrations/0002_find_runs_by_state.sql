-- An index that holds only unfinished runs was never used: statements bind the states, and SQLite cannot know
-- them when it plans. These hold every run, so looking for unfinished ones no longer reads the whole history.

DROP INDEX run_active;
CREATE INDEX run_active ON run (team_id, state, pipeline_id);
CREATE INDEX run_of_state ON run (team_id, state, created_at, id);
-- The ledger page by page, also where many pipelines fire at one moment.
DROP INDEX fire_recent;
CREATE INDEX fire_recent ON fire (team_id, first_due_at, pipeline_id);
-- Each repeatable request drops the answers that are too old.
CREATE INDEX idempotency_old ON idempotency (team_id, created_at);
