"""Before the start: how many users, how many days, and what could be seen with what there is."""
