-- The migration failed, or somebody else was faster.
rollback;
