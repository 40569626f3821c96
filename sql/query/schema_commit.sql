-- The migration counts.
commit;
