"""A second source of answers: programs of grid functions, found by search, that reproduce a task's demonstrations."""
