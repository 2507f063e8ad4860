"""Categories from demonstrations alone, for any task, by trained classifiers that come with the package."""
