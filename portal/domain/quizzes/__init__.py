"""Quizzes: assignments whose questions are answered on the page, within a time that the server keeps."""
