"""Questions about quizzes, by who asks: the student who takes one, the trainer who sets and marks it."""
