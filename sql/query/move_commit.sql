-- Ends a transaction of a move.
commit;
