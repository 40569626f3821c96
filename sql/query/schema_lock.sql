-- Migrations one at a time, until the transaction ends. A row of the owner's and no advisory lock: any role could hold that.
lock table @schema@.t_schema in share row exclusive mode;
