"""What kind of reasoning a task needs: nine categories, decided from generators or from solvers."""
