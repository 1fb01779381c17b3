"""What is on show, and the way there: a Service, a form, what it would change, what has to come true."""
