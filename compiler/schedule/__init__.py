"""The loop IR: nests of loops over buffers, what they mean, and how they may be rewritten.

`nodes` and `expressions` hold the grammar, `interpreter` the meaning, `writer` the way to write a
nest, `operators` the operators that are defined as nests. `dependence` says which iterations may
run at once, `default` picks a schedule.
"""
