-- A migration is one transaction.
begin transaction isolation level read committed, read write;
