"""What kind of reasoning a task needs: nine categories, decided from code, from programs or from grids.

It must not know any model's answers: a task's kind is the task's own.
"""
