"""All data of a person, to take along; and their erasure while the law still wants the bills."""
