-- Last of the functions: nobody but their owner calls them unless granted.
revoke all on all functions in schema @schema@ from public;
