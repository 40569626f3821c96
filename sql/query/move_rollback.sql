-- Undoes a transaction of a move, also after an error.
rollback;
