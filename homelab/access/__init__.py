"""Who may come in, and what is on show: users of the basic auth, and Ingresses for apps."""
