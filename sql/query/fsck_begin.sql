-- All checks see one snapshot.
begin transaction isolation level repeatable read, read only;
