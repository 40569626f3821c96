-- Each statement sees what was committed before it.
begin transaction isolation level read committed, read write;
