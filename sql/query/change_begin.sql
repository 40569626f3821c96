-- A change and its entry in the audit log are one transaction.
begin;
