-- Ends the snapshot of the checks, also after an error.
rollback;
