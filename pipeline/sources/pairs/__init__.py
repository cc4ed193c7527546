"""What pages have in common: pairs gathered in buffers, URLs resolved, references undone."""
