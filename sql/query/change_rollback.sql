-- Undoes it.
rollback;
