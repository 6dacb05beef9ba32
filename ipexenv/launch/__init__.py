"""Start programs on one or more hosts: who sits where, over mpirun or ssh, and what they tell on the way back."""
