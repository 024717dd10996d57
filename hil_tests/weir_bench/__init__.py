"""The bench: tests ask for roles, a bench file says which target plays them.

`roles` are the contracts; `plugin` gives them to tests as fixtures and checks the meter after
each; `bench_file` reads the bench file; `targets` has one module for each kind of target;
`simulated` is what the unix target is made of. Gateway, broker and subscriber are real programs on
every bench.
"""
