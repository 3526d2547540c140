"""Questions about results: how an intake's assignments weigh, its gradebook, and what one student has reached."""
