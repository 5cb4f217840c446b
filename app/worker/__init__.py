"""Claims background jobs, runs them and commits. The jobs' rules live in the domain."""
