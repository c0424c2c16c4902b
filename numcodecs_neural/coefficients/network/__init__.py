"""The learned coder of JPEG coefficients: each symbol under its own distribution.

Blocks of a diagonal are coded sixteen at once, each in a lane of `numcodecs_neural.vectors`. From
the ground up: `order` (of symbols, and who is near whom), `limits`, `statuses`, `tables`,
`parameters` (the weights file), `symbol_tables` (distributions as tables), `prepared` (what a
chunk's quantisation steps make of the weights), `room` (where kernels work), `arithmetic` and
`layers` (small kernels), `borders`, `ends`, `neighbours`, `regression` (what lies around a block),
`coefficient`, `constant` (what is expected of AC and of DC), `completion` (what a block leaves
behind), `symbol_reading`, `symbol_noting`, and `blocks`, the model itself. `twins` brings a
component to the grid of another one. Both directions run it: `dec_network`, `enc_network`.
"""
